# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Telling all hosts of a network where an endpoint is now, so that they need not wait until it speaks."""

from __future__ import annotations

import socket
import struct
from typing import Dict, Iterable, List, Set

from ..errors import CnmError, KernelRefused
from ..forwarding import Neighbour

_RARP = 0x8035
_REVERSE_REQUEST = 3
_BROADCAST = b"\xff" * 6


def frame(mac: str) -> bytes:
    """Return the frame that says where MAC is: a reverse ARP request of nobody (RFC 903), as machines send that move.

    A gratuitous ARP would not do: a bridge keeps it from ports that suppress neighbours (br_arp_nd_proxy.c). One
    frame is for IPv4 and IPv6, as all that the others have to know anew is the way to the MAC address.
    """
    source = bytes.fromhex(mac.replace(":", ""))
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, _REVERSE_REQUEST) + (source + bytes(4)) * 2
    return (_BROADCAST + source + struct.pack("!H", _RARP) + body).ljust(60, b"\0")


def announce(neighbours: Iterable[Neighbour]) -> List[CnmError]:
    """Send a frame for each of NEIGHBOURS by the link that it names, in the host's namespace; return what failed."""
    wanted: Dict[str, Set[str]] = {}
    for neighbour in neighbours:
        wanted.setdefault(neighbour.announced, set()).add(neighbour.mac)
    errors: List[CnmError] = []
    for device, macs in wanted.items():
        try:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
                sender.bind((device, 0))
                for mac in sorted(macs):
                    sender.send(frame(mac))
        except OSError as error:
            errors.append(KernelRefused(f"Nobody could be told by '{device}' who is here: {error.strerror}."))
    return errors
