# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listening sockets of the host, and their processes."""

from __future__ import annotations

import ipaddress
import os
from typing import Iterator, List, Sequence

from ...model.addresses import Address
from ...resources.kinds import Listener

_TABLES = (("tcp", "tcp"), ("tcp", "tcp6"), ("udp", "udp"), ("udp", "udp6"))
_LISTENING = {"tcp": "0A", "udp": "07"}
"""States of sockets that wait for a peer: TCP_LISTEN, and TCP_CLOSE, the state of an unconnected UDP socket."""


def listening(protocols: Sequence[str] = ("tcp", "udp", "sctp")) -> List[Listener]:
    """Return the listening sockets of PROTOCOLS in the network namespace that the calling thread is in."""
    listeners: List[Listener] = []
    for protocol, table in _TABLES:
        if protocol not in protocols:
            continue
        for fields in _rows(table):
            if len(fields) > 9 and fields[3] == _LISTENING[protocol]:
                address, port = fields[1].split(":")
                listeners.append(Listener(protocol, _address(address), int(port, 16), int(fields[9])))
    for fields in _rows("sctp/eps") if "sctp" in protocols else ():
        if len(fields) > 8:
            listeners.extend(
                Listener("sctp", address, int(fields[5]), int(fields[7])) for address in _spelled(fields[8:])
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


def _rows(table: str) -> Iterator[Sequence[str]]:
    """Yield the fields of each line of the file TABLE, which is missing if the kernel lacks the protocol."""
    try:
        with open(f"/proc/thread-self/net/{table}", encoding="ascii") as stream:
            next(stream, None)
            for line in stream:
                yield line.split()
    except OSError:
        return


def _address(text: str) -> Address:
    """Return the address TEXT, which the kernel prints as 32-bit words in the byte order of the machine."""
    words = bytes.fromhex(text)
    if memoryview(b"\1\0").cast("H")[0] == 1:
        words = b"".join(words[start : start + 4][::-1] for start in range(0, len(words), 4))
    parsed = ipaddress.ip_address(words)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def _spelled(fields: Sequence[str]) -> Iterator[Address]:
    for field in fields:
        try:
            yield ipaddress.ip_address(field)
        except ValueError:
            continue
