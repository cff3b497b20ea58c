# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to the name server of a network, so frequent that they show when an answer has changed."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Collection, Iterator, Sequence

from fleet import Member
from lab import at

_PORT = 53
_EVERY = 0.005
"""Seconds between two questions."""
_SILENT = 0.1
"""Seconds after which a name without an answer counts as unknown: the name server asks others for it."""
_AT_ONCE = 64
"""How many questions wait for their answers at once."""
_HEADER = struct.Struct("!HHHHHH")
_A, _IN, _RECURSE = 1, 1, 0x0100


class Resolver:
    """Asks from the namespace at PATH on MEMBER, in the thread that has created it: see setns(2)."""

    def __init__(self, member: Member, path: str, server: str = "10.9.0.1") -> None:
        self.member = member
        self._server = (server, _PORT)
        self._number = 0
        with member.here(), at(path):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def __enter__(self) -> Resolver:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._socket.close()

    def knows(self, name: str, address: str, patience: float) -> float:
        """Return the ``time.perf_counter()`` at which NAME was found to have ADDRESS.

        :raises RuntimeError: if it is not found within PATIENCE seconds
        """
        deadline = time.perf_counter() + patience
        while time.perf_counter() < deadline:
            number = self._ask(name)
            if self._addresses(number, _EVERY) == [address]:
                return time.perf_counter()
        raise RuntimeError(f"{self.member.name} does not find {name}")

    def knows_all(self, names: Sequence[str], patience: float) -> float:
        """Return the ``time.perf_counter()`` at which all NAMES were found.

        :raises RuntimeError: if one is not found within PATIENCE seconds
        """
        deadline = time.perf_counter() + patience
        left, at_once = list(names), 1
        while left:
            asked = {self._ask(name): name for name in left[:at_once]}
            answered = self._answered(asked)
            unknown = [name for number, name in asked.items() if number not in answered]
            left[:at_once] = unknown
            # The name server asks others for each name that it does not know.
            at_once = 1 if unknown else min(2 * at_once, _AT_ONCE)
            if time.perf_counter() > deadline:
                raise RuntimeError(f"{self.member.name} does not find {unknown}")
        return time.perf_counter()

    def forgets(self, name: str, patience: float) -> float:
        """Return the ``time.perf_counter()`` of the first question for NAME that was not answered with an address.

        :raises RuntimeError: if all are, for PATIENCE seconds
        """
        deadline = time.perf_counter() + patience
        while time.perf_counter() < deadline:
            asked = time.perf_counter()
            if not self._addresses(self._ask(name), _SILENT):
                return asked
            time.sleep(_EVERY)
        raise RuntimeError(f"{self.member.name} still finds {name}")

    def _ask(self, name: str) -> int:
        self._number = (self._number + 1) & 0xFFFF
        labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split("."))
        question = labels + b"\0" + struct.pack("!HH", _A, _IN)
        self._socket.sendto(_HEADER.pack(self._number, _RECURSE, 1, 0, 0, 0) + question, self._server)
        return self._number

    def _addresses(self, number: int, patience: float) -> list[str]:
        """Return the addresses in the answer to question NUMBER; none if it does not come within PATIENCE seconds."""
        return next((found for identifier, found in self._answers(patience) if identifier == number), [])

    def _answered(self, numbers: Collection[int]) -> set[int]:
        """Return those of the questions with NUMBERS that were answered with an address."""
        found = set()
        for identifier, addresses in self._answers(_SILENT):
            if addresses and identifier in numbers:
                found.add(identifier)
            if len(found) == len(numbers):
                break
        return found

    def _answers(self, patience: float) -> Iterator[tuple[int, list[str]]]:
        """Yield the numbers of questions with the addresses in the answers that come within PATIENCE seconds."""
        deadline = time.perf_counter() + patience
        while select.select([self._socket], [], [], max(deadline - time.perf_counter(), 0))[0]:
            data = self._socket.recv(4096)
            identifier, _flags, _questions, answers, _authorities, _more = _HEADER.unpack_from(data)
            yield identifier, [socket.inet_ntoa(data[each : each + 4]) for each in _places(data, answers)]


def _places(data: bytes, answers: int) -> list[int]:
    """Return where the addresses are in DATA, an answer to one question with ANSWERS."""
    place = _after_name(data, _HEADER.size) + 4
    found = []
    for _answer in range(answers):
        place = _after_name(data, place)
        kind, _class, _ttl, length = struct.unpack_from("!HHIH", data, place)
        place += 10
        if kind == _A:
            found.append(place)
        place += length
    return found


def _after_name(data: bytes, place: int) -> int:
    while data[place]:
        if data[place] & 0xC0:
            return place + 2
        place += 1 + data[place]
    return place + 1
