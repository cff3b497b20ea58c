# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries in the forwarding tables of bridges and VXLAN devices, and permanent neighbours: many at once."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
import sys
from functools import cache
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple, Union

from ...resources.fdb import ANYBODY, FdbEntry, Neighbour
from ..refusals import Change
from . import uapi
from .interface import Interface
from .query import NEIGHBOUR, query
from .request import IPV4, IPV6, MAC, NUMBER, Slot, encode, shape
from .socket import Socket, attributes

# linux/neighbour.h
_SELF, _BY_MASTER, _STICKY = 0x02, 0x04, 0x40
"""NTF_SELF, NTF_MASTER, NTF_STICKY. If an entry is not sticky, a bridge moves it to the port where it receives frames
from its MAC address, even if the entry does not age (br_fdb_update in net/bridge/br_fdb.c)."""
_STATIC, _PERMANENT = 0x40, 0x80
"""NUD_NOARP, NUD_PERMANENT."""
_STATE = struct.Struct("=H")
_ENTRY_OFFSET, _STATE_OFFSET, _VALUES_OFFSET = 16, 24, 28
_SET = uapi.NLM_F_ACK | uapi.NLM_F_CREATE | uapi.NLM_F_REPLACE
_MAC = (("NDA_LLADDR", MAC),)
_GONE = (errno.ENOENT, errno.ENODEV, errno.EINVAL)


class _Entry(NamedTuple):
    """What an answer of the kernel says of an entry."""

    family: int
    link: int
    state: int
    flags: int
    destination: bytes
    mac: str
    master: bool
    """Whether it is an entry of the bridge that LINK is a port of, not of LINK itself."""
    astray: Tuple[int, int, int, int]
    """VNI, UDP port, device and group of next hops; 0 for those that are the VXLAN device's own."""


def _entries(replies: Iterable[bytes]) -> Iterator[_Entry]:
    for reply in replies:
        family, index, state, flags, _kind = NEIGHBOUR.unpack_from(reply, _ENTRY_OFFSET)
        values = attributes(reply, _VALUES_OFFSET)
        mac = values.get(uapi.NDA_LLADDR, b"").hex(":")
        vni, device, next_hops = (
            int.from_bytes(values.get(number, b""), sys.byteorder)
            for number in (uapi.NDA_VNI, uapi.NDA_IFINDEX, uapi.NDA_NH_ID)
        )
        astray = (vni, int.from_bytes(values.get(uapi.NDA_PORT, b""), "big"), device, next_hops)
        destination = values.get(uapi.NDA_DST, b"")
        yield _Entry(family, index, state, flags, destination, mac, uapi.NDA_MASTER in values, astray)


def read_fdb(kernel: Socket, namespace: str, device: Interface) -> List[FdbEntry]:
    """Return the entries for the VXLAN DEVICE, its own and those of its bridge, without those that were learned."""
    entries = [each for each in _entries(kernel.dump(_fdb_query(device.index))) if each.link == device.index]
    return _fdb_entries(namespace, device, entries)


def read_some_fdb(
    kernel: Socket, namespace: str, device: Interface, wanted: Iterable[Tuple[str, bool]]
) -> List[FdbEntry]:
    """Return those entries for the VXLAN DEVICE that are WANTED.

    :param wanted: MAC addresses, each with whether the entry is the device's own, and not one of its bridge
    """
    requests = [_own_lookup(device.index, mac) if own else _port_lookup(device.index, mac) for mac, own in wanted]
    replies = [reply for reply in kernel.exchange(requests) if isinstance(reply, bytes)]
    return _fdb_entries(namespace, device, _entries(replies))


def _fdb_entries(namespace: str, device: Interface, entries: Iterable[_Entry]) -> List[FdbEntry]:
    present = []
    for entry in entries:
        if entry.master and _is_lasting(entry):
            present.append(FdbEntry(namespace, device.name, entry.mac, "", sticky=bool(entry.flags & _STICKY)))
        elif entry.master and entry.state & _PERMANENT and entry.mac != device.address:
            # Not the device's own address, but the bridge takes it for one, and keeps frames to it on the host.
            present.append(FdbEntry(namespace, device.name, entry.mac, "", astray=(1,)))
        elif not entry.master and entry.state & (_STATIC | _PERMANENT) and (entry.destination or any(entry.astray)):
            destination = str(ipaddress.ip_address(entry.destination)) if entry.destination else ""
            astray = entry.astray if any(entry.astray) else ()
            present.append(FdbEntry(namespace, device.name, entry.mac, destination, astray=astray))
    return present


def _is_lasting(entry: _Entry) -> bool:
    """Say whether somebody made ENTRY of a bridge: it was not learned, and is not an address of the bridge's own."""
    return bool(entry.state & _STATIC and not entry.state & _PERMANENT)


def read_neighbours(
    kernel: Socket, namespace: str, wanted: Iterable[Tuple[str, str]], interfaces: Dict[str, Interface]
) -> List[Neighbour]:
    """Return the permanent neighbours in NAMESPACE among those WANTED, links and addresses."""
    asked = [(name, address) for name, address in wanted if name in interfaces]
    requests = [_lookup(address, interfaces[name].index) for name, address in asked]
    present = []
    for (name, address), reply in zip(asked, kernel.exchange(requests)):
        if isinstance(reply, bytes) and _STATE.unpack_from(reply, _STATE_OFFSET)[0] & _PERMANENT:
            present.append(
                Neighbour(namespace, name, address, attributes(reply, _VALUES_OFFSET)[uapi.NDA_LLADDR].hex(":"))
            )
    return present


def _fdb_query(index: int) -> bytes:
    return query(uapi.RTM_GETNEIGH, uapi.NLM_F_DUMP, NEIGHBOUR.pack(socket.AF_BRIDGE, index, 0, 0, 0))


def _lookup(address: str, index: int) -> bytes:
    family, slot = _family(address)
    return query(uapi.RTM_GETNEIGH, 0, NEIGHBOUR.pack(family, index, 0, 0, 0), (uapi.NDA_DST, slot.pack(address)))


def _port_lookup(index: int, mac: str) -> bytes:
    fixed = NEIGHBOUR.pack(socket.AF_BRIDGE, index, 0, _BY_MASTER, 0)
    return query(uapi.RTM_GETNEIGH, 0, fixed, (uapi.NDA_LLADDR, MAC.pack(mac)))


def _own_lookup(index: int, mac: str) -> bytes:
    fixed = NEIGHBOUR.pack(socket.AF_BRIDGE, index, 0, _SELF, 0)
    return query(uapi.RTM_GETNEIGH, 0, fixed, (uapi.NDA_LLADDR, MAC.pack(mac)))


def pinned(kernel: Socket, ports: Sequence[Tuple[int, str]]) -> Dict[int, bool]:
    """Return the indices of those PORTS, each with a MAC address, to which their bridge has a lasting entry for it.

    Each comes with whether the entry is sticky.
    """
    requests = [_port_lookup(index, mac) for index, mac in ports]
    replies = [reply for reply in kernel.exchange(requests) if isinstance(reply, bytes)]
    return {entry.link: bool(entry.flags & _STICKY) for entry in _entries(replies) if _is_lasting(entry)}


def pin(index: int, mac: str, sticky: bool) -> bytes:
    """Return the request that makes its bridge send frames for MAC to the port with number INDEX.

    :param sticky: whether it does so even if another port that learns sends with this address
    """
    flags = _BY_MASTER | _STICKY if sticky else _BY_MASTER
    return _shape(uapi.RTM_NEWNEIGH, _SET, socket.AF_BRIDGE, _STATIC, flags, _MAC) % (
        NUMBER.pack(index),
        MAC.pack(mac),
    )


def unpin(index: int, mac: str, _sticky: bool) -> bytes:
    """Return the request that undoes :func:`pin`."""
    return _shape(uapi.RTM_DELNEIGH, uapi.NLM_F_ACK, socket.AF_BRIDGE, 0, _BY_MASTER, _MAC) % (
        NUMBER.pack(index),
        MAC.pack(mac),
    )


@cache
def _shape(command: int, mode: int, family: int, state: int, flags: int, values: Tuple[Tuple[str, Slot], ...]) -> bytes:
    return shape("neighbour", command, mode, values, family=family, ifindex=NUMBER, state=state, flags=flags)


def _family(address: str) -> Tuple[int, Slot]:
    return (socket.AF_INET6, IPV6) if ":" in address else (socket.AF_INET, IPV4)


def addition(item: Union[FdbEntry, Neighbour], index: int) -> Change:
    """Return the change that makes or replaces ITEM on the link with number INDEX."""
    if isinstance(item, FdbEntry):
        mode = uapi.NLM_F_ACK | uapi.NLM_F_CREATE
        mode |= uapi.NLM_F_APPEND if item.mac == ANYBODY else uapi.NLM_F_REPLACE
        return Change(f"set {item}", _fdb_entry(uapi.RTM_NEWNEIGH, mode, item, index), about=item.key)
    return Change(f"set {item}", _neighbour(uapi.RTM_NEWNEIGH, _SET, item, index), about=item.key)


def removal(item: Union[FdbEntry, Neighbour], index: int) -> Change:
    """Return the change that removes ITEM from the link with number INDEX."""
    if isinstance(item, FdbEntry):
        return Change(f"remove {item}", _fdb_entry(uapi.RTM_DELNEIGH, uapi.NLM_F_ACK, item, index), _GONE, item.key)
    return Change(f"remove {item}", _neighbour(uapi.RTM_DELNEIGH, uapi.NLM_F_ACK, item, index), _GONE, item.key)


def learned_removals(kernel: Socket, left: FdbEntry, index: int) -> List[Change]:
    """Return the changes that remove what the link with number INDEX has learned about the host to which LEFT leads.

    Until they age, these entries would lead to a host that has stopped being a peer.
    """
    changes = []
    for entry in _entries(kernel.dump(_fdb_query(index))):
        lasting = entry.master or entry.state & (_STATIC | _PERMANENT)
        if entry.link == index and entry.destination and not lasting:
            learned = FdbEntry(left.namespace, left.link, entry.mac, str(ipaddress.ip_address(entry.destination)))
            if learned.destination == left.destination:
                changes.append(removal(learned, index))
    return changes


def _fdb_entry(command: int, mode: int, entry: FdbEntry, index: int) -> bytes:
    values: List[Tuple[str, Any]] = [("NDA_LLADDR", entry.mac)]
    if entry.destination:
        values.append(("NDA_DST", entry.destination))
    by_tunnel = bool(entry.destination) or len(entry.astray) > 1
    if by_tunnel and entry.astray:
        vni, port, device, _next_hops = entry.astray
        values += [("NDA_VNI", vni)] if vni else []
        values += [("NDA_PORT", port)] if port else []
        values += [("NDA_IFINDEX", device)] if device else []
    # A bridge takes a permanent entry for an address of its own, so an entry of a bridge is static.
    state, flags = (_PERMANENT, _SELF) if by_tunnel else (_STATIC, _BY_MASTER | _STICKY)
    return encode("neighbour", command, mode, values, family=socket.AF_BRIDGE, ifindex=index, state=state, flags=flags)


def _neighbour(command: int, mode: int, neighbour: Neighbour, index: int) -> bytes:
    family, slot = _family(neighbour.address)
    values = [NUMBER.pack(index), slot.pack(neighbour.address)]
    names: Tuple[Tuple[str, Slot], ...] = (("NDA_DST", slot),)
    if command == uapi.RTM_NEWNEIGH:
        values.append(MAC.pack(neighbour.mac))
        names += _MAC
    return _shape(command, mode, family, _PERMANENT, 0, names) % tuple(values)
