# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends connections that the kernel still translates by a rule that has changed.

The first packet of a connection decides its address translation. So existing connections of a removed port would
continue. And a UDP client that sent to a port before it was published would never reach the new target, because its
datagrams count as one connection.

The messages are read and packed here, not by pyroute2. A busy host tracks hundreds of thousands of connections, only a
few bytes of each matter, and pyroute2 takes eight times as long to decode one. The numbers are from Linux's
``include/uapi/linux/netfilter/nfnetlink_conntrack.h``; the unit tests compare them with pyroute2's.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from typing import Container, Dict, Iterator, List, Optional, Sequence, Tuple

from ...model.addresses import Address, Subnet
from ...model.errors import KernelRefused
from ...model.value import value
from ..rtnl import uapi
from ..rtnl.query import HEADER, attribute
from ..rtnl.socket import attributes

GET, DELETE = (1 << 8) | 1, (1 << 8) | 2
"""IPCTNL_MSG_CT_GET and IPCTNL_MSG_CT_DELETE of the subsystem NFNL_SUBSYS_CTNETLINK."""
CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_ID, CTA_ZONE = 1, 2, 3, 12, 18
CTA_TUPLE_IP, CTA_TUPLE_PROTO = 1, 2
CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST = 1, 2, 3, 4
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
_NESTED = 0x8000
_SOURCE_TRANSLATED, _TARGET_TRANSLATED = 0x10, 0x20
_NO_CONNTRACK = (errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT)

_PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}


@value
class _Port:
    """A published port, read from its element."""

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


@value
class _Flow:
    """A connection: the source and destination of its first packet, and the address and port that answer it."""

    source: Address
    destination: Address
    protocol: int
    port: int
    answerer: Tuple[Address, int]
    status: int
    identity: bytes
    """The attributes by which the kernel identifies it."""


def forget(gone: Sequence[Tuple[str, str]], new: Sequence[str]) -> None:
    """End connections that use the removed elements GONE, and those that keep UDP clients from using the NEW elements.

    A kernel that does not track connections has nothing to end.

    :param gone: entries of the maps ``published4`` and ``published6``, with their values
    :param new: entries of the same maps
    :raises KernelRefused: if the kernel does not end a connection
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
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, uapi.NETLINK_NETFILTER) as channel:
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
            # A new port: the client sent to it before it was published.
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
    _send(channel, GET, uapi.NLM_F_DUMP, family, b"")
    while True:
        for kind, body in _messages(channel):
            if kind == uapi.NLMSG_DONE:
                return
            if kind == uapi.NLMSG_ERROR:
                _check(body)
                continue
            flow = _flow(attributes(body[4:]), wanted)
            if flow is not None:
                yield flow


def _flow(connection: Dict[int, bytes], wanted: Container[Tuple[int, int]]) -> Optional[_Flow]:
    original = attributes(connection.get(CTA_TUPLE_ORIG, b""))
    ports = attributes(original.get(CTA_TUPLE_PROTO, b""))
    if CTA_PROTO_DST_PORT not in ports:
        return None
    protocol, port = ports[CTA_PROTO_NUM][0], int.from_bytes(ports[CTA_PROTO_DST_PORT], "big")
    if (protocol, port) not in wanted:
        return None
    reply = attributes(connection.get(CTA_TUPLE_REPLY, b""))
    addresses, answer = attributes(original.get(CTA_TUPLE_IP, b"")), attributes(reply.get(CTA_TUPLE_IP, b""))
    answering = attributes(reply.get(CTA_TUPLE_PROTO, b""))
    source = addresses.get(CTA_IP_V4_SRC, addresses.get(CTA_IP_V6_SRC))
    destination = addresses.get(CTA_IP_V4_DST, addresses.get(CTA_IP_V6_DST))
    answerer = answer.get(CTA_IP_V4_SRC, answer.get(CTA_IP_V6_SRC))
    if not (source and destination and answerer and CTA_PROTO_SRC_PORT in answering):
        return None
    return _Flow(
        source=ipaddress.ip_address(source),
        destination=ipaddress.ip_address(destination),
        protocol=protocol,
        port=port,
        answerer=(ipaddress.ip_address(answerer), int.from_bytes(answering[CTA_PROTO_SRC_PORT], "big")),
        status=int.from_bytes(connection.get(CTA_STATUS, b""), "big"),
        identity=b"".join(
            attribute(number | (_NESTED if number == CTA_TUPLE_ORIG else 0), connection[number])
            for number in (CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE)
            if number in connection
        ),
    )


def _delete(channel: socket.socket, family: int, flow: _Flow) -> None:
    _send(channel, DELETE, uapi.NLM_F_ACK, family, flow.identity)
    for kind, body in _messages(channel):
        if kind == uapi.NLMSG_ERROR:
            _check(body, allowed=errno.ENOENT)


def listing(family: int) -> bytes:
    """Return the request that lists all connections of FAMILY, an address family."""
    return _request(GET, uapi.NLM_F_DUMP, family, b"")


def _send(channel: socket.socket, kind: int, flags: int, family: int, values: bytes) -> None:
    channel.send(_request(kind, flags, family, values))


def _request(kind: int, flags: int, family: int, values: bytes) -> bytes:
    body = struct.pack("=BBH", family, 0, 0) + values
    return HEADER.pack(HEADER.size + len(body), kind, uapi.NLM_F_REQUEST | flags, 1, 0) + body


def _messages(channel: socket.socket) -> Iterator[Tuple[int, bytes]]:
    data = channel.recv(1 << 18)
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, _flags, _sequence, _sender = HEADER.unpack_from(data, offset)
        yield kind, data[offset + HEADER.size : offset + length]
        offset += max(HEADER.size, (length + 3) & ~3)


def _check(body: bytes, allowed: int = 0) -> None:
    code = -int(struct.unpack_from("=i", body)[0])
    if code and code != allowed:
        raise OSError(code, os.strerror(code))
