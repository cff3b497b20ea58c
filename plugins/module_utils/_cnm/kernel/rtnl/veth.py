# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request that creates a veth pair with all its properties."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, Optional

from . import uapi
from .interface import UP
from .new_link import MODE, properties
from .request import MAC, NAME, NUMBER, shape

_QUEUES = (("IFLA_NUM_TX_QUEUES", 1), ("IFLA_NUM_RX_QUEUES", 1))
"""An end uses one queue in each direction. Without these, the kernel makes and announces one for each processor, and
then removes all but one (veth_init_queues in drivers/net/veth.c)."""


class Pair(NamedTuple):
    """What all pairs of a network have in common."""

    mtu: Optional[int]
    """Of the inner end."""
    end_mtu: Optional[int]
    """Of the end on the host."""
    group: int
    master: int
    """Index of the bridge that the end on the host is a port of; 0 if none."""
    up: bool
    """Of the end on the host."""


def creation(pair: Pair, end_name: str, inner_name: str, address: Optional[str], descriptor: int) -> bytes:
    """Return the request that creates a pair with its inner end in the namespace of DESCRIPTOR.

    :param address: the MAC address of the inner end; None or empty if the kernel chooses it
    """
    # In the order in which _shape() has the slots.
    group = NUMBER.pack(pair.group)
    values = [NAME.pack(end_name), group]
    if pair.end_mtu is not None:
        values.append(NUMBER.pack(pair.end_mtu))
    if pair.master:
        values.append(NUMBER.pack(pair.master))
    values += (NAME.pack(inner_name), group)
    if address:
        values.append(MAC.pack(address))
    if pair.mtu is not None:
        values.append(NUMBER.pack(pair.mtu))
    values.append(NUMBER.pack(descriptor))
    return _shape(bool(address), pair.mtu is not None, pair.end_mtu is not None, pair.master > 0, pair.up) % tuple(
        values
    )


@cache
def _shape(address: bool, mtu: bool, end_mtu: bool, master: bool, up: bool) -> bytes:
    inner = properties(NAME, MAC if address else None, NUMBER if mtu else None, NUMBER)
    inner += [*_QUEUES, ("IFLA_NET_NS_FD", NUMBER)]
    own = [*properties(NAME, None, NUMBER if end_mtu else None, NUMBER), *_QUEUES]
    if master:
        own.append(("IFLA_MASTER", NUMBER))
    data = (("VETH_INFO_PEER", tuple(inner)),)
    own.append(("IFLA_LINKINFO", (("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", data))))
    return shape("link", uapi.RTM_NEWLINK, MODE, tuple(own), flags=UP if up else 0, change=UP)
