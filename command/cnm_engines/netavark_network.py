# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``podman network create --driver cnm``: makes one of our networks known to Podman, or makes a network."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, Mapping

from _cnm.controller import Groups
from _cnm.engines import OPTION
from _cnm.model.errors import Problems
from _cnm.model.network import Network
from _cnm.store.objects import SqliteStore
from _cnm.verbs.context import Host

from .container import ENGINE as LABEL
from .container import network_of
from .errors import INVALID_CONFIGURATION, EngineError
from .fields import Fields
from .runs import Core

ENGINE = "netavark"
_DRIVERS = ("", "host-local")
"""Values of the option ``driver`` of Podman's IPAM that ask for nothing in particular."""


def our_network(network: Fields) -> str:
    """Return name or id of our network for Podman's NETWORK."""
    return network.object("options").text(OPTION) or network.text("name")


def create(core: Core, values: Mapping[str, Any], repeated: bool = False) -> Mapping[str, Any]:
    """Return VALUES, Podman's description of a network, completed from our network; make that if there is a subnet.

    :param repeated: whether the same request may have made the network, without an answer
    :raises EngineError: if there is no such network, and no subnet with which to make it
    :raises CnmError: if VALUES are not valid, or differ from our network, or if the network cannot be made
    """
    problems = Problems()
    fields = Fields(values, problems)
    fields.required("name")
    reference = our_network(fields)
    subnets = fields.objects("subnets")
    wanted = [_subnet(problems, each) for each in subnets]
    _refuse_settings(problems, fields)
    names: List[str] = []
    problems.check()

    def choose(store: SqliteStore, _host: Host) -> Groups:
        existing = network_of(store, reference)
        names.append(existing.name if existing is not None else reference)
        if existing is not None and not repeated:
            _compare(problems, fields, wanted, existing)
            problems.check()
        if existing is not None:
            return []
        if not wanted:
            raise EngineError(
                INVALID_CONFIGURATION,
                f"There is no network '{reference}'. Create it first, or give the subnet with which to create it.",
            )
        return [("network", [_item(fields, reference, wanted)])]

    with core(False) as controller:
        controller.ensure_chosen(choose)
        (shown,) = controller.describe("network", lambda _store, network: network.name == names[0])
    return _completed(fields, shown)


def _refuse_settings(problems: Problems, fields: Fields) -> None:
    """Add to PROBLEMS what Podman would set, and our network decides."""
    for key in ("network_interface", "routes", "network_dns_servers"):
        if fields.values.get(key):
            problems.add(f"{fields.name(key)} cannot be chosen here; it is a property of our network.")
    ipam = fields.object("ipam_options").text("driver")
    if ipam not in _DRIVERS:
        problems.add(f"IPAM driver '{ipam}' cannot be used; our network chooses the addresses.")


def _item(fields: Fields, name: str, subnets: List[Dict[str, str]]) -> Dict[str, Any]:
    """Return the item of the network to make."""
    options = {key: text for key, text in fields.object("options").values.items() if key != OPTION}
    return {
        "name": name,
        "ipam_config": subnets,
        "enable_ipv6": any(":" in each["subnet"] for each in subnets),
        "internal": fields.flag("internal"),
        "dns": None if fields.flag("dns_enabled") else False,
        "driver_options": options,
        "labels": {LABEL: ENGINE},
    }


def _subnet(problems: Problems, given: Fields) -> Dict[str, str]:
    """Return an entry of ``ipam_config`` for the GIVEN subnet."""
    entry = {"subnet": given.required("subnet")}
    if given.text("gateway"):
        entry["gateway"] = given.text("gateway")
    lease = given.object("lease_range")
    if lease.values:
        with problems.about(given.name("lease_range")):
            first, last = lease.required("start_ip"), lease.required("end_ip")
            ranges = list(ipaddress.summarize_address_range(ipaddress.ip_address(first), ipaddress.ip_address(last)))
            if len(ranges) != 1:
                raise ValueError(f"{first} to {last} is not one block of addresses, such as 10.1.0.64 to 10.1.0.127.")
            entry["iprange"] = str(ranges[0])
    return entry


def _compare(problems: Problems, fields: Fields, wanted: List[Dict[str, str]], network: Network) -> None:
    """Add to PROBLEMS where FIELDS ask for something that NETWORK, which exists, does not have."""
    subject = f"Network '{network.name}' exists"
    for entry in wanted:
        pool = next((pool for pool in network.pools if str(pool.subnet) == entry["subnet"]), None)
        if pool is None:
            held = ", ".join(str(pool.subnet) for pool in network.pools)
            problems.add(f"{subject}, and its subnets are {held}, not {entry['subnet']}.")
            continue
        if entry.get("gateway", str(pool.gateway)) != str(pool.gateway):
            problems.add(f"{subject}, and its gateway is {pool.gateway}, not {entry['gateway']}.")
        if entry.get("iprange", str(pool.iprange)) != str(pool.iprange):
            problems.add(f"{subject}, and its iprange is {pool.iprange}, not {entry['iprange']}.")
    if fields.flag("internal") and not network.internal:
        problems.add(f"{subject}, and it is not internal.")
    if fields.flag("ipv6_enabled") and not network.ipv6:
        problems.add(f"{subject}, and it has no IPv6.")
    for key in fields.object("options").values:
        if key != OPTION:
            problems.add(f"{subject}, so the option '{key}' would have no effect.")


def _completed(fields: Fields, shown: Mapping[str, Any]) -> Dict[str, Any]:
    """Return FIELDS with what inspect has SHOWN of our network."""
    pools = shown["IPAM"]["Config"]
    return {
        **fields.values,
        "network_interface": shown["Host"]["Device"],
        "subnets": [{key.lower(): pool[key] for key in ("Subnet", "Gateway") if key in pool} for pool in pools],
        "ipv6_enabled": shown["EnableIPv6"],
        "internal": shown["Internal"],
        "dns_enabled": fields.flag("dns_enabled") and shown["Host"]["Dns"],
        # With its own driver, host-local, Podman would choose addresses that others on the network have.
        "ipam_options": {"driver": "cnm"},
        "options": {**fields.object("options").values, OPTION: shown["Name"]},
    }
