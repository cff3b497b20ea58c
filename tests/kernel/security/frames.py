# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ethernet frames and their contents, packed by hand, including frames that no honest host would send."""

from __future__ import annotations

import ipaddress
import struct
from typing import Optional

IPV4, ARP, IPV6, VLAN = 0x0800, 0x0806, 0x86DD, 0x8100
ICMP, IPIP, TCP, UDP, SIX_IN_FOUR, GRE, ICMPV6 = 1, 4, 6, 17, 41, 47, 58
BROADCAST = b"\xff" * 6


def checksum(data: bytes) -> int:
    """Return the Internet checksum of DATA (RFC 1071)."""
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def ethernet(target: bytes, source: bytes, kind: int, payload: bytes, vlan: Optional[int] = None) -> bytes:
    tag = b"" if vlan is None else struct.pack("!HH", VLAN, vlan)
    return (target + source + tag + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def ip(source: str, target: str, protocol: int, payload: bytes, *, offset: int = 0, more: bool = False) -> bytes:
    """Return an IPv4 or IPv6 packet, depending on SOURCE. OFFSET, in bytes, and MORE make it a fragment."""
    if ":" in source:
        if offset or more:
            # The fragment header (RFC 8200 4.5).
            payload = struct.pack("!BxHI", protocol, offset | more, 7) + payload
            protocol = 44
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + packed(source) + packed(target) + payload
    flags = (offset >> 3) | (0x2000 if more else 0)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 7, flags, 64, protocol, 0)
    head += packed(source) + packed(target)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def fragments(source: str, target: str, protocol: int, payload: bytes, cut: int = 8) -> list[bytes]:
    """Return the packet in two fragments. With CUT 8, the first one contains only the UDP header."""
    first = ip(source, target, protocol, payload[:cut], more=True)
    return [first, ip(source, target, protocol, payload[cut:], offset=cut)]


def hop_by_hop(protocol: int, payload: bytes) -> tuple[int, bytes]:
    """Return PAYLOAD after an IPv6 hop-by-hop options header that contains only padding."""
    return 0, struct.pack("!BBBB4x", protocol, 0, 1, 4) + payload


def _pseudo(source: str, target: str, protocol: int, length: int) -> bytes:
    if ":" in source:
        return packed(source) + packed(target) + struct.pack("!II", length, protocol)
    return packed(source) + packed(target) + struct.pack("!BBH", 0, protocol, length)


def udp(source: str, target: str, port: int, body: bytes, own_port: int = 1024) -> bytes:
    length = 8 + len(body)
    head = struct.pack("!HHH", own_port, port, length)
    total = checksum(_pseudo(source, target, UDP, length) + head + b"\0\0" + body)
    return head + struct.pack("!H", total or 0xFFFF) + body


def syn(source: str, target: str, port: int, body: bytes) -> bytes:
    """Return a TCP segment with data that opens a connection."""
    head = struct.pack("!HHIIBBH", 1024, port, 7, 0, 5 << 4, 2, 1024)
    total = checksum(_pseudo(source, target, TCP, len(head) + 4 + len(body)) + head + bytes(4) + body)
    return head + struct.pack("!HH", total, 0) + body


def icmp(source: str, target: str, kind: int, code: int, body: bytes) -> bytes:
    """Return an ICMP message, or ICMPv6 if SOURCE is an IPv6 address. BODY is everything after the checksum."""
    six = ":" in source
    head = struct.pack("!BBH", kind, code, 0)
    data = (_pseudo(source, target, ICMPV6, 4 + len(body)) if six else b"") + head + body
    return struct.pack("!BBH", kind, code, checksum(data)) + body


def arp(operation: int, sender: tuple[bytes, str], target: tuple[bytes, str]) -> bytes:
    """Return an ARP packet. SENDER and TARGET are pairs of MAC and IPv4 addresses."""
    head = struct.pack("!HHBBH", 1, IPV4, 6, 4, operation)
    return head + sender[0] + packed(sender[1]) + target[0] + packed(target[1])


def advertisement(source: str, target: str, address: str, mac: bytes) -> bytes:
    """Return a neighbour advertisement that overrides earlier ones: ADDRESS is at MAC (RFC 4861 4.4)."""
    return icmp(source, target, 136, 0, struct.pack("!B3x", 0x60) + packed(address) + b"\x02\x01" + mac)


def router(source: str, prefix: str) -> bytes:
    """Return a router advertisement: for an hour, the sender is the default gateway in PREFIX (RFC 4861 4.2)."""
    information = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + packed(prefix)
    return icmp(source, "ff02::1", 134, 0, struct.pack("!BBHII", 64, 0, 3600, 0, 0) + information)


def vxlan(number: int, frame: bytes) -> bytes:
    """Return FRAME encapsulated for the VXLAN network NUMBER (RFC 7348 5)."""
    return struct.pack("!II", 0x08000000, number << 8) + frame
