# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listening sockets of the host, and their processes."""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress
from typing import Iterator, List, Sequence

from ...model.addresses import Address
from ...model.errors import KernelRefused
from ...resources.kinds import Listener
from . import sock_diag
from .sock_diag import Waiting

_LISTENING = {"tcp": f"{sock_diag.LISTEN:02X}", "udp": f"{sock_diag.CLOSE:02X}"}
"""How the files write the states of sockets that wait for a peer."""


def listening(protocols: Sequence[str] = ("tcp", "udp", "sctp")) -> List[Listener]:
    """Return the listening sockets of PROTOCOLS in the network namespace that the calling thread is in."""
    listeners: List[Listener] = []
    for protocol in ("tcp", "udp"):
        if protocol in protocols:
            listeners += [
                Listener(protocol, _unmapped(each.address), each.port, each.inode) for each in _waiting(protocol)
            ]
    for fields in _rows("sctp/eps") if "sctp" in protocols else ():
        if len(fields) > 8:
            listeners.extend(
                Listener("sctp", address, int(fields[5]), int(fields[7])) for address in _addresses_in(fields[8:])
            )
    return listeners


def process(inode: int) -> str:
    """Return ``name (pid)`` of a process that has the socket INODE; empty if no process has it."""
    socket = f"socket:[{inode}]"
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with os.scandir(f"/proc/{pid}/fd") as descriptors:
                if any(_target(descriptor.path) == socket for descriptor in descriptors):
                    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as stream:
                        return f"{stream.read().strip()} ({pid})"
        except OSError:
            continue
    return ""


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _waiting(protocol: str) -> List[Waiting]:
    """Return the sockets of PROTOCOL that wait for a peer."""
    with suppress(KernelRefused):
        return list(sock_diag.waiting(protocol))
    # The kernel was built without sock_diag for this protocol. Its files say the same, more slowly.
    sockets = []
    for table in (protocol, f"{protocol}6"):
        for fields in _rows(table):
            if len(fields) > 9 and fields[3] == _LISTENING[protocol]:
                address, port = fields[1].split(":")
                sockets.append(Waiting(_address(address), int(port, 16), int(fields[9])))
    return sockets


def _rows(table: str) -> Iterator[Sequence[str]]:
    """Yield the fields of each line of the file TABLE, which is missing if the kernel lacks the protocol."""
    try:
        with open(f"/proc/thread-self/net/{table}", encoding="ascii") as stream:
            next(stream, None)
            for line in stream:
                yield line.split()
    except OSError:
        return


def _address(text: str) -> bytes:
    """Return the address TEXT, which the kernel prints as 32-bit words in the byte order of the machine."""
    words = bytes.fromhex(text)
    if memoryview(b"\1\0").cast("H")[0] == 1:
        words = b"".join(words[start : start + 4][::-1] for start in range(0, len(words), 4))
    return words


def _unmapped(packed: bytes) -> Address:
    """Return the address PACKED; of an IPv6 socket that serves IPv4, the IPv4 address."""
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _addresses_in(fields: Sequence[str]) -> Iterator[Address]:
    for field in fields:
        try:
            yield ipaddress.ip_address(field)
        except ValueError:
            continue
