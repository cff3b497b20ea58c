# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What works on a side: names, ways out, published ports, and who reaches whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from typing import Any

from choices import endpoints
from lab import OUTSIDE4, UPLINK4, at, pinged, seen
from ours import Ours
from steps import PREDEFINED
from theirs import Theirs

PAIRS = 6
"""How many pairs of containers are tried after a sequence: each pair without a connection takes a while."""


def running(shown: Mapping[str, Any]) -> list[str]:
    return sorted(name for name, each in shown["containers"].items() if each["State"] == "running")


def known(shown: Mapping[str, Any]) -> set[str]:
    """Return the names and aliases of all containers, alone and with the names of their networks appended."""
    called = {
        (name, network)
        for container, each in shown["containers"].items()
        for network, attachment in each["Networks"].items()
        for name in (container, *attachment["Aliases"])
    }
    return {each for pair in called for each in (pair[0], ".".join(pair))}


def found_by_name(
    side: Ours | Theirs, shown: Mapping[str, Any], candidates: Collection[str]
) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Return the containers, with their networks, that each container finds for each of the names CANDIDATES."""
    holders = {address: (network, name) for (network, name, _version), address in endpoints(shown).items()}
    addresses = {}
    for container in running(shown):
        joined = {*shown["containers"][container]["Networks"]}
        if joined - {*PREDEFINED}:
            for name in sorted(candidates):
                addresses[container, name] = {holders[address] for address in side.resolved(container, name)}
    return addresses


def default_routes(side: Ours | Theirs, shown: Mapping[str, Any]) -> dict[str, str]:
    """Return the network that provides the default route of each container."""
    routes = {}
    for container in running(shown):
        with at(side.place(container)), open("/proc/thread-self/net/route") as stream:
            rows = [line.split() for line in stream][1:]
        gateways = [row[2] for row in rows if row[1] == "00000000" and row[7] == "00000000"]
        attached = shown["containers"][container]["Networks"]
        owners = {each["Gateway"]: network for network, each in attached.items()}
        for gateway in gateways:
            address = str(ipaddress.IPv4Address(bytes.fromhex(gateway)[::-1]))
            routes[container] = owners.get(address, address)
    return routes


def reached(side: Ours | Theirs, shown: Mapping[str, Any]) -> dict[tuple[str, ...], bool]:
    """Return who reaches whom and the outside with an echo request, and which published ports work from outside."""
    answers: dict[tuple[str, ...], bool] = {}
    places = {name: side.place(name) for name in running(shown)}
    for name, place in places.items():
        answers[name, "outside"] = pinged(place, OUTSIDE4)
    for network, target, version in sorted(endpoints(shown)):
        for name, place in places.items():
            if name != target and target in places and version == 4 and len(answers) < PAIRS:
                answers[name, network, target] = pinged(place, endpoints(shown)[network, target, version])
    for name, place in places.items():
        for inside, bindings in sorted(shown["containers"][name]["Ports"].items()):
            port, protocol = inside.split("/")
            for address, outer in bindings:
                if outer != "any" and address == "0.0.0.0":
                    heard = seen(side.outside, (UPLINK4, int(outer)), place, ("0.0.0.0", int(port)), protocol)
                    answers[name, inside, outer] = heard is not None
    return answers
