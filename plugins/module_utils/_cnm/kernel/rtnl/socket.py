# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rtnetlink: many requests in one send, each answer matched to its request.

pyroute2 is not used here. Its sockets wait for the answer to each request, but we send 128 requests at once. And it
decodes each answer completely, which takes ten times as long as reading the few attributes that we need.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from functools import lru_cache
from typing import Container, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from ...model.errors import CnmError, KernelRefused
from . import uapi
from .query import ATTRIBUTE, HEADER

_DUMP_INTERRUPTED, _CAPPED, _HAS_ATTRIBUTES = 0x10, 0x100, 0x200
"""Flags of answers: NLM_F_DUMP_INTR, NLM_F_CAPPED and NLM_F_ACK_TLVS of linux/netlink.h."""
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _STRICT_CHECK = 270, 10, 11, 12
"""Options of netlink sockets (linux/netlink.h), at the level of linux/socket.h."""
_SO_RCVBUFFORCE, SO_NETNS_COOKIE = 33, 71
"""Options of all sockets (asm-generic/socket.h), which Python's socket does not have."""
_SEQUENCE_OFFSET = 8

CHUNK = 128
"""Messages in one send. More would not be faster, and their answers must fit in the receive buffer."""
_RECEIVE_BUFFER = 4 << 20
_DATAGRAM = 64 << 10
"""Bytes to read at once: more than the 32 KiB in which the kernel sends dumps (netlink_dump in
net/netlink/af_netlink.c)."""
_DUMP_ATTEMPTS = 20


class Refusal(NamedTuple):
    """The kernel's refusal of a request: its errno, and the reason in words."""

    number: int
    text: str


def needs_root(what: str) -> CnmError:
    """Return the error for an operation that the kernel did not permit."""
    return CnmError(f"Not permitted: {what}. This needs root (CAP_NET_ADMIN); with Ansible, use 'become: true'.")


def attributes(data: bytes, offset: int = 0, wanted: Optional[Container[int]] = None) -> Dict[int, bytes]:
    """Return the values, as bytes, of the attributes in DATA from OFFSET on, by number.

    :param wanted: the numbers of those to return; all without it
    """
    values = {}
    last = len(data) - 4
    unpack = ATTRIBUTE.unpack_from
    while offset <= last:
        length, number = unpack(data, offset)
        if length < 4:
            break
        number &= 0x3FFF
        if wanted is None or number in wanted:
            values[number] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return values


def number(value: bytes) -> int:
    """Return the unsigned integer that an attribute holds."""
    return int.from_bytes(value, sys.byteorder)


def text(value: bytes) -> str:
    """Return the string that an attribute holds."""
    return value.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


Reply = Union[bytes, Refusal, None]


class Socket:
    """A netlink socket of the network namespace in which it was made."""

    def __init__(self, protocol: int = uapi.NETLINK_ROUTE) -> None:
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        except OSError as error:
            raise KernelRefused(f"A netlink socket could not be opened: {error.strerror}.") from error
        # Otherwise a program with rights in the namespace could answer in the kernel's place
        # (netlink_getsockbyportid in net/netlink/af_netlink.c).
        self._socket.connect((0, 0))
        self._sequence = 0
        for option in (_CAP_ACK, _EXT_ACK, _STRICT_CHECK):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)

    def cookie(self) -> Optional[int]:
        """Return the kernel's unique number of the socket's namespace; None before Linux 5.14."""
        try:
            return number(self._socket.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8))
        except OSError:
            return None

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def exchange(self, messages: Sequence[bytes]) -> List[Reply]:
        """Send MESSAGES and return the answer to each: data, a refusal, or None for an acknowledgement.

        :raises CnmError: if the caller does not have the permission, or the kernel does not answer
        """
        replies: List[Reply] = []
        for start in range(0, len(messages), CHUNK):
            replies += self._exchange_chunk(messages[start : start + CHUNK])
        return replies

    def _exchange_chunk(self, messages: Sequence[bytes]) -> List[Reply]:
        first = self._sequence + 1
        self._send(messages)
        replies: List[Reply] = [None] * len(messages)
        waiting = len(messages)
        while waiting:
            for kind, flags, sequence, message in self._receive():
                place = sequence - first
                if 0 <= place < len(replies):
                    replies[place] = _refusal(flags, message) if kind == uapi.NLMSG_ERROR else message
                    waiting -= 1
        return replies

    def dump(self, message: bytes) -> List[bytes]:
        """Return all answers to MESSAGE, a dump request; empty if it asks about a link that does not exist.

        If the kernel's table has changed during the dump, the request is repeated.

        :raises KernelRefused: if the kernel refuses, or the table keeps changing
        """
        for _attempt in range(_DUMP_ATTEMPTS):
            answers = self._dump_once(message)
            if answers is not None:
                return answers
        raise KernelRefused("The network configuration keeps changing while it is being read. Try again later.")

    def _dump_once(self, message: bytes) -> Optional[List[bytes]]:
        self._send([message])
        answers: List[bytes] = []
        whole = True
        while True:
            for kind, flags, sequence, reply in self._receive():
                if sequence != self._sequence:
                    # An answer to an earlier request, left unread when an error was raised.
                    continue
                whole = whole and not flags & _DUMP_INTERRUPTED
                if kind == uapi.NLMSG_ERROR:
                    refusal = _refusal(flags, reply)
                    if refusal and refusal.number != errno.ENODEV:
                        raise KernelRefused(f"The kernel refused to list its network configuration: {refusal.text}.")
                    return []
                if kind == uapi.NLMSG_DONE:
                    return answers if whole else None
                answers.append(reply)

    def _send(self, messages: Sequence[bytes]) -> None:
        data = bytearray()
        for message in messages:
            self._sequence += 1
            start = len(data) + _SEQUENCE_OFFSET
            data += message
            struct.pack_into("=I", data, start, self._sequence)
        try:
            self._socket.send(data)
        except OSError as error:
            raise KernelRefused(f"The kernel did not accept a request: {error.strerror}.") from error

    def _receive(self) -> Iterator[Tuple[int, int, int, bytes]]:
        try:
            data = self._socket.recv(_DATAGRAM)
        except OSError as error:
            raise KernelRefused(f"The kernel's answers could not be read: {error.strerror}.") from error
        offset = 0
        while offset + 16 <= len(data):
            length, kind, flags, sequence, _port = HEADER.unpack_from(data, offset)
            yield kind, flags, sequence, data[offset : offset + length]
            offset += (max(length, 16) + 3) & ~3


_strerror = lru_cache(maxsize=None)(os.strerror)


def _refusal(flags: int, message: bytes) -> Optional[Refusal]:
    code = -struct.unpack_from("=i", message, 16)[0]
    if not code:
        return None
    reason = _strerror(code)
    if flags & _HAS_ATTRIBUTES:
        quoted = HEADER.size if flags & _CAPPED else (struct.unpack_from("=I", message, 20)[0] + 3) & ~3
        explained = attributes(message, 20 + quoted).get(1)
        if explained:
            reason = f"{reason} ({text(explained).rstrip('.')})"
    if code == errno.EPERM:
        raise needs_root("changing the network configuration")
    return Refusal(code, reason)
