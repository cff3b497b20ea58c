# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists sockets that wait for a peer, by sock_diag(7).

The files ``tcp`` and ``tcp6`` of ``/proc/net`` say the same, but to print one the kernel visits each bucket of a table
for all connections of the host, which takes milliseconds. Asked for listening sockets only, it visits only those.

The request and the answers are packed here, because the classes of pyroute2 that do this come with its sockets, which
take longer to import than the files take to read. The unit tests compare them with pyroute2's.
"""

from __future__ import annotations

import socket
import struct
from typing import Iterator, NamedTuple

from ..rtnl import uapi
from ..rtnl.query import HEADER, query
from ..rtnl.socket import Socket

SOCK_DIAG_BY_FAMILY = 20
LISTEN, CLOSE = 10, 7
"""Of the states that include/net/tcp_states.h numbers, those of sockets that wait for a peer: CLOSE is the state of an
unconnected UDP socket."""
REQUEST = struct.Struct("=BBBxI48s")
"""struct inet_diag_req_v2: family, protocol, extensions, states, and the id of a socket, which dumps ignore."""
ANSWER = struct.Struct("=4xH2x16s44xI")
"""struct inet_diag_msg: of its fields, the port in network byte order, the address, and the inode at the end."""

_PROTOCOLS = {"tcp": (socket.IPPROTO_TCP, LISTEN), "udp": (socket.IPPROTO_UDP, CLOSE)}


class Waiting(NamedTuple):
    """A socket that waits for a peer."""

    address: bytes
    """Four or 16 bytes."""
    port: int
    inode: int


def waiting(protocol: str) -> Iterator[Waiting]:
    """Yield the sockets of PROTOCOL, ``tcp`` or ``udp``, in the network namespace that the calling thread is in.

    :raises KernelRefused: if the kernel cannot list them, for example because it lacks the module ``tcp_diag``
    """
    number, state = _PROTOCOLS[protocol]
    channel = Socket(uapi.NETLINK_SOCK_DIAG)
    try:
        for family, length in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
            for answer in channel.dump(request(family, number, 1 << state)):
                port, address, inode = ANSWER.unpack_from(answer, HEADER.size)
                yield Waiting(address[:length], socket.ntohs(port), inode)
    finally:
        channel.close()


def request(family: int, protocol: int, states: int) -> bytes:
    """Return the request for all sockets of FAMILY and PROTOCOL in STATES, a bit for each."""
    return query(SOCK_DIAG_BY_FAMILY, uapi.NLM_F_DUMP, REQUEST.pack(family, protocol, 0, states, b""))
