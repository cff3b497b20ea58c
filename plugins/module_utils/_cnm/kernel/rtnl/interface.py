# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network interfaces as the kernel describes them, looked up by name or index."""

from __future__ import annotations

import errno
import struct
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Dict, Iterable, List, Optional, Tuple

from ...model.value import value
from ...resources.link import BRIDGE
from . import ipvlan, macvlan, uapi, vlan
from .query import LINK, NSID, WORD, attribute, query
from .socket import Socket, attributes, number, text

if TYPE_CHECKING:
    from .vxlan import Device

UP = 0x1
"""IFF_UP in linux/if.h."""
GONE = (errno.ENODEV, errno.ENOENT)
"""The kernel's errors for an interface that no longer exists."""
LEAVING = 0x78636E6D
"""Device group of our links that are about to be removed: "xcnm" in ASCII.

If a run is killed at this point, the next run reads such a link as one of ours that it has to create again.
"""

_INDEX = struct.Struct("=i")
_FORWARDING = b"\x03"
"""BR_STATE_FORWARDING in linux/if_bridge.h."""
_NO_STATISTICS = (uapi.IFLA_EXT_MASK, WORD.pack(0x8))
"""RTEXT_FILTER_SKIP_STATS in linux/rtnetlink.h."""
_NO_NSID = -1
_WANTED = frozenset(
    (
        uapi.IFLA_ADDRESS,
        uapi.IFLA_CARRIER,
        uapi.IFLA_IFNAME,
        uapi.IFLA_MTU,
        uapi.IFLA_LINK,
        uapi.IFLA_MASTER,
        uapi.IFLA_LINKINFO,
        uapi.IFLA_GROUP,
        uapi.IFLA_LINK_NETNSID,
    )
)
"""What is read of an interface. The kernel sends forty attributes, and almost as many for a port of a bridge."""
_WANTED_OF_PORT = frozenset(
    (
        uapi.IFLA_BRPORT_ISOLATED,
        uapi.IFLA_BRPORT_LEARNING,
        uapi.IFLA_BRPORT_MODE,
        uapi.IFLA_BRPORT_NEIGH_SUPPRESS,
        uapi.IFLA_BRPORT_STATE,
    )
)


@value
class Interface:
    """What an answer of the kernel says of an interface."""

    index: int
    name: str
    type: str
    """As in IFLA_INFO_KIND; empty for hardware and loopback."""
    address: str
    mtu: int
    up: bool
    group: int
    master: int
    """Index of the bridge that it is a port of; 0 if it is not a port."""
    peer: int
    """Index of the other end of a veth, or of the interface that a macvlan, an ipvlan or a VLAN is on."""
    peer_nsid: int
    """The number that this namespace has for the namespace of ``peer``; -1 if it is the same namespace."""
    isolated: bool
    """Whether it is an isolated bridge port."""
    hairpin: bool
    forwarding: bool
    """Whether it is a port that forwards frames."""
    vxlan: Optional[Device] = None
    mode: str = ""
    """Of a macvlan or an ipvlan, in the words of ``ip link``; empty for other interfaces."""
    learning: bool = True
    """False for a bridge port that does not learn."""
    tag: Optional[int] = None
    """Of a VLAN; None for other interfaces."""
    flag: str = ""
    """Of an ipvlan, in the words of ``ip link``; empty for other interfaces."""
    vlan_filtering: Optional[bool] = None
    """Of a bridge, whether it forwards by VLAN; None for other interfaces."""
    carrier: bool = True


def parse(message: bytes) -> Interface:
    """Return the interface that MESSAGE, an RTM_NEWLINK, describes."""
    index, flags = struct.unpack_from("=iI", message, 20)
    values = attributes(message, 32, _WANTED)
    information = attributes(values.get(uapi.IFLA_LINKINFO, b""))
    port = attributes(information.get(uapi.IFLA_INFO_SLAVE_DATA, b""), 0, _WANTED_OF_PORT)
    kind, data = text(information.get(uapi.IFLA_INFO_KIND, b"")), information.get(uapi.IFLA_INFO_DATA, b"")
    mode, flag = (macvlan.mode(data), "") if kind == macvlan.KIND else ("", "")
    if kind == ipvlan.KIND:
        mode, flag = ipvlan.mode(data)
    return Interface(
        index=index,
        name=text(values[uapi.IFLA_IFNAME]),
        type=kind,
        address=values.get(uapi.IFLA_ADDRESS, b"").hex(":"),
        mtu=number(values[uapi.IFLA_MTU]),
        up=bool(flags & UP),
        group=number(values.get(uapi.IFLA_GROUP, b"")),
        master=number(values.get(uapi.IFLA_MASTER, b"")),
        peer=number(values.get(uapi.IFLA_LINK, b"")),
        peer_nsid=_signed(values.get(uapi.IFLA_LINK_NETNSID)),
        isolated=port.get(uapi.IFLA_BRPORT_ISOLATED) == b"\x01",
        learning=port.get(uapi.IFLA_BRPORT_LEARNING) != b"\0",
        hairpin=port.get(uapi.IFLA_BRPORT_MODE) == b"\x01",
        forwarding=port.get(uapi.IFLA_BRPORT_STATE) == _FORWARDING,
        mode=mode,
        flag=flag,
        tag=vlan.tag(data) if kind == vlan.KIND else None,
        vxlan=_vxlan(data, port) if kind == "vxlan" else None,
        vlan_filtering=_filters(data) if kind == BRIDGE else None,
        carrier=values.get(uapi.IFLA_CARRIER) != b"\0",
    )


def _filters(data: bytes) -> bool:
    return attributes(data, 0, (uapi.IFLA_BR_VLAN_FILTERING,)).get(uapi.IFLA_BR_VLAN_FILTERING) == b"\x01"


def _vxlan(data: bytes, port: Dict[int, bytes]) -> Device:
    from . import vxlan

    return vxlan.parse(data, port)


def _signed(value: Optional[bytes]) -> int:
    return struct.unpack("=i", value)[0] if value else _NO_NSID


@lru_cache(maxsize=1024)
def by_name(name: str) -> bytes:
    """Return the request for the interface called NAME."""
    return query(
        uapi.RTM_GETLINK, 0, LINK.pack(0, 0, 0, 0, 0), (uapi.IFLA_IFNAME, name.encode() + b"\0"), _NO_STATISTICS
    )


@cache
def _by_index_template() -> bytes:
    return query(uapi.RTM_GETLINK, 0, LINK.pack(0, 0, 0, 0, 0), _NO_STATISTICS)


def by_index(index: int) -> bytes:
    """Return the request for the interface with number INDEX."""
    message = bytearray(_by_index_template())
    struct.pack_into("=i", message, 20, index)
    return bytes(message)


def find(socket: Socket, names: Iterable[str]) -> Dict[str, Interface]:
    """Return those of the interfaces called NAMES that exist."""
    interfaces = (parse(reply) for reply in socket.exchange([by_name(n) for n in names]) if isinstance(reply, bytes))
    return {interface.name: interface for interface in interfaces}


def indices(socket: Socket, names: Iterable[str]) -> Dict[str, int]:
    """Return the indices, by name, of those of the interfaces called NAMES that exist."""
    asked = list(names)
    replies = socket.exchange([by_name(name) for name in asked])
    return {name: _INDEX.unpack_from(reply, 20)[0] for name, reply in zip(asked, replies) if isinstance(reply, bytes)}


def find_indices(socket: Socket, indices: Iterable[int]) -> Dict[int, Interface]:
    """Return those of the interfaces with numbers INDICES that exist."""
    interfaces = (parse(reply) for reply in socket.exchange([by_index(i) for i in indices]) if isinstance(reply, bytes))
    return {interface.index: interface for interface in interfaces}


def listing(kind: str = "", master: int = 0) -> bytes:
    """Return the request for all interfaces, or those of a KIND or with a MASTER."""
    wanted: List[Tuple[int, bytes]] = [_NO_STATISTICS]
    if kind:
        wanted.append((uapi.IFLA_LINKINFO, attribute(uapi.IFLA_INFO_KIND, kind.encode() + b"\0")))
    if master:
        wanted.append((uapi.IFLA_MASTER, WORD.pack(master)))
    return query(uapi.RTM_GETLINK, uapi.NLM_F_DUMP, LINK.pack(0, 0, 0, 0, 0), *wanted)


def dump(socket: Socket, kind: str = "", master: int = 0) -> List[Interface]:
    """Return all interfaces of the namespace, or those of a KIND or with a MASTER."""
    interfaces = [parse(reply) for reply in socket.dump(listing(kind, master))]
    # The kernel does not filter by a kind that it has no module for (link_kind_filtered in net/core/rtnetlink.c).
    return [i for i in interfaces if (not kind or i.type == kind) and (not master or i.master == master)]


@cache
def nsid_request(descriptor: int) -> bytes:
    """Return the request for the number that the socket's namespace has for the namespace of DESCRIPTOR."""
    return query(uapi.RTM_GETNSID, 0, NSID.pack(0), (uapi.NETNSA_FD, WORD.pack(descriptor)))


def nsid(message: bytes) -> int:
    """Return the number of a namespace from the answer to :func:`nsid_request`."""
    return _signed(attributes(message, 20).get(uapi.NETNSA_NSID))
