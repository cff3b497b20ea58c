# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody with all rights in a network namespace can send, made by hand."""

from __future__ import annotations

import socket
import struct
from typing import Optional

from lab import PATIENCE, at, endpoint


def advertise(place: str, device: str, prefix: str) -> None:
    """Send from PLACE what a router sends: be my neighbours' default gateway, in PREFIX, for an hour (RFC 4861)."""
    lifetime = struct.pack("!II", 3600, 3600)
    information = struct.pack("!BBBB", 3, 4, 64, 0xC0) + lifetime + bytes(4) + socket.inet_pton(socket.AF_INET6, prefix)
    message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 3600, 0, 0) + information
    with at(place):
        made = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        index = socket.if_nametoindex(device)
    with made:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        made.sendto(message, ("ff02::1", 0, 0, index))


def arrives(place: str, source: str, target: str, server: str, port: int = 53) -> Optional[str]:
    """Send from PLACE a UDP packet that says it is from SOURCE; return whom SERVER, which listens on PORT, sees."""
    body = b"forged"
    with endpoint(server, "udp", "0.0.0.0", port) as waiting:
        with at(place):
            made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        with made:
            udp = struct.pack("!HHHH", 1024, port, 8 + len(body), 0) + body
            head = struct.pack(
                "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target)
            )
            made.sendto(head + udp, (target, 0))
        waiting.settimeout(PATIENCE)
        try:
            data, peer = waiting.recvfrom(100)
        except OSError:
            return None
        return str(peer[0]) if data == body else None
