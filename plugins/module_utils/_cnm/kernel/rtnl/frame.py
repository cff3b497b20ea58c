# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames of ARP (RFC 826) and neighbour discovery (RFC 4861): questions for an address, and announcements."""

from __future__ import annotations

import ipaddress
import struct

_ARP, _IPV6 = b"\x08\x06", b"\x86\xdd"
_BROADCAST, _ALL_NODES = b"\xff" * 6, b"\x33\x33\x00\x00\x00\x01"
_ALL_NODES_ADDRESS = ipaddress.IPv6Address("ff02::1").packed
_SOLICITED_NODES = ipaddress.IPv6Address("ff02::1:ff00:0").packed[:13]
_REQUEST, _REPLY = 1, 2
_ICMP6, _SOLICITATION, _ADVERTISEMENT, _OVERRIDE = 58, 135, 136, 0x20
_SOURCE_LINK_ADDRESS, _TARGET_LINK_ADDRESS = 1, 2
_TYPE = slice(12, 14)
_ARP_OPERATION, _ARP_SENDER = slice(20, 22), slice(28, 32)
_NEXT_HEADER, _ICMP6_TYPE, _ICMP6_TARGET = 20, 54, slice(62, 78)


def claim(address: str, mac: str) -> bytes:
    """Return the frame that announces MAC for ADDRESS: a gratuitous ARP request or an unsolicited advertisement."""
    held, own = ipaddress.ip_address(address), _packed(mac)
    if held.version == 4:
        return _arp(own, held.packed, held.packed)
    body = struct.pack("!BBHB3x", _ADVERTISEMENT, 0, 0, _OVERRIDE) + held.packed
    body += struct.pack("!BB", _TARGET_LINK_ADDRESS, 1) + own
    return _ALL_NODES + own + _IPV6 + _icmp6(held.packed, _ALL_NODES_ADDRESS, body)


def question(address: str, mac: str) -> bytes:
    """Return the frame by which MAC, which has no address on the network, asks who has ADDRESS.

    It is an ARP probe (RFC 5227), or a neighbour solicitation from the link-local address that is derived from MAC. If
    the solicitation had no source address, a bridge would not pass the answer through a port with neighbour suppression
    (br_do_suppress_nd in net/bridge/br_arp_nd_proxy.c).
    """
    wanted, own = ipaddress.ip_address(address), _packed(mac)
    if wanted.version == 4:
        return _arp(own, bytes(4), wanted.packed)
    source = b"\xfe\x80" + bytes(6) + bytes([own[0] ^ 2]) + own[1:3] + b"\xff\xfe" + own[3:]
    body = struct.pack("!BBH4x", _SOLICITATION, 0, 0) + wanted.packed
    body += struct.pack("!BB", _SOURCE_LINK_ADDRESS, 1) + own
    group = _SOLICITED_NODES + wanted.packed[13:]
    return b"\x33\x33" + group[12:] + own + _IPV6 + _icmp6(source, group, body)


def answer(data: bytes) -> str:
    """Return the address that the sender of the frame DATA claims in an answer; empty if it is not an answer."""
    if data[_TYPE] == _ARP and data[_ARP_OPERATION] == struct.pack("!H", _REPLY):
        packed = data[_ARP_SENDER]
    elif data[_TYPE] == _IPV6 and data[_NEXT_HEADER : _NEXT_HEADER + 1] == bytes([_ICMP6]):
        packed = data[_ICMP6_TARGET] if data[_ICMP6_TYPE : _ICMP6_TYPE + 1] == bytes([_ADVERTISEMENT]) else b""
    else:
        packed = b""
    return str(ipaddress.ip_address(packed)) if len(packed) in (4, 16) else ""


def _packed(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _arp(own: bytes, source: bytes, target: bytes) -> bytes:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, _REQUEST) + own + source + bytes(6) + target
    # The shortest Ethernet frame without its checksum has 60 bytes.
    return (_BROADCAST + own + _ARP + body).ljust(60, b"\0")


def _icmp6(source: bytes, target: bytes, body: bytes) -> bytes:
    covered = source + target + struct.pack("!II", len(body), _ICMP6) + body
    body = body[:2] + struct.pack("!H", _checksum(covered)) + body[4:]
    return struct.pack("!IHBB", 6 << 28, len(body), _ICMP6, 255) + source + target + body


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
