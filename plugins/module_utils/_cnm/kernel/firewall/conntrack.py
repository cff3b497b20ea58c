# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that the kernel goes on translating by a rule that has changed.

Address translation is decided by the first packet of a connection and remembered. A removed port would go on
for the connections that it has; and a UDP client that sent to the port before it was published would never
reach the new target, as its datagrams count as one connection.

The messages are those of Linux' ``include/uapi/linux/netfilter/nfnetlink_conntrack.h``. They are read by hand:
a busy host tracks hundreds of thousands of connections, and of each only a few bytes matter.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from dataclasses import dataclass
from typing import Container, Dict, Iterator, List, Optional, Sequence, Tuple

from ...model.addresses import Address, Subnet
from ...model.errors import KernelRefused

NETLINK_NETFILTER = 12
_GET, _DELETE = (1 << 8) | 1, (1 << 8) | 2
_ERROR, _DONE = 2, 3
_REQUEST, _ACKNOWLEDGE, _DUMP = 0x1, 0x4, 0x300
_TUPLE_ORIG, _TUPLE_REPLY, _STATUS, _ID, _ZONE = 1, 2, 3, 12, 18
_ADDRESSES, _PORTS = 1, 2
_SOURCE4, _TARGET4, _SOURCE6, _TARGET6 = 1, 2, 3, 4
_PROTOCOL, _SOURCE_PORT, _TARGET_PORT = 1, 2, 3
_NESTED, _NUMBER = 0x8000, 0x3FFF
_SOURCE_TRANSLATED, _TARGET_TRANSLATED = 0x10, 0x20
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_NO_CONNTRACK = (errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT)

_PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}


@dataclass(frozen=True)
class _Port:
    """A published port as its element says it."""

    source: Subnet
    listener: Subnet
    protocol: int
    number: int

    def takes(self, flow: "_Flow") -> bool:
        return (
            (flow.protocol, flow.port) == (self.protocol, self.number)
            and flow.source in self.source
            and flow.destination in self.listener
        )


@dataclass(frozen=True)
class _Flow:
    """A connection: where its first packet came from and was sent to, and who answers it."""

    source: Address
    destination: Address
    protocol: int
    port: int
    answerer: Tuple[Address, int]
    status: int
    identity: bytes
    """The attributes by which the kernel finds it again."""


def forget(gone: Sequence[Tuple[str, str]], new: Sequence[str]) -> None:
    """End what goes on by the removed elements GONE, and what keeps UDP clients from the NEW ones.

    Elements are those of the maps ``published4`` and ``published6``: GONE with entry and value, NEW with the entry.
    A kernel that tracks no connections has nothing to end.

    :raises KernelRefused: if the kernel does not let go of a connection.
    """
    removed = [(_port(entry), _target(value)) for entry, value in gone]
    added = [port for port in map(_port, new) if port.protocol == socket.IPPROTO_UDP]
    by_number: Dict[Tuple[int, int], List[Tuple[_Port, Optional[Tuple[Address, int]]]]] = {}
    for port, target in removed:
        by_number.setdefault((port.protocol, port.number), []).append((port, target))
    for port in added:
        by_number.setdefault((port.protocol, port.number), []).append((port, None))
    versions = {port.source.version for port in added} | {port.source.version for port, _target_ in removed}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as channel:
            channel.bind((0, 0))
            for version in sorted(versions):
                family = socket.AF_INET if version == 4 else socket.AF_INET6
                stale = [flow for flow in _flows(channel, family, by_number) if _is_stale(flow, by_number)]
                for flow in stale:
                    _delete(channel, family, flow)
    except OSError as error:
        if error.errno not in _NO_CONNTRACK:
            raise KernelRefused(
                f"The kernel did not end the connections of a published port that has changed: {error.strerror}."
            ) from error


def _is_stale(flow: _Flow, by_number: Dict[Tuple[int, int], List[Tuple[_Port, Optional[Tuple[Address, int]]]]]) -> bool:
    for port, target in by_number.get((flow.protocol, flow.port), ()):
        if not port.takes(flow):
            continue
        if target is None and not flow.status & (_SOURCE_TRANSLATED | _TARGET_TRANSLATED):
            return True
        if target == flow.answerer and flow.status & _TARGET_TRANSLATED:
            return True
    return False


def _port(entry: str) -> _Port:
    number, protocol, listener, source = entry.split(" . ")
    return _Port(ipaddress.ip_network(source), ipaddress.ip_network(listener), _PROTOCOLS[protocol], int(number))


def _target(value: str) -> Tuple[Address, int]:
    address, port = value.split(" . ")
    return ipaddress.ip_address(address), int(port)


def _flows(channel: socket.socket, family: int, wanted: Container[Tuple[int, int]]) -> Iterator[_Flow]:
    """Yield the connections whose protocol and port are WANTED."""
    _send(channel, _GET, _DUMP, family, b"")
    while True:
        for kind, body in _messages(channel):
            if kind == _DONE:
                return
            if kind == _ERROR:
                _check(body)
                continue
            flow = _flow(_attributes(body[4:]), wanted)
            if flow is not None:
                yield flow


def _flow(attributes: Dict[int, bytes], wanted: Container[Tuple[int, int]]) -> Optional[_Flow]:
    original = _attributes(attributes.get(_TUPLE_ORIG, b""))
    ports = _attributes(original.get(_PORTS, b""))
    if _TARGET_PORT not in ports:
        return None
    protocol, port = ports[_PROTOCOL][0], int.from_bytes(ports[_TARGET_PORT], "big")
    if (protocol, port) not in wanted:
        return None
    reply = _attributes(attributes.get(_TUPLE_REPLY, b""))
    addresses, answer = _attributes(original.get(_ADDRESSES, b"")), _attributes(reply.get(_ADDRESSES, b""))
    answering = _attributes(reply.get(_PORTS, b""))
    source = addresses.get(_SOURCE4, addresses.get(_SOURCE6))
    destination = addresses.get(_TARGET4, addresses.get(_TARGET6))
    answerer = answer.get(_SOURCE4, answer.get(_SOURCE6))
    if not (source and destination and answerer and _SOURCE_PORT in answering):
        return None
    return _Flow(
        source=ipaddress.ip_address(source),
        destination=ipaddress.ip_address(destination),
        protocol=protocol,
        port=port,
        answerer=(ipaddress.ip_address(answerer), int.from_bytes(answering[_SOURCE_PORT], "big")),
        status=int.from_bytes(attributes.get(_STATUS, b""), "big"),
        identity=b"".join(
            _attribute(number | (_NESTED if number == _TUPLE_ORIG else 0), attributes[number])
            for number in (_TUPLE_ORIG, _ID, _ZONE)
            if number in attributes
        ),
    )


def _delete(channel: socket.socket, family: int, flow: _Flow) -> None:
    _send(channel, _DELETE, _ACKNOWLEDGE, family, flow.identity)
    for kind, body in _messages(channel):
        if kind == _ERROR:
            _check(body, allowed=errno.ENOENT)


def _send(channel: socket.socket, kind: int, flags: int, family: int, attributes: bytes) -> None:
    body = struct.pack("=BBH", family, 0, 0) + attributes
    channel.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | flags, 1, 0) + body)


def _messages(channel: socket.socket) -> Iterator[Tuple[int, bytes]]:
    data = channel.recv(1 << 18)
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _flags, _sequence, _sender = _HEADER.unpack_from(data, offset)
        yield kind, data[offset + _HEADER.size : offset + length]
        offset += max(_HEADER.size, (length + 3) & ~3)


def _check(body: bytes, allowed: int = 0) -> None:
    code = -int(struct.unpack_from("=i", body)[0])
    if code and code != allowed:
        raise OSError(code, os.strerror(code))


def _attributes(data: bytes) -> Dict[int, bytes]:
    found: Dict[int, bytes] = {}
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, number = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            break
        found[number & _NUMBER] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def _attribute(number: int, payload: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(payload), number) + payload + b"\0" * (-len(payload) % 4)
