# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a program with all rights in a network namespace can send, packed by hand."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import Optional

from lab import at, await_, command, endpoint

ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD
BODY = b"forged"


def advertise(place: str, device: str, prefix: str) -> None:
    """Send a router advertisement from PLACE: for an hour, it is the default gateway in PREFIX (RFC 4861)."""
    lifetime = struct.pack("!II", 3600, 3600)
    information = struct.pack("!BBBB", 3, 4, 64, 0xC0) + lifetime + bytes(4) + socket.inet_pton(socket.AF_INET6, prefix)
    message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 3600, 0, 0) + information
    with at(place):
        made = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        index = socket.if_nametoindex(device)
    with made:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        made.sendto(message, ("ff02::1", 0, 0, index))


def datagram(source: str, target: str, port: int = 53) -> bytes:
    """Return a UDP packet from SOURCE to TARGET, with its IP header."""
    six = ":" in source
    family = socket.AF_INET6 if six else socket.AF_INET
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    length = 8 + len(BODY)
    udp = struct.pack("!HHH", 1024, port, length)
    if six:
        # UDP over IPv6 requires a checksum (RFC 8200 8.1).
        total = _sum(addresses + struct.pack("!II", length, 17) + udp + b"\0\0" + BODY)
        return struct.pack("!IHBB", 6 << 28, length, 17, 64) + addresses + udp + struct.pack("!H", total) + BODY
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, 17, 0) + addresses
    return head[:10] + struct.pack("!H", _sum(head)) + head[12:] + udp + b"\0\0" + BODY


def _sum(data: bytes) -> int:
    """Return the Internet checksum of DATA (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def arrives(
    place: str,
    source: str,
    target: str,
    server: str,
    port: int = 53,
    frame: Optional[tuple[str, bytes]] = None,
    listener: tuple[str, int] = ("0.0.0.0", 53),
) -> Optional[str]:
    """Send a UDP packet with the source address SOURCE from PLACE; return the source that SERVER on LISTENER sees.

    :param frame: a device and a MAC address to send it to, bypassing the routes and rules of PLACE
    """
    return next(iter(heard(place, [source], target, server, port, frame, listener)), None)


def heard(
    place: str,
    sources: Sequence[str],
    target: str,
    server: str,
    port: int = 53,
    frame: Optional[tuple[str, bytes]] = None,
    listener: tuple[str, int] = ("0.0.0.0", 53),
) -> set[str]:
    """Send packets as arrives() does, one from each of SOURCES; return all sources that SERVER sees."""
    senders: set[str] = set()
    with endpoint(server, "udp", *listener) as waiting:
        for source in sources:
            with at(place):
                if frame:
                    made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
                    where: tuple[object, ...] = (frame[0], ETH_P_IPV6 if ":" in source else ETH_P_IP, 0, 0, frame[1])
                else:
                    made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
                    where = (target, 0)
                with made:
                    made.sendto(datagram(source, target, port), where)
        while len(senders) < len(sources):
            try:
                await_(waiting)
                data, peer = waiting.recvfrom(100)
            except OSError:
                break
            if data == BODY:
                senders.add(str(peer[0]).partition("%")[0])
    return senders


def mac(place: str, device: str) -> bytes:
    """Return the MAC address of the link DEVICE at PLACE."""
    with at(place):
        (line,) = [line for line in command(f"ip -brief link show dev {device}").splitlines() if line]
    return bytes.fromhex(line.split()[2].replace(":", ""))


def send(place: str, device: str, frame: bytes) -> None:
    """Send FRAME, an Ethernet header and its payload, from PLACE through DEVICE."""
    with at(place):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with made:
        with at(place):
            made.bind((device, 0))
        made.send(frame.ljust(60, b"\0"))


def flood(place: str, device: str, network: str, target: str, number: int) -> None:
    """Ask from PLACE for TARGET, as NUMBER different hosts of NETWORK, a two-byte prefix such as 10.1."""
    own = mac(place, device)
    with at(place):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with made:
        with at(place):
            made.bind((device, 0))
        head = b"\xff" * 6 + own + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + own
        for each in range(number):
            sender = socket.inet_aton(f"{network}.{1 + each // 250}.{1 + each % 250}")
            made.send((head + sender + bytes(6) + socket.inet_aton(target)).ljust(60, b"\0"))


def claim(place: str, device: str, address: str, target: bytes) -> None:
    """Tell TARGET, a link's MAC address, from PLACE that ADDRESS is now at DEVICE, by ARP or neighbour discovery.

    PLACE must have ADDRESS.
    """
    own = mac(place, device)
    if ":" not in address:
        packed = socket.inet_aton(address)
        for operation in (1, 2):
            body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + own + packed + target + packed
            send(place, device, target + own + struct.pack("!H", 0x0806) + body)
        return
    with at(place):
        made = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        index = socket.if_nametoindex(device)
    body = socket.inet_pton(socket.AF_INET6, address) + struct.pack("!BB", 2, 1) + own
    with made:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        made.bind((address, 0, 0, index))
        # The override flag, also with the solicited flag, so that it counts as an answer (RFC 4861 7.2.5).
        for flags in (0x20, 0x60):
            made.sendto(struct.pack("!BBHB3x", 136, 0, 0, flags) + body, ("ff02::1", 0, 0, index))
