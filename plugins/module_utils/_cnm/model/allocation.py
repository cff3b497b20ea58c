# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which address an endpoint gets when its user names none: the lowest that is free."""

from __future__ import annotations

import ipaddress
from typing import Container, Iterable, Optional, Tuple

from .addresses import Address
from .network import Pool


def span(pool: Pool) -> Tuple[int, int]:
    """Return the first and last address, as integers, of the range that POOL's addresses are chosen from."""
    first, last = pool.usable
    if pool.iprange is not None:
        first = max(first, int(pool.iprange.network_address))
        last = min(last, int(pool.iprange.broadcast_address))
    return first, last


def lowest_free(
    pool: Pool, taken: Iterable[int], start: Optional[int] = None, elsewhere: Container[int] = ()
) -> Address:
    """Return the lowest address of POOL that is not reserved, not TAKEN here, and not used ELSEWHERE, on another host.

    :param taken: integers in ascending order, from START on
    :param start: where to begin, if all lower addresses are known to be taken
    :raises ValueError: if all are taken
    """
    first, last = span(pool)
    candidate = first if start is None else max(first, start)
    reserved = {int(address) for address in pool.reserved}
    for address in taken:
        while candidate in reserved or candidate in elsewhere:
            candidate += 1
        if address > candidate:
            break
        candidate = max(candidate, address + 1)
    while candidate in reserved or candidate in elsewhere:
        candidate += 1
    if candidate > last:
        raise ValueError(f"no address is free in {pool.iprange or pool.subnet}.")
    return ipaddress.ip_address(candidate) if pool.subnet.version == 4 else ipaddress.IPv6Address(candidate)


def check_address(pool: Optional[Pool], address: Address) -> None:
    """Check that an endpoint may ask for ADDRESS.

    :raises ValueError: if POOL does not have it for endpoints
    """
    if pool is None:
        raise ValueError(f"address {address} cannot be used: the network has no IPv{address.version}.")
    if address not in pool.subnet:
        raise ValueError(f"address {address} is not in the network's subnet {pool.subnet}.")
    if not pool.usable[0] <= int(address) <= pool.usable[1]:
        raise ValueError(f"address {address} cannot be used: it is the first or the last address of {pool.subnet}.")
    if address in pool.reserved:
        raise ValueError(f"address {address} is taken: it is {pool.reserved[address]}.")
