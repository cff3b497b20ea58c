# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which part of a network's subnet a host chooses addresses from, so that no two hosts choose the same one.

A subnet is cut into slices of one size, which follows from the subnet alone: half of its host bits, rounded down,
number the slices, the others the addresses in one. A host has the slice with its number. That is the one that
inventory gives it, or else the first eight bytes of the SHA-256 of its name, as a big-endian number, modulo the
number of slices. So what a host has depends on nothing but the subnet, its own name and its own number: it stays as
it is whoever comes or goes. Two hosts that come to the same slice are refused until one of them is given a number.
"""

from __future__ import annotations

import hashlib
from typing import Dict, List, Mapping, Optional

from ...module_utils._cnm.model.addresses import Subnet


def count(subnet: Subnet) -> int:
    """Return how many slices SUBNET has."""
    return 1 << (subnet.max_prefixlen - subnet.prefixlen) // 2


def number(host: str, given: Optional[int], subnet: Subnet) -> int:
    """Return the number of the slice of SUBNET that HOST has.

    :param given: the host's number in inventory
    :raises ValueError: if SUBNET has no slice with that number
    """
    if given is None:
        return int.from_bytes(hashlib.sha256(host.encode()).digest()[:8], "big") % count(subnet)
    if not 0 <= given < count(subnet):
        raise ValueError(f"cnm_host_number {given} is not within 0 to {count(subnet) - 1}, the slices of {subnet}.")
    return given


def part(subnet: Subnet, index: int) -> Subnet:
    """Return the slice of SUBNET with number INDEX, from 0 on."""
    bits = (subnet.max_prefixlen - subnet.prefixlen) // 2
    size = 1 << (subnet.max_prefixlen - subnet.prefixlen - bits)
    first = int(subnet.network_address) + index * size
    return type(subnet)((first, subnet.prefixlen + bits))


def usable(subnet: Subnet, index: int) -> int:
    """Return how many endpoints there is room for in a slice of SUBNET, its lowest address taken by the gateway."""
    found = part(subnet, index).num_addresses
    if index == 0:
        found -= 2
    if index == count(subnet) - 1 and subnet.version == 4:
        found -= 1
    return found


def chosen(subnet: Subnet, numbers: Mapping[str, Optional[int]], problems: List[str]) -> Dict[str, int]:
    """Return the slice of SUBNET that each host has, by name; add to PROBLEMS why that cannot be.

    :param numbers: the number that inventory gives each host, None for none
    """
    if len(numbers) > count(subnet):
        problems.append(
            f"subnet {subnet} is divided into {count(subnet)} slices, too few for its {len(numbers)} hosts."
        )
        return {}
    found: Dict[str, int] = {}
    for host, given in sorted(numbers.items()):
        try:
            found[host] = number(host, given, subnet)
        except ValueError as error:
            problems.append(f"host '{host}': {error}")
            continue
        if usable(subnet, found[host]) < 1:
            problems.append(
                f"subnet {subnet} leaves host '{host}' no address: its slice is {part(subnet, found[host])}."
            )
    free = (index for index in range(count(subnet)) if index not in found.values() and usable(subnet, index) > 0)
    holders: Dict[int, str] = {}
    for host, index in found.items():
        if index in holders:
            spare = next(free, None)
            advice = f" such as {spare}" if spare is not None else ""
            problems.append(
                f"hosts '{holders[index]}' and '{host}' get the same slice of {subnet}, {part(subnet, index)}. "
                f"Give the newer of the two a cnm_host_number of its own,{advice}; the other one keeps its slice."
            )
        holders.setdefault(index, host)
    return found
