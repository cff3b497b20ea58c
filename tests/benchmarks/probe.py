# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Echo requests from an endpoint, so frequent that they show when an answer became possible."""

from __future__ import annotations

import math
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from lab import at, sysctl
from overlays import Endpoint

_EVERY = 0.002
_ARP = 20
"""Milliseconds until the kernel repeats an ARP request, instead of a second, which would delay answers."""
_REQUEST, _REPLY = 8, 0
_HEADER = struct.Struct("!BBHHH")
_IP_HEADER = 20


class Unanswered(RuntimeError):
    """There was no answer."""


class Probe:
    """Sends requests from ENDPOINT's namespace to TARGET, an IPv4 address. Threads cannot use it: see setns(2)."""

    def __init__(self, endpoint: Endpoint, target: str) -> None:
        self._target = target
        self._identifier = os.getpid() & 0xFFFF
        self._sequence = 0
        with endpoint.member.here(), at(endpoint.namespace):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            for link in os.listdir("/proc/sys/net/ipv4/neigh"):
                sysctl(f"net/ipv4/neigh/{link}/retrans_time_ms", _ARP)

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._socket.close()

    def ask(self) -> None:
        """Send one echo request, even if it cannot be delivered."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        words = (_REQUEST << 8) + self._identifier + self._sequence
        words = (words & 0xFFFF) + (words >> 16)
        with suppress(OSError):
            message = _HEADER.pack(_REQUEST, 0, ~words & 0xFFFF, self._identifier, self._sequence)
            self._socket.sendto(message, (self._target, 0))

    def answer(self, patience: float) -> float | None:
        """Return the ``time.perf_counter()`` of the next answer, or None if there is none within PATIENCE seconds."""
        deadline = time.perf_counter() + patience
        while select.select([self._socket], [], [], max(deadline - time.perf_counter(), 0))[0]:
            with suppress(OSError):
                data, (peer, _port) = self._socket.recvfrom(100)
                kind, _code, _sum, identifier, _sequence = _HEADER.unpack_from(data, _IP_HEADER)
                if (peer, kind, identifier) == (self._target, _REPLY, self._identifier):
                    return time.perf_counter()
        return None

    def until(self, enough: Callable[[], bool] = lambda: True, patience: float = 30) -> list[float]:
        """Send requests until one is answered after ENOUGH has become true; return the times of all answers.

        :raises Unanswered: if there is none within PATIENCE seconds after that
        """
        times: list[float] = []
        deadline = math.inf
        while time.perf_counter() < deadline:
            over = enough()
            if over and deadline == math.inf:
                deadline = time.perf_counter() + patience
            self.ask()
            answered = self.answer(_EVERY)
            if answered:
                times.append(answered)
                if over:
                    return times
        raise Unanswered(f"{self._target} has not answered for {patience} s")

    def round_trips(self, number: int) -> list[float]:
        """Return the seconds that each of NUMBER round trips took.

        :raises Unanswered: if there is no answer within a second
        """
        times = []
        for _each in range(number):
            begin = time.perf_counter()
            self.ask()
            answered = self.answer(1)
            if answered is None:
                raise Unanswered(f"{self._target} has not answered")
            times.append(answered - begin)
        return times
