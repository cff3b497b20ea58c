# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a run is, for those who wait for it."""

from __future__ import annotations

import time
from typing import Callable, List

Tell = Callable[[str], None]


class Progress:
    """How far a run is in what it is doing now. It tells its observers from time to time."""

    def __init__(self) -> None:
        """Create it without an observer."""
        self._observers: List[_Observer] = []
        self._next = float("inf")
        self._doing = ""
        self._done = 0
        self._total = 0

    def observe(self, tell: Tell, every: float) -> None:
        """Call TELL with a text such as ``changes the host: 200 of 1000`` every so many seconds, not before the first.

        :param every: seconds
        """
        observer = _Observer(tell, every)
        self._observers.append(observer)
        self._next = min(self._next, observer.due)

    def begin(self, doing: str, total: int) -> None:
        """Say that the run begins with what it is DOING, which consists of TOTAL parts."""
        self._doing, self._done, self._total = doing, 0, total

    def add(self, count: int = 1) -> None:
        """Say that COUNT more parts are done."""
        self.reach(self._done + count)

    def reach(self, done: int) -> None:
        """Say how many parts are DONE."""
        self._done = done
        if time.monotonic() < self._next:
            return
        for observer in self._observers:
            observer.look(f"{self._doing}: {done} of {self._total}")
        self._next = min(observer.due for observer in self._observers)


class _Observer:
    def __init__(self, tell: Tell, every: float) -> None:
        self._tell = tell
        self._every = every
        self.due = time.monotonic() + every

    def look(self, text: str) -> None:
        if time.monotonic() >= self.due:
            self._tell(text)
            self.due = time.monotonic() + self._every
