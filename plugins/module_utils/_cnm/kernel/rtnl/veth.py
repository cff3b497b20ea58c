# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The message that makes a veth pair whole: both ends named, addressed, enslaved and placed, the host's end up."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from .interface import UP
from .request import ACK, CREATE, EXCLUSIVE, NEWLINK, encode

_NAME_SIZE = 16
"""IFNAMSIZ: a name padded to it is read like the name alone."""
_END_NAME, _INNER_NAME = "\x01" * (_NAME_SIZE - 1), "\x02" * (_NAME_SIZE - 1)
_MAC = "02:03:03:03:03:03"
_DESCRIPTOR = 0x04040404


class Shape(NamedTuple):
    """What all endpoints of a network have in common, so that it is encoded once."""

    addressed: bool
    mtu: Optional[int]
    end_mtu: Optional[int]
    group: int
    master: int
    up: bool


class _Template(NamedTuple):
    message: bytes
    end_name: int
    inner_name: int
    address: int
    descriptor: int


def creation(shape: Shape, end_name: str, inner_name: str, address: str, descriptor: int) -> bytes:
    """Return the request that makes a pair with its inner end in the namespace of DESCRIPTOR."""
    template = _template(shape)
    message = bytearray(template.message)
    message[template.end_name : template.end_name + _NAME_SIZE] = end_name.encode().ljust(_NAME_SIZE, b"\0")
    message[template.inner_name : template.inner_name + _NAME_SIZE] = inner_name.encode().ljust(_NAME_SIZE, b"\0")
    if shape.addressed:
        message[template.address : template.address + 6] = bytes.fromhex(address.replace(":", ""))
    struct.pack_into("=I", message, template.descriptor, descriptor)
    return bytes(message)


@cache
def _template(shape: Shape) -> _Template:
    inner = properties(_INNER_NAME, _MAC if shape.addressed else None, shape.mtu, shape.group)
    inner.append(("IFLA_NET_NS_FD", _DESCRIPTOR))
    pair = ("IFLA_LINKINFO", [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", [("VETH_INFO_PEER", inner)])])
    own = properties(_END_NAME, None, shape.end_mtu, shape.group)
    if shape.master:
        own.append(("IFLA_MASTER", shape.master))
    message = request([*own, pair], shape.up)
    return _Template(
        message,
        message.index(_END_NAME.encode()),
        message.index(_INNER_NAME.encode()),
        message.index(bytes.fromhex(_MAC.replace(":", ""))) if shape.addressed else 0,
        message.index(struct.pack("=I", _DESCRIPTOR)),
    )


def properties(name: str, address: Optional[str], mtu: Optional[int], group: int) -> List[Tuple[str, Any]]:
    """Return the attributes that any new link is given."""
    found: List[Tuple[str, Any]] = [("IFLA_IFNAME", name), ("IFLA_GROUP", group)]
    if address is not None:
        found.append(("IFLA_ADDRESS", address))
    if mtu is not None:
        found.append(("IFLA_MTU", mtu))
    return found


def request(attributes: Sequence[Tuple[str, Any]], up: bool) -> bytes:
    """Return the request for a new link with ATTRIBUTES."""
    return encode("link", NEWLINK, ACK | CREATE | EXCLUSIVE, attributes, flags=UP if up else 0, change=UP)
