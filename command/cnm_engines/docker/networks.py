# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of our networks a network of Docker is, and creating and removing it."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from _cnm.controller import Groups
from _cnm.engines import OPTION, SHORT_ID
from _cnm.model.addresses import Subnet, subnet
from _cnm.model.errors import Problems
from _cnm.model.network import Network
from _cnm.store.objects import SqliteStore
from _cnm.verbs.context import Host
from _cnm.verbs.engines import docker_problems

from ..container import ENGINE as ENGINE_LABEL
from ..container import network_of
from ..fields import Fields
from ..runs import Core, Warn, carry_out
from . import ids
from .ids import ENGINE
from .runs import refusal

_GENERIC = "com.docker.network.generic"
_INTERNAL = "com.docker.network.internal"
_CLOSED, _OPEN = "internal", "open"
"""Whether Docker's network is internal."""


def named(store: SqliteStore, name: str) -> Optional[Network]:
    """Return our network NAME, which Docker can use; None if there is none.

    :raises EngineError: if Docker cannot use it
    """
    return _usable(network_of(store, name))


def with_subnet(store: SqliteStore, wanted: Subnet) -> Optional[Network]:
    """Return our network with exactly the subnet WANTED; None if there is none.

    :raises EngineError: if Docker cannot use it
    """
    overlapping = store.network_over(wanted)
    return (
        _usable(overlapping)
        if overlapping is not None and any(pool.subnet == wanted for pool in overlapping.pools)
        else None
    )


def _usable(network: Optional[Network]) -> Optional[Network]:
    if network is not None:
        for problem in docker_problems(network):
            raise refusal(f"Network '{network.name}': {problem}")
    return network


def known(store: SqliteStore, identifier: str) -> Network:
    """Return our network that is Docker's with that id.

    :raises EngineError: if there is none
    """
    network = ids.network_of(store, identifier)
    if network is None:
        raise refusal(
            f"Docker's network '{identifier[:SHORT_ID]}' no longer belongs to one of our networks. Remove it with "
            "'docker network rm' and create it again."
        )
    return network


def is_closed(network: Network, identifier: str) -> bool:
    """Say whether containers have no way out of NETWORK, which is Docker's with that id."""
    return network.internal or network.docker_networks.get(identifier[:SHORT_ID]) == _CLOSED


class _Pool(NamedTuple):
    """An entry of IPv4Data or IPv6Data."""

    subnet: Subnet
    gateway: str
    auxiliary: Mapping[str, str]

    def option(self) -> Dict[str, Any]:
        """Return it as an entry of ``ipam_config``."""
        entry: Dict[str, Any] = {"subnet": str(self.subnet), "aux_addresses": dict(self.auxiliary)}
        return {**entry, "gateway": self.gateway} if self.gateway else entry


def create(core: Core, request: Fields, warn: Warn) -> Mapping[str, Any]:
    """Make one of our networks known to Docker, or make one.

    :raises CnmError: if the request is not valid, or if the host refuses a change
    """
    identifier = ids.read(request, "NetworkID")
    options = request.object("Options")
    generic = options.object(_GENERIC)
    name, internal = generic.text(OPTION), options.flag(_INTERNAL)
    chosen = {key: generic.text(key) for key in generic.values if key != OPTION}
    pools = _pools(request)
    request.problems.check()

    def choose(store: SqliteStore, _host: Host) -> Groups:
        if ids.network_of(store, identifier) is not None:
            return []
        network = named(store, name) if name else with_subnet(store, pools[0].subnet)
        theirs = {identifier[:SHORT_ID]: _CLOSED if internal else _OPEN}
        if network is not None:
            _compare(request.problems, network, pools, chosen)
            request.problems.check()
            return [("network", [{"name": network.name, "docker_networks": {**network.docker_networks, **theirs}}])]
        item = {
            "name": name or ids.endpoint_name(identifier),
            "ipam_config": [pool.option() for pool in pools],
            "enable_ipv6": any(pool.subnet.version == 6 for pool in pools),
            "internal": internal,
            "driver_options": chosen,
            "labels": {ENGINE_LABEL: ENGINE},
            "docker_networks": theirs,
        }
        return [("network", [item])]

    carry_out(core, choose, warn)
    return {}


def _pools(request: Fields) -> List[_Pool]:
    pools = []
    for entry in (*request.objects("IPv4Data"), *request.objects("IPv6Data")):
        with request.problems.about(entry.name("Pool")):
            held = entry.object("AuxAddresses")
            auxiliary = {key: _bare(held.text(key)) for key in held.values}
            pools.append(_Pool(subnet(entry.text("Pool")), _bare(entry.text("Gateway")), auxiliary))
    if not any(pool.subnet.version == 4 for pool in pools):
        request.problems.add("A network needs an IPv4 subnet.")
    return pools


def _bare(text: str) -> str:
    """Return the address in TEXT without its prefix length."""
    return text.partition("/")[0]


def _compare(problems: Problems, network: Network, pools: List[_Pool], options: Mapping[str, str]) -> None:
    """Add to PROBLEMS where Docker's network has something that NETWORK, which exists, does not have."""
    subject = f"Network '{network.name}' exists"
    for wanted in pools:
        pool = network.pool(wanted.subnet.version)
        if pool is None or pool.subnet != wanted.subnet:
            held = ", ".join(str(each.subnet) for each in network.pools)
            problems.add(f"{subject}, and its subnets are {held}, not {wanted.subnet}.")
        elif wanted.gateway and pool.gateway is not None and ipaddress.ip_address(wanted.gateway) != pool.gateway:
            problems.add(f"{subject}, and its gateway is {pool.gateway}, not {wanted.gateway}.")
    for key in options:
        problems.add(f"{subject}, so the option '{key}' would have no effect.")


def delete(core: Core, request: Fields, warn: Warn) -> Mapping[str, Any]:
    """Let Docker's network go: remove ours if it was made for Docker and nobody else uses it, or forget Docker's.

    :raises CnmError: if the request is not valid, or if the host refuses a change
    """
    identifier = ids.read(request, "NetworkID")
    request.problems.check()

    def choose(store: SqliteStore, _host: Host) -> Groups:
        network = ids.network_of(store, identifier)
        if network is None:
            return []
        others = {key: value for key, value in network.docker_networks.items() if key != identifier[:SHORT_ID]}
        item: Dict[str, Any] = {"name": network.name, "docker_networks": others}
        if others:
            return [("network", [item])]
        present = store.endpoints_of_network(network.id)
        left = [one for one in present if ids.is_of_docker(one) or ids.reserves_address(one)]
        removals = ("endpoint", [{"name": one.name, "network": network.id, "state": "absent"} for one in left])
        if network.labels.get(ENGINE_LABEL) != ENGINE:
            return [removals, ("network", [item])]
        if len(left) == len(present):
            return [removals, ("network", [{"name": network.name, "state": "absent"}])]
        # It has become a network of others.
        labels = {key: text for key, text in network.labels.items() if key != ENGINE_LABEL}
        return [removals, ("network", [{**item, "labels": labels}])]

    carry_out(core, choose, warn)
    return {}
