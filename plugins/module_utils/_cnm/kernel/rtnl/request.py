# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rtnetlink requests that change something, encoded by pyroute2.

pyroute2 takes 60 to 160 microseconds to encode a message, and 15 milliseconds to import its classes. So it encodes each
*shape* of request once, with marks in place of the values that differ from request to request. Filling in the values
takes one microsecond. A host's compiled copy of the core contains the shapes, too.
"""

from __future__ import annotations

import socket
import sys
from functools import lru_cache
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from ...loader import installed
from ...model.errors import KernelRefused
from . import uapi
from .message_classes import message_class
from .query import WORD as _INTEGER

_CLASSES = {"link": "ifinfmsg", "address": "ifaddrmsg", "route": "rtmsg", "neighbour": "ndmsg"}
_NAME_SIZE = 16
"""IFNAMSIZ. The kernel ignores the zeros with which a name is padded to this size."""

Attributes = Sequence[Tuple[str, Any]]


def import_classes() -> None:
    """Import pyroute2's classes now instead of with the first request."""
    for name in _CLASSES.values():
        message_class(name)


class Slot(NamedTuple):
    """A place for a value of one type."""

    size: int
    mark: Callable[[bytes], Any]
    """Returns a value that pyroute2 encodes to these bytes, or to almost these bytes."""
    pack: Callable[[Any], bytes]
    """Returns the bytes of a value."""

    def __repr__(self) -> str:
        return f"<{self.size} bytes>"


def _name(value: str) -> bytes:
    # A name that is too long is cut. What remains has no zero at the end, so the kernel refuses it.
    return value.encode().ljust(_NAME_SIZE, b"\0")[:_NAME_SIZE]


def _mac(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


NAME = Slot(_NAME_SIZE, lambda packed: packed[:-1].decode(), _name)
MAC = Slot(6, lambda packed: packed.hex(":"), _mac)
NUMBER = Slot(4, lambda packed: int.from_bytes(packed, sys.byteorder), _INTEGER.pack)
IPV4 = Slot(4, socket.inet_ntoa, socket.inet_aton)
IPV6 = Slot(
    16, lambda packed: socket.inet_ntop(socket.AF_INET6, packed), lambda value: socket.inet_pton(socket.AF_INET6, value)
)

_SLOTS: Dict[str, Slot] = {
    **dict.fromkeys(("IFLA_ADDRESS", "NDA_LLADDR"), MAC),
    **dict.fromkeys(("IFLA_MTU", "IFLA_LINK", "IFLA_MASTER", "IFLA_GROUP", "IFLA_NET_NS_FD"), NUMBER),
    **dict.fromkeys(("IFLA_VXLAN_ID", "IFLA_VXLAN_LINK", "RTA_OIF", "RTA_PRIORITY"), NUMBER),
    **dict.fromkeys(("NDA_VNI", "NDA_IFINDEX", "index", "ifindex"), NUMBER),
    "IFLA_IFNAME": NAME,
    "IFLA_VXLAN_LOCAL": IPV4,
    "IFLA_VXLAN_LOCAL6": IPV6,
}
"""The attributes and fields that :func:`encode` makes slots, besides IP addresses. All others are part of the shape."""
_ADDRESSES = frozenset(("IFA_LOCAL", "IFA_ADDRESS", "IFA_BROADCAST", "RTA_DST", "RTA_GATEWAY", "NDA_DST"))


@lru_cache(maxsize=256)
def shape(kind: str, command: int, mode: int, attributes: Attributes, /, **fields: Any) -> bytes:
    """Return a request as a format: with ``%`` and the bytes of its values, in their order, it is the request.

    :param kind: ``link``, ``address``, ``route`` or ``neighbour``
    :param mode: flags of the header besides NLM_F_REQUEST
    :param attributes: names and values, in tuples; nested attributes are a tuple as well, and a slot is a :class:`Slot`
    :param fields: of the message's fixed part, by pyroute2's names; 0 if left out, for a route's family AF_INET
    :raises KernelRefused: if pyroute2 cannot encode it
    """
    loader = installed()
    if loader is None:
        return _encoded(kind, command, mode, attributes, fields)
    key = repr((kind, command, mode, attributes, fields))
    if key not in loader.copy:
        loader.add(key, _encoded(kind, command, mode, attributes, fields))
    return loader.copy[key]


def _encoded(kind: str, command: int, mode: int, attributes: Attributes, fields: Mapping[str, Any]) -> bytes:
    marks: List[bytes] = []

    def marked(value: Any) -> Any:
        if isinstance(value, Slot):
            mark = value.mark(bytes([ord("A") + len(marks)]) * value.size)
            marks.append(value.pack(mark))
            return mark
        if isinstance(value, tuple):
            return {"attrs": [[name, marked(inner)] for name, inner in value]}
        return value

    message = message_class(_CLASSES[kind])()
    for name, value in (("type", command), ("flags", mode | uapi.NLM_F_REQUEST), ("sequence_number", 0), ("pid", 0)):
        message["header"][name] = value
    for name, value in fields.items():
        message[name] = marked(value)
    message["attrs"] = marked(tuple(attributes))["attrs"]
    message.encode()
    _refuse_omissions(message)
    data = bytes(message.data)
    encoded = (data + bytes(-len(data) % 4)).replace(b"%", b"%%")
    for mark in marks:
        if encoded.count(mark) != 1:
            raise KernelRefused(f"This version of pyroute2 does not encode a request about a {kind} as expected.")
        encoded = encoded.replace(mark, b"%b")
    return encoded


def _refuse_omissions(message: Mapping[str, Any]) -> None:
    """Refuse the encoded MESSAGE if it lacks an attribute: pyroute2 leaves out attributes that it does not know."""
    for attribute in message["attrs"]:
        name, value = attribute[0], attribute[1]
        # pyroute2 replaces the list that it was given by the encoded attribute.
        if isinstance(attribute, list):
            raise KernelRefused(f"This version of pyroute2 does not know the attribute {name}. Install a newer one.")
        if isinstance(value, dict) and "attrs" in value:
            _refuse_omissions(value)


def encode(kind: str, command: int, mode: int, attributes: Attributes, /, **fields: Any) -> bytes:
    """Return a request. The parameters are those of :func:`shape`, with values instead of slots."""
    values: List[bytes] = []
    fixed = {name: _slotted(name, value, values) for name, value in fields.items()}
    outline = _slotted("", attributes, values)
    return shape(kind, command, mode, outline, **fixed) % tuple(values)


def _slotted(name: str, value: Any, values: List[bytes]) -> Any:
    """Return the slot for the attribute or field NAME, to which VALUE is added as bytes, or VALUE if it has none."""
    slot = (IPV6 if ":" in value else IPV4) if name in _ADDRESSES else _SLOTS.get(name)
    if slot is not None:
        values.append(slot.pack(value))
        return slot
    if isinstance(value, (list, tuple)):
        return tuple([(inner, _slotted(inner, each, values)) for inner, each in value])
    return value
