# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The slices of a subnet: parts of equal size, from each of which one host chooses addresses.

Their size depends on the subnet alone: half of its host bits, rounded down, number the slices, and the others number
the addresses in a slice. A host has the slice with its number. This is the number from the inventory, or else the first
eight bytes of the SHA-256 of its name, as a big-endian number, modulo the number of slices. So a host's slice depends
only on the subnet, its own name and its own number, and stays the same when other hosts are added or removed.

Where hosts claim their slices in etcd, the last quarter of them is left to addresses that are claimed one by one.
"""

from __future__ import annotations

import hashlib
from typing import Optional

from .addresses import Address, Subnet


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


def index_of(subnet: Subnet, address: Address) -> int:
    """Return the number of the slice of SUBNET that has ADDRESS."""
    return (int(address) - int(subnet.network_address)) // part(subnet, 0).num_addresses


def claimable(subnet: Subnet) -> int:
    """Return how many slices of SUBNET, from the first on, hosts claim as a whole."""
    return max(count(subnet) * 3 // 4, 1)
