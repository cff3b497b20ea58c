# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network interfaces as the kernel describes them, looked up by name or index."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import Any, Dict, Iterable, List, Optional, Tuple

from . import vxlan
from .request import DUMP, GETLINK, GETNSID, encode
from .socket import Socket, attributes, number, text

UP = 0x1
"""IFF_UP in linux/if.h."""

# linux/if_link.h
_ADDRESS, _NAME, _MTU, _LINK, _MASTER, _LINKINFO, _GROUP, _LINK_NSID = 1, 3, 4, 5, 10, 18, 27, 37
_INFO_KIND, _INFO_DATA, _INFO_SLAVE_DATA = 1, 2, 5
_PORT_STATE, _PORT_HAIRPIN, _PORT_LEARNING, _PORT_ISOLATED = 1, 4, 8, 33
_FORWARDING = b"\x03"
"""BR_STATE_FORWARDING in linux/if_bridge.h."""
_SKIP_STATISTICS = 8
_NO_NSID = -1


@dataclass(frozen=True)
class Interface:
    """What one answer of the kernel says of an interface."""

    index: int
    name: str
    type: str
    """As in IFLA_INFO_KIND; empty for hardware and loopback."""
    address: str
    mtu: int
    up: bool
    group: int
    master: int
    """Index of the bridge that it is a port of; 0 if none."""
    peer: int
    """Index of the other end of a veth pair."""
    peer_nsid: int
    """Which namespace the other end is in, as this namespace numbers them; -1 for the same one."""
    isolated: Optional[bool]
    """Whether it is an isolated port that does not learn; None if only one of both is so."""
    hairpin: bool
    forwarding: bool
    """Whether it is a port that passes frames on."""
    vxlan: Optional[vxlan.Device] = None


def parse(message: bytes) -> Interface:
    """Return the interface that MESSAGE, an RTM_NEWLINK, describes."""
    index, flags = struct.unpack_from("=iI", message, 20)
    found = attributes(message, 32)
    information = attributes(found.get(_LINKINFO, b""))
    port = attributes(information.get(_INFO_SLAVE_DATA, b""))
    kind = text(information.get(_INFO_KIND, b""))
    return Interface(
        index=index,
        name=text(found[_NAME]),
        type=kind,
        address=found.get(_ADDRESS, b"").hex(":"),
        mtu=number(found[_MTU]),
        up=bool(flags & UP),
        group=number(found.get(_GROUP, b"")),
        master=number(found.get(_MASTER, b"")),
        peer=number(found.get(_LINK, b"")),
        peer_nsid=_signed(found.get(_LINK_NSID)),
        isolated=_is_isolated(port),
        hairpin=port.get(_PORT_HAIRPIN) == b"\x01",
        forwarding=port.get(_PORT_STATE) == _FORWARDING,
        vxlan=vxlan.parse(information.get(_INFO_DATA, b""), port) if kind == vxlan.KIND else None,
    )


def _is_isolated(port: Dict[int, bytes]) -> Optional[bool]:
    isolated, deaf = port.get(_PORT_ISOLATED) == b"\x01", port.get(_PORT_LEARNING) == b"\0"
    return isolated if isolated == deaf else None


def _signed(value: Optional[bytes]) -> int:
    return struct.unpack("=i", value)[0] if value else _NO_NSID


@cache
def by_name(name: str) -> bytes:
    """Return the request for the interface called NAME."""
    return encode("link", GETLINK, 0, [("IFLA_IFNAME", name), ("IFLA_EXT_MASK", _SKIP_STATISTICS)])


@cache
def _by_index_template() -> bytes:
    return encode("link", GETLINK, 0, [("IFLA_EXT_MASK", _SKIP_STATISTICS)])


def by_index(index: int) -> bytes:
    """Return the request for the interface with number INDEX."""
    message = bytearray(_by_index_template())
    struct.pack_into("=i", message, 20, index)
    return bytes(message)


def find(socket: Socket, names: Iterable[str]) -> Dict[str, Interface]:
    """Return those of the interfaces called NAMES that exist."""
    found = (parse(reply) for reply in socket.exchange([by_name(n) for n in names]) if isinstance(reply, bytes))
    return {interface.name: interface for interface in found}


def find_indices(socket: Socket, indices: Iterable[int]) -> Dict[int, Interface]:
    """Return those of the interfaces with numbers INDICES that exist."""
    found = (parse(reply) for reply in socket.exchange([by_index(i) for i in indices]) if isinstance(reply, bytes))
    return {interface.index: interface for interface in found}


def dump(socket: Socket, kind: str = "", master: int = 0) -> List[Interface]:
    """Return all interfaces of the namespace, or those of one KIND or those with one MASTER."""
    wanted: List[Tuple[str, Any]] = [("IFLA_EXT_MASK", _SKIP_STATISTICS)]
    if kind:
        wanted.append(("IFLA_LINKINFO", [("IFLA_INFO_KIND", kind)]))
    if master:
        wanted.append(("IFLA_MASTER", master))
    found = [parse(reply) for reply in socket.dump(encode("link", GETLINK, DUMP, wanted))]
    return [i for i in found if (not kind or i.type == kind) and (not master or i.master == master)]


@cache
def nsid_request(descriptor: int) -> bytes:
    """Return the request for the number that a namespace has for the namespace of DESCRIPTOR."""
    return encode("nsid", GETNSID, 0, [("NETNSA_FD", descriptor)])


def nsid(message: bytes) -> int:
    """Return the number of a namespace from the answer to :func:`nsid_request`."""
    return _signed(attributes(message, 20).get(1))
