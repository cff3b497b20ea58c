# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what hosts tell, in the format of the modules, to what a picture shows."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from _cnm.model.network import PREDEFINED

from ..errors import Failure
from ..rows import ports
from .fleet import Host, Network, Row

Told = Mapping[str, Any]
"""What a host tells of itself, or one object in it."""
_ENGINE, _NAME = "cnm.engine", "cnm.container.name"
"""Labels of a sandbox that is the container of an engine."""


def hosts_of(told: Sequence[Told]) -> List[Host]:
    """Return the hosts that have TOLD of themselves, followed by those that only others know.

    :raises Failure: if something is missing in TOLD, or if two hosts have one name
    """
    try:
        hosts = [*map(_asked, told), *_others(told)]
    except (AttributeError, KeyError, TypeError) as error:
        raise Failure(f"a host was not described as by 'cnm graph --format json': {error!r}") from error
    names = [host.name for host in hosts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Failure(f"several hosts are called '{twice[0]}'. Change 'host' in the file of one of them.")
    return hosts


def _asked(told: Told) -> Host:
    sandboxes = {sandbox["Id"]: sandbox for sandbox in told["sandboxes"]}
    rows: Dict[str, List[Row]] = {}
    for endpoint in told["endpoints"]:
        rows.setdefault(endpoint["NetworkID"], []).append(_row(endpoint, sandboxes.get(endpoint["SandboxID"])))
    joined = {endpoint["SandboxID"] for endpoint in told["endpoints"]}
    return Host(
        told["host"],
        [
            _network(network, rows.get(network["Id"], ()))
            for network in told["networks"]
            if network["Id"] in rows or network["Name"] not in PREDEFINED
        ],
        [
            Row(_name(sandbox), state=sandbox["State"], details=_of_sandbox(sandbox))
            for sandbox in told["sandboxes"]
            if sandbox["Id"] not in joined
        ],
    )


def _others(told: Sequence[Told]) -> Iterator[Host]:
    """Yield the peers of the networks in TOLD that have not told of themselves."""
    names = {one["host"] for one in told}
    addresses = {network["Host"].get("VtepAddress") for one in told for network in one["networks"]}
    found: Dict[str, Dict[str, Network]] = {}
    for network in (network for one in told for network in one["networks"]):
        for peer in network.get("Peers", ()):
            if peer["Name"] not in names and peer["IP"] not in addresses:
                found.setdefault(peer["Name"], {})[network["Id"]] = _network(network, _remote(network, peer["Name"]))
    for name, networks in sorted(found.items()):
        yield Host(name, list(networks.values()), asked=False)


def _network(told: Told, rows: Sequence[Row]) -> Network:
    about = [told["Driver"], *(pool["Subnet"] for pool in told["IPAM"]["Config"])]
    if "VxlanId" in told["Host"]:
        about.append(f"VNI {told['Host']['VxlanId']}")
    about += ["internal"] * bool(told["Internal"]) + ["encrypted"] * bool(told["Host"].get("Encrypted"))
    return Network(told["Id"], told["Name"], about, told["Scope"] == "global", rows)


def _row(endpoint: Told, sandbox: Optional[Told]) -> Row:
    own = {
        "endpoint": "" if endpoint["Name"] == endpoint["Sandbox"] else endpoint["Name"],
        "MAC address": endpoint["MacAddress"],
        "interface": endpoint["InterfaceName"],
        "aliases": ", ".join(endpoint["Aliases"]),
    }
    return Row(
        _name(sandbox) if sandbox else endpoint["Name"],
        _addresses(endpoint),
        ports(endpoint["Ports"]),
        sandbox["State"] if sandbox else "left",
        [*((heading, text) for heading, text in own.items() if text), *(_of_sandbox(sandbox) if sandbox else ())],
    )


def _remote(network: Told, peer: str) -> List[Row]:
    """Return the endpoints that NETWORK has on the host PEER."""
    return [
        Row(one["Name"], _addresses(one), details=[("MAC address", one["MacAddress"])])
        for one in network["Containers"].values()
        if one.get("Host") == peer
    ]


def _name(sandbox: Told) -> str:
    """Return the name that a container has in its engine, or the sandbox's own."""
    return str(sandbox["Labels"].get(_NAME) or sandbox["Name"])


def _of_sandbox(sandbox: Told) -> List[Tuple[str, str]]:
    labels = sandbox["Labels"]
    details = []
    if _NAME in labels:
        details.append(("sandbox", sandbox["Name"]))
    if _ENGINE in labels:
        details.append(("engine", labels[_ENGINE]))
    return details + [("label", f"{key}={value}") for key, value in labels.items() if key not in (_NAME, _ENGINE)]


def _addresses(one: Told) -> List[str]:
    return [one[key].partition("/")[0] for key in ("IPv4Address", "IPv6Address") if one[key]]
