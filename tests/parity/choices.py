# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which address must have been chosen: the lowest free one, judged by what inspect shows."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from steps import PREDEFINED, Step

DEFAULT_POOLS = [
    *(ipaddress.ip_network(f"172.{number}.0.0/16") for number in range(17, 32)),
    *ipaddress.ip_network("192.168.0.0/16").subnets(new_prefix=20),
]


def pool_is_default(subnet: str) -> bool:
    return ipaddress.ip_network(subnet) in DEFAULT_POOLS


def endpoints(shown: Mapping[str, Any]) -> dict[tuple[str, str, int], str]:
    """Return the addresses in use, by network, container and IP version."""
    return {
        (network, container, version): each[key]
        for container, details in shown["containers"].items()
        for network, each in details["Networks"].items()
        for key, version in (("IPAddress", 4), ("GlobalIPv6Address", 6))
        if each[key]
    }


def check_addresses(
    by: str, step: Step, before: Mapping[str, Any], after: Mapping[str, Any], fixed: Mapping[Any, str]
) -> None:
    """Check that STEP chose the lowest free address, and that no address is used twice."""
    were, are = endpoints(before), endpoints(after)
    assert len({(network, address) for (network, _name, _version), address in are.items()}) == len(are), (by, are)
    renewed = by == "theirs" and step.verb == "restart"
    for key, address in are.items():
        network, container, version = key
        if key in fixed:
            assert address == fixed[key], (by, step)
        elif were.get(key) != address or (renewed and container == step.name):
            taken = {address for (on, name, _v), address in were.items() if on == network and name != container}
            assert address == lowest_free(by, after["networks"][network], version, taken), (by, step, network)


def lowest_free(by: str, network: Mapping[str, Any], version: int, taken: "set[str]") -> str:
    (pool,) = [each for each in network["IPAM"]["Config"] if (":" in each["Subnet"]) == (version == 6)]
    subnet = ipaddress.ip_network(pool["Subnet"])
    within = ipaddress.ip_network(pool.get("IPRange", pool["Subnet"]))
    held = {*taken, *pool.get("AuxiliaryAddresses", {}).values(), str(subnet[0])}
    if version == 4:
        held.add(str(subnet[-1]))
    if network["Name"] not in PREDEFINED or by == "ours" or "Gateway" in pool:
        # Docker 20.10 does not show the gateway that it chose, the lowest address of the range.
        chosen_in = within if by == "theirs" else subnet
        held.add(pool.get("Gateway") or next(str(each) for each in chosen_in if str(each) not in {*held} - taken))
    else:
        held.add(str(subnet[1]))
    return next(str(each) for each in within if str(each) not in held)
