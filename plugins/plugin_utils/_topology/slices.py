# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a network's subnet that a host chooses addresses from, so that no two hosts choose the same address.

A subnet is divided into slices of equal size, which depends on the subnet alone: half of its host bits, rounded down,
number the slices, and the others number the addresses in a slice. A host has the slice with its number. This is the
number from the inventory, or else the first eight bytes of the SHA-256 of its name, as a big-endian number, modulo the
number of slices. So a host's slice depends only on the subnet, its own name and its own number, and stays the same when
other hosts are added or removed. Two host names can hash to the same slice: they are refused until one has a number.
"""

from __future__ import annotations

import hashlib
from typing import Dict, List, Mapping, Optional

from ...module_utils._cnm.model.addresses import Subnet


def count(subnet: Subnet) -> int:
    """Return the number of slices of SUBNET."""
    return 1 << (subnet.max_prefixlen - subnet.prefixlen) // 2


def number(host: str, given: Optional[int], subnet: Subnet) -> int:
    """Return the number of the slice of SUBNET that HOST has.

    :param given: the host's number in the inventory
    :raises ValueError: if SUBNET has no slice with that number
    """
    if given is None:
        return int.from_bytes(hashlib.sha256(host.encode()).digest()[:8], "big") % count(subnet)
    if not 0 <= given < count(subnet):
        raise ValueError(f"cnm_host_number {given} is not within 0 to {count(subnet) - 1}, the slices of {subnet}.")
    return given


def part(subnet: Subnet, index: int) -> Subnet:
    """Return the slice of SUBNET with number INDEX, which starts at 0."""
    bits = (subnet.max_prefixlen - subnet.prefixlen) // 2
    size = 1 << (subnet.max_prefixlen - subnet.prefixlen - bits)
    first = int(subnet.network_address) + index * size
    return type(subnet)((first, subnet.prefixlen + bits))


def usable(subnet: Subnet, index: int) -> int:
    """Return how many endpoints fit into a slice of SUBNET, whose lowest address is the gateway's."""
    size = part(subnet, index).num_addresses
    if index == 0:
        size -= 2
    if index == count(subnet) - 1 and subnet.version == 4:
        size -= 1
    return size


def chosen(subnet: Subnet, numbers: Mapping[str, Optional[int]], problems: List[str]) -> Dict[str, int]:
    """Return each host's slice of SUBNET, by name; add to PROBLEMS why this is impossible.

    :param numbers: each host's number in the inventory, or None
    """
    if len(numbers) > count(subnet):
        problems.append(
            f"subnet {subnet} is divided into {count(subnet)} slices, too few for its {len(numbers)} hosts."
        )
        return {}
    indices: Dict[str, int] = {}
    for host, given in sorted(numbers.items()):
        try:
            indices[host] = number(host, given, subnet)
        except ValueError as error:
            problems.append(f"host '{host}': {error}")
            continue
        if usable(subnet, indices[host]) < 1:
            problems.append(
                f"subnet {subnet} leaves host '{host}' no address: its slice is {part(subnet, indices[host])}."
            )
    free = (index for index in range(count(subnet)) if index not in indices.values() and usable(subnet, index) > 0)
    holders: Dict[int, str] = {}
    for host, index in indices.items():
        if index in holders:
            spare = next(free, None)
            advice = f" such as {spare}" if spare is not None else ""
            problems.append(
                f"hosts '{holders[index]}' and '{host}' get the same slice of {subnet}, {part(subnet, index)}. "
                f"Give the newer of the two a cnm_host_number of its own,{advice}; the other one keeps its slice."
            )
        holders.setdefault(index, host)
    return indices
