# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rtnetlink requests as bytes.

Packed here and not by pyroute2, as its import costs 0.1 s of each task and one message 0.3 ms. There is a row for each
attribute that we send; the unit tests compare each request with the one that pyroute2 makes.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, Callable, Dict, List, Sequence, Tuple

# linux/netlink.h, linux/rtnetlink.h and linux/net_namespace.h
REQUEST, ACK, DUMP, REPLACE, EXCLUSIVE, CREATE = 0x1, 0x4, 0x300, 0x100, 0x200, 0x400
NEWLINK, DELLINK, GETLINK = 16, 17, 18
NEWADDR, DELADDR, GETADDR = 20, 21, 22
NEWROUTE, DELROUTE, GETROUTE = 24, 25, 26
GETNSID = 90

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
_INTERFACE = struct.Struct("=BxHiII")

Attributes = Sequence[Tuple[str, Any]]

_FIXED: Dict[str, Tuple[struct.Struct, Tuple[str, ...]]] = {
    "link": (_INTERFACE, ("family", "ifi_type", "index", "flags", "change")),
    "address": (struct.Struct("=BBBBI"), ("family", "prefixlen", "flags", "scope", "index")),
    "route": (
        struct.Struct("=BBBBBBBBI"),
        ("family", "dst_len", "src_len", "tos", "table", "proto", "scope", "type", "flags"),
    ),
    "nsid": (struct.Struct("=Bxxx"), ("family",)),
}
"""The fixed part of each kind of message: struct ifinfomsg, ifaddrmsg, rtmsg, rtgenmsg."""


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def _mac(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


def _address(value: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in value else socket.AF_INET, value)


def _peer(values: Attributes) -> bytes:
    return bytes(_INTERFACE.size) + b"".join(packed(values))


def _nested(values: Attributes) -> bytes:
    return b"".join(packed(values))


_port = struct.Struct("!H").pack
_byte, _word = struct.Struct("=B").pack, struct.Struct("=I").pack

_KINDS: Dict[str, Tuple[int, Callable[[Any], bytes]]] = {
    # linux/if_link.h
    "IFLA_ADDRESS": (1, _mac),
    "IFLA_IFNAME": (3, _text),
    "IFLA_MTU": (4, _word),
    "IFLA_MASTER": (10, _word),
    "IFLA_LINKINFO": (18, _nested),
    "IFLA_GROUP": (27, _word),
    "IFLA_NET_NS_FD": (28, _word),
    "IFLA_EXT_MASK": (29, _word),
    "IFLA_INFO_KIND": (1, _text),
    "IFLA_INFO_DATA": (2, _nested),
    "IFLA_INFO_SLAVE_KIND": (4, _text),
    "IFLA_INFO_SLAVE_DATA": (5, _nested),
    "IFLA_BRPORT_MODE": (4, _byte),
    "IFLA_BRPORT_LEARNING": (8, _byte),
    "IFLA_BRPORT_NEIGH_SUPPRESS": (32, _byte),
    "IFLA_BRPORT_ISOLATED": (33, _byte),
    "IFLA_VXLAN_ID": (1, _word),
    "IFLA_VXLAN_LINK": (3, _word),
    "IFLA_VXLAN_LOCAL": (4, _address),
    "IFLA_VXLAN_TTL": (5, _byte),
    "IFLA_VXLAN_LEARNING": (7, _byte),
    "IFLA_VXLAN_PORT": (15, _port),
    "IFLA_VXLAN_LOCAL6": (17, _address),
    # linux/veth.h: a struct ifinfomsg, then attributes
    "VETH_INFO_PEER": (1, _peer),
    # linux/if_addr.h
    "IFA_ADDRESS": (1, _address),
    "IFA_LOCAL": (2, _address),
    "IFA_BROADCAST": (4, _address),
    # linux/rtnetlink.h
    "RTA_DST": (1, _address),
    "RTA_OIF": (4, _word),
    "RTA_GATEWAY": (5, _address),
    "RTA_PRIORITY": (6, _word),
    # linux/net_namespace.h
    "NETNSA_FD": (3, _word),
}
"""The number of each attribute, and what packs its value."""


def packed(values: Attributes) -> List[bytes]:
    """Return the attributes VALUES, each at a multiple of four bytes."""
    found = []
    for name, value in values:
        number, pack = _KINDS[name]
        payload = pack(value)
        found.append(ATTRIBUTE.pack(ATTRIBUTE.size + len(payload), number) + payload + bytes(-len(payload) % 4))
    return found


def encode(kind: str, command: int, mode: int, values: Attributes, /, **fields: int) -> bytes:
    """Return a request.

    :param kind: ``link``, ``address``, ``route`` or ``nsid``
    :param mode: flags of the header besides REQUEST
    :param values: attributes by the kernel's names; nested ones as sequences
    :param fields: of the message's fixed part, by the kernel's names without their prefixes; 0 if left out
    """
    layout, names = _FIXED[kind]
    fixed = layout.pack(*(fields.pop(name, 0) for name in names))
    if fields:
        raise TypeError(f"a message '{kind}' has no field '{min(fields)}'")
    body = b"".join((fixed, *packed(values)))
    return HEADER.pack(HEADER.size + len(body), command, mode | REQUEST, 0, 0) + body
