# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the other hosts of a network whether one of them has an address."""

from __future__ import annotations

import select
import socket
import time
from contextlib import ExitStack, suppress
from typing import Dict, Iterable, Mapping, Set, Tuple

from .frame import answer, question

_TIMES, _PAUSE = 4, 0.5
"""How often to ask, and the seconds to wait each time: at boot, the network may just have come up."""
_ALL_PROTOCOLS = 0x0003
"""ETH_P_ALL. A socket for one protocol gets no frames from a bridge port, because the bridge takes them first."""
_LARGEST = 2048

Held = Set[Tuple[str, str]]
"""Links of the host, each with an address."""


def answered(wanted: Mapping[str, Iterable[str]]) -> Held:
    """Return those of the addresses WANTED, by link of the host, that somebody behind that link has.

    If a link cannot be used for asking, its addresses count as free.
    """
    taken: Held = set()
    with ExitStack() as stack:
        sockets: Dict[str, socket.socket] = {}
        for link in wanted:
            made = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            with suppress(OSError):
                made.bind((link, _ALL_PROTOCOLS))
                sockets[link] = made
        asked = {(link, address) for link in sockets for address in wanted[link]}
        for _again in range(_TIMES):
            for link, address in sorted(asked - taken):
                own: bytes = sockets[link].getsockname()[4]
                with suppress(OSError):
                    sockets[link].send(question(address, own.hex(":")))
            taken |= _heard(sockets, asked - taken)
    return taken


def _heard(sockets: Mapping[str, socket.socket], waiting: Held) -> Held:
    """Return those of WAITING for which an answer comes, until all are answered or the time is up."""
    taken: Held = set()
    deadline = time.monotonic() + _PAUSE
    while waiting - taken:
        left = deadline - time.monotonic()
        ready = select.select(list(sockets.values()), [], [], left)[0] if left > 0 else []
        if not ready:
            break
        for link, each in sockets.items():
            if each in ready:
                data, sender = each.recvfrom(_LARGEST)
                if sender[2] != socket.PACKET_OUTGOING:
                    taken |= {(link, answer(data))} & waiting
    return taken
