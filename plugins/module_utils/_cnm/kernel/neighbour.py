# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forwarding tables of VXLAN devices and their bridges, and lasting neighbours: many at once."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from typing import Collection, Iterable, Iterator, List, NamedTuple, Sequence, Tuple, Union

from ..forwarding import ANYBODY, Forwarding, Neighbour
from .interface import Interface
from .message import ACK, CREATE, DUMP, REPLACE, REQUEST
from .netlink import Socket, attributes
from .refusals import Change

_NEW, _DELETE, _GET = 28, 29, 30
"""RTM_NEWNEIGH and its kin in linux/rtnetlink.h."""
# linux/neighbour.h
_DESTINATION, _MAC, _IFINDEX, _MASTER = 1, 2, 8, 9
_SELF, _BY_MASTER = 0x02, 0x04
_STATIC, _PERMANENT = 0x40, 0x80
_APPEND = 0x800
_HEADER = struct.Struct("=IHHIIBxxxiHBB")
_ENTRY = struct.Struct("=BxxxiHBB")
_ENTRY_OFFSET = 16
_GONE = (errno.ENOENT, errno.ENODEV, errno.EINVAL)


class _Found(NamedTuple):
    family: int
    link: int
    state: int
    destination: bytes
    mac: str
    master: bool


def _message(
    command: int, mode: int, family: int, index: int, state: int, flags: int, values: Sequence[Tuple[int, bytes]]
) -> bytes:
    body = b"".join(struct.pack("=HH", len(v) + 4, n) + v + bytes(-len(v) % 4) for n, v in values)
    length = _HEADER.size + len(body)
    return _HEADER.pack(length, command, mode | REQUEST, 0, 0, family, index, state, flags, 0) + body


def _entries(replies: Iterable[bytes]) -> Iterator[_Found]:
    for reply in replies:
        family, index, state, _flags, _kind = _ENTRY.unpack_from(reply, _ENTRY_OFFSET)
        values = attributes(reply, _ENTRY_OFFSET + _ENTRY.size)
        mac = values.get(_MAC, b"").hex(":")
        yield _Found(family, index, state, values.get(_DESTINATION, b""), mac, _MASTER in values)


def read_forwarding(kernel: Socket, namespace: str, device: Interface) -> List[Forwarding]:
    """Return the lasting entries for the VXLAN DEVICE, its own and those of its bridge; what was learnt is none."""
    found = []
    request = _message(_GET, DUMP, socket.AF_BRIDGE, device.index, 0, 0, [])
    for entry in _entries(kernel.dump(request)):
        if entry.link != device.index:
            continue
        if entry.master and entry.state & _STATIC and not entry.state & _PERMANENT:
            found.append(Forwarding(namespace, device.name, entry.mac, ""))
        elif not entry.master and entry.destination and entry.state & (_STATIC | _PERMANENT):
            destination = str(ipaddress.ip_address(entry.destination))
            found.append(Forwarding(namespace, device.name, entry.mac, destination))
    return found


def read_neighbours(
    kernel: Socket, namespace: str, wanted: Collection[Tuple[str, str]], interfaces: Collection[Interface]
) -> List[Neighbour]:
    """Return the lasting neighbours among those WANTED, links and addresses, that are there."""
    found = []
    for device in interfaces:
        request = _message(_GET, DUMP, socket.AF_UNSPEC, 0, 0, 0, [(_IFINDEX, struct.pack("=I", device.index))])
        for entry in _entries(kernel.dump(request)):
            if entry.link == device.index and entry.state & _PERMANENT and entry.destination:
                address = str(ipaddress.ip_address(entry.destination))
                if (device.name, address) in wanted:
                    found.append(Neighbour(namespace, device.name, address, entry.mac))
    return found


def addition(item: Union[Forwarding, Neighbour], index: int) -> Change:
    """Return the change that makes or replaces ITEM on the link with number INDEX."""
    if isinstance(item, Forwarding):
        mode = ACK | CREATE | (_APPEND if item.mac == ANYBODY else REPLACE)
        return Change(f"set {item}", _forwarding(_NEW, mode, item, index))
    return Change(f"set {item}", _neighbour(_NEW, ACK | CREATE | REPLACE, item, index))


def removal(item: Union[Forwarding, Neighbour], index: int) -> Change:
    """Return the change that removes ITEM from the link with number INDEX."""
    if isinstance(item, Forwarding):
        return Change(f"remove {item}", _forwarding(_DELETE, ACK, item, index), _GONE)
    return Change(f"remove {item}", _neighbour(_DELETE, ACK, item, index), _GONE)


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
    values = [(_MAC, bytes.fromhex(entry.mac.replace(":", "")))]
    if entry.destination:
        values.append((_DESTINATION, ipaddress.ip_address(entry.destination).packed))
    # To a bridge "permanent" is one of its own addresses; to a VXLAN device nothing less is lasting.
    state, flags = (_PERMANENT, _SELF) if entry.destination else (_STATIC, _BY_MASTER)
    return _message(command, mode, socket.AF_BRIDGE, index, state, flags, values)


def _neighbour(command: int, mode: int, neighbour: Neighbour, index: int) -> bytes:
    address = ipaddress.ip_address(neighbour.address)
    values = [(_DESTINATION, address.packed)]
    if command == _NEW:
        values.append((_MAC, bytes.fromhex(neighbour.mac.replace(":", ""))))
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return _message(command, mode, family, index, _PERMANENT, 0, values)
