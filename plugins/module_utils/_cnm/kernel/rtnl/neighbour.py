# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forwarding tables of bridges and VXLAN devices, and lasting neighbours: many at once."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
import sys
from typing import Dict, Iterable, Iterator, List, NamedTuple, Sequence, Set, Tuple, Union

from ...resources.fdb import ANYBODY, Forwarding, Neighbour
from ..refusals import Change
from .interface import Interface
from .request import ACK, CREATE, DUMP, REPLACE, REQUEST
from .socket import Socket, attributes

_NEW, _DELETE, _GET = 28, 29, 30
"""RTM_NEWNEIGH and its kin in linux/rtnetlink.h."""
# linux/neighbour.h
_DESTINATION, _MAC, _PORT, _VNI, _DEVICE, _MASTER, _NEXT_HOPS = 1, 2, 6, 7, 8, 9, 13
_SELF, _BY_MASTER, _STICKY = 0x02, 0x04, 0x40
"""A bridge moves an entry that is lasting, but not sticky, to the port by which its MAC address is heard
(br_fdb_update in net/bridge/br_fdb.c)."""
_STATIC, _PERMANENT = 0x40, 0x80
_APPEND = 0x800
_HEADER = struct.Struct("=IHHIIBxxxiHBB")
_ENTRY = struct.Struct("=BxxxiHBB")
_STATE = struct.Struct("=H")
_ENTRY_OFFSET, _STATE_OFFSET, _VALUES_OFFSET = 16, 24, 28
_SHORT_ADDRESS, _LONG_ADDRESS, _LINK_ADDRESS = (
    struct.pack("=HH", 4 + size, number) for size, number in ((4, _DESTINATION), (16, _DESTINATION), (6, _MAC))
)
"""Heads of attributes, by which the requests that each endpoint needs are put together at once."""
_GONE = (errno.ENOENT, errno.ENODEV, errno.EINVAL)


class _Found(NamedTuple):
    family: int
    link: int
    state: int
    flags: int
    destination: bytes
    mac: str
    master: bool
    astray: Tuple[int, int, int, int]
    """VNI, UDP port, device and group of next hops, 0 for those of the VXLAN device itself."""


def _message(
    command: int, mode: int, family: int, index: int, state: int, flags: int, values: Sequence[Tuple[int, bytes]]
) -> bytes:
    body = b"".join(struct.pack("=HH", len(v) + 4, n) + v + bytes(-len(v) % 4) for n, v in values)
    length = _HEADER.size + len(body)
    return _HEADER.pack(length, command, mode | REQUEST, 0, 0, family, index, state, flags, 0) + body


def _entries(replies: Iterable[bytes]) -> Iterator[_Found]:
    for reply in replies:
        family, index, state, flags, _kind = _ENTRY.unpack_from(reply, _ENTRY_OFFSET)
        values = attributes(reply, _VALUES_OFFSET)
        mac = values.get(_MAC, b"").hex(":")
        numbers = {name: int.from_bytes(values.get(name, b""), sys.byteorder) for name in (_VNI, _DEVICE, _NEXT_HOPS)}
        port = int.from_bytes(values.get(_PORT, b""), "big")
        astray = (numbers[_VNI], port, numbers[_DEVICE], numbers[_NEXT_HOPS])
        yield _Found(family, index, state, flags, values.get(_DESTINATION, b""), mac, _MASTER in values, astray)


def read_forwarding(kernel: Socket, namespace: str, device: Interface) -> List[Forwarding]:
    """Return the lasting entries for the VXLAN DEVICE, its own and those of its bridge; what was learnt is none."""
    found = []
    request = _message(_GET, DUMP, socket.AF_BRIDGE, device.index, 0, 0, [])
    for entry in _entries(kernel.dump(request)):
        if entry.link != device.index:
            continue
        if entry.master and _is_lasting(entry):
            found.append(Forwarding(namespace, device.name, entry.mac, "", sticky=bool(entry.flags & _STICKY)))
        elif entry.master and entry.state & _PERMANENT and entry.mac != device.address:
            found.append(Forwarding(namespace, device.name, entry.mac, "", astray=(1,)))
        elif not entry.master and entry.state & (_STATIC | _PERMANENT) and (entry.destination or any(entry.astray)):
            destination = str(ipaddress.ip_address(entry.destination)) if entry.destination else ""
            astray = entry.astray if any(entry.astray) else ()
            found.append(Forwarding(namespace, device.name, entry.mac, destination, astray=astray))
    return found


def _is_lasting(entry: _Found) -> bool:
    """Say whether ENTRY, of a bridge, was made by somebody, and is not one of its own addresses."""
    return bool(entry.state & _STATIC and not entry.state & _PERMANENT)


def read_neighbours(
    kernel: Socket, namespace: str, wanted: Iterable[Tuple[str, str]], interfaces: Dict[str, Interface]
) -> List[Neighbour]:
    """Return the lasting neighbours among those WANTED, links and addresses, that are there."""
    asked = [(name, address) for name, address in wanted if name in interfaces]
    requests = [_query(address, interfaces[name].index) for name, address in asked]
    found = []
    for (name, address), reply in zip(asked, kernel.exchange(requests)):
        if isinstance(reply, bytes) and _STATE.unpack_from(reply, _STATE_OFFSET)[0] & _PERMANENT:
            found.append(Neighbour(namespace, name, address, attributes(reply, _VALUES_OFFSET)[_MAC].hex(":")))
    return found


def _query(address: str, index: int) -> bytes:
    family, packed = _packed(address)
    body = _SHORT_ADDRESS + packed if family == socket.AF_INET else _LONG_ADDRESS + packed
    return _HEADER.pack(_HEADER.size + len(body), _GET, REQUEST, 0, 0, family, index, 0, 0, 0) + body


def pinned(kernel: Socket, ports: Sequence[Tuple[int, str]]) -> Set[int]:
    """Return the numbers of those PORTS, each with a MAC address, to which their bridge sends all frames for it."""
    requests = [_message(_GET, 0, socket.AF_BRIDGE, index, 0, _BY_MASTER, [_mac(mac)]) for index, mac in ports]
    replies = [reply for reply in kernel.exchange(requests) if isinstance(reply, bytes)]
    return {entry.link for entry in _entries(replies) if _is_lasting(entry) and entry.flags & _STICKY}


def pin(index: int, mac: str) -> bytes:
    """Return the request that makes the bridge of the port with number INDEX send all frames for MAC to it."""
    return _message(_NEW, ACK | CREATE | REPLACE, socket.AF_BRIDGE, index, _STATIC, _BY_MASTER | _STICKY, [_mac(mac)])


def unpin(index: int, mac: str) -> bytes:
    """Return the request that undoes :func:`pin`."""
    return _message(_DELETE, ACK, socket.AF_BRIDGE, index, 0, _BY_MASTER, [_mac(mac)])


def _mac(mac: str) -> Tuple[int, bytes]:
    return _MAC, bytes.fromhex(mac.replace(":", ""))


def _packed(address: str) -> Tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def addition(item: Union[Forwarding, Neighbour], index: int) -> Change:
    """Return the change that makes or replaces ITEM on the link with number INDEX."""
    if isinstance(item, Forwarding):
        mode = ACK | CREATE | (_APPEND if item.mac == ANYBODY else REPLACE)
        return Change(f"set {item}", _forwarding(_NEW, mode, item, index), about=item.key)
    return Change(f"set {item}", _neighbour(_NEW, ACK | CREATE | REPLACE, item, index), about=item.key)


def removal(item: Union[Forwarding, Neighbour], index: int) -> Change:
    """Return the change that removes ITEM from the link with number INDEX."""
    if isinstance(item, Forwarding):
        return Change(f"remove {item}", _forwarding(_DELETE, ACK, item, index), _GONE, item.key)
    return Change(f"remove {item}", _neighbour(_DELETE, ACK, item, index), _GONE, item.key)


def learnt_removals(kernel: Socket, left: Forwarding, index: int) -> List[Change]:
    """Return the changes that make the link with number INDEX forget who it has learnt is where LEFT leads.

    They would lead to a host that is a peer no more until they have aged.
    """
    request = _message(_GET, DUMP, socket.AF_BRIDGE, index, 0, 0, [])
    found = []
    for entry in _entries(kernel.dump(request)):
        lasting = entry.master or entry.state & (_STATIC | _PERMANENT)
        if entry.link == index and entry.destination and not lasting:
            learnt = Forwarding(left.namespace, left.link, entry.mac, str(ipaddress.ip_address(entry.destination)))
            if learnt.destination == left.destination:
                found.append(removal(learnt, index))
    return found


def _forwarding(command: int, mode: int, entry: Forwarding, index: int) -> bytes:
    values = [_mac(entry.mac)]
    if entry.destination:
        values.append((_DESTINATION, ipaddress.ip_address(entry.destination).packed))
    by_tunnel = bool(entry.destination) or len(entry.astray) > 1
    if by_tunnel and entry.astray:
        vni, port, device, _next_hops = entry.astray
        values += [(_VNI, struct.pack("=I", vni))] if vni else []
        values += [(_PORT, struct.pack(">H", port))] if port else []
        values += [(_DEVICE, struct.pack("=I", device))] if device else []
    # To a bridge "permanent" is one of its own addresses; to a VXLAN device nothing less is lasting.
    state, flags = (_PERMANENT, _SELF) if by_tunnel else (_STATIC, _BY_MASTER | _STICKY)
    return _message(command, mode, socket.AF_BRIDGE, index, state, flags, values)


def _neighbour(command: int, mode: int, neighbour: Neighbour, index: int) -> bytes:
    family, packed = _packed(neighbour.address)
    body = _SHORT_ADDRESS + packed if family == socket.AF_INET else _LONG_ADDRESS + packed
    if command == _NEW:
        body += _LINK_ADDRESS + bytes.fromhex(neighbour.mac.replace(":", "")) + b"\0\0"
    length = _HEADER.size + len(body)
    return _HEADER.pack(length, command, mode | REQUEST, 0, 0, family, index, _PERMANENT, 0, 0) + body
