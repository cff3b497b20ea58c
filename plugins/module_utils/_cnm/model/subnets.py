# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which subnet a network gets when its user names none."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Callable, Iterable, Iterator, List, Optional, Sequence, Tuple

from .addresses import Subnet

DEFAULT = tuple(
    [ipaddress.IPv4Network((f"172.{second}.0.0", 16)) for second in range(17, 32)]
    + [ipaddress.IPv4Network((f"192.168.{third}.0", 20)) for third in range(0, 256, 16)]
)
"""Docker 1.9's local pools in their order (libnetwork, ipamutils)."""
_DOCKERS = tuple((pool, pool.prefixlen) for pool in DEFAULT)


Base = Tuple[ipaddress.IPv4Network, int]
"""A subnet, and the prefix length of the pools that it is divided into."""


def default(bases: Sequence[Base]) -> Iterator[ipaddress.IPv4Network]:
    """Yield the pools of each of BASES; Docker's pools if BASES is empty."""
    for base, size in bases or _DOCKERS:
        yield from base.subnets(new_prefix=size)


def untaken(bases: Sequence[Base], taken: Sequence[Tuple[int, int]]) -> Iterator[ipaddress.IPv4Network]:
    """Yield the pools of default() that do not overlap TAKEN, pairs of first and last address in ascending order.

    Each taken range is skipped in one step, so that ten thousand networks do not make the next one slow.
    """
    for base, size in bases or _DOCKERS:
        position, end, step = int(base.network_address), int(base.broadcast_address), 1 << (32 - size)
        for first, last in taken:
            if last < position:
                continue
            while position + step <= min(first, end + 1):
                yield ipaddress.IPv4Network((position, size))
                position += step
            if first > end:
                break
            position = (last // step + 1) * step
        while position <= end:
            yield ipaddress.IPv4Network((position, size))
            position += step


def first_free(candidates: Iterable[Subnet], holder: Callable[[Subnet], Optional[str]]) -> Subnet:
    """Return the first of CANDIDATES that is free.

    :param holder: returns what holds a subnet or a part of it, None if it is free
    :raises ValueError: if there is none, naming the holder of each
    """
    held: List[str] = []
    for candidate in candidates:
        who = holder(candidate)
        if who is None:
            return candidate
        held.append(f"{candidate} ({who})")
    raise ValueError(
        f"no default address pool is free: {', '.join(held)}. Give a subnet in ipam_config, "
        "or list more pools under 'default-address-pools' in /etc/cnm/cnm.json."
    )


def unique_local(seed: str, network_id: str) -> Iterator[ipaddress.IPv6Network]:
    """Yield the /64 subnets to try for a network without an IPv6 subnet of its own (RFC 4193).

    The 40 bits of the global id are derived from SEED, which is the host's; the subnet id from NETWORK_ID.
    """
    site = b"\xfd" + hashlib.sha256(seed.encode()).digest()[:5]
    wish = int(network_id[:4], 16)
    for offset in range(0x10000):
        packed = site + ((wish + offset) % 0x10000).to_bytes(2, "big") + bytes(8)
        yield ipaddress.IPv6Network((packed, 64))
