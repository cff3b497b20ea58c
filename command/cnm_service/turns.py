# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which the threads of the service run the core."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from typing import Callable, Deque, Optional, TypeVar

T = TypeVar("T")
_OWN = "/proc/thread-self/ns/net"


class Ended(ConnectionError):
    """The service has ended before the run began."""

    def __init__(self) -> None:
        super().__init__("The service ends.")


class Turns:
    """Carries out one run at a time, in the order in which they were asked for, each in the thread that asks.

    An executor with one thread would do the same, but to hand over to it and back takes 4 percent of a run's time.
    """

    def __init__(self) -> None:
        """Create it in the namespace of the host."""
        self._home = os.stat(_OWN).st_ino
        self._guard = threading.Lock()
        self._turn: Optional[threading.Lock] = None
        """Whose turn it is."""
        self._waiting: Deque[threading.Lock] = deque()
        self._ended = False

    def do(self, act: Callable[[], T]) -> T:
        """Call ACT when its turn comes; return what it returns, or raise what it raises.

        :raises Ended: if the service ends first
        """
        with self._guard:
            if self._ended:
                raise Ended
            turn = self._next()
        turn.acquire()
        if turn is not self._turn:
            raise Ended
        try:
            return self._at_home(act)
        finally:
            self._pass_on()

    def waiting(self) -> int:
        """Return how many runs wait for their turn."""
        return len(self._waiting)

    def end(self) -> None:
        """Wait for the run at work; what waits for its turn is not carried out."""
        with self._guard:
            self._ended = True
            while self._waiting:
                self._waiting.popleft().release()
            turn = self._next()
        turn.acquire()
        self._pass_on()

    def _next(self) -> threading.Lock:
        """Return what the caller, who has the guard, can acquire when its turn comes, or when the service ends."""
        turn = threading.Lock()
        if self._turn is None:
            self._turn = turn
        else:
            turn.acquire()
            self._waiting.append(turn)
        return turn

    def _pass_on(self) -> None:
        with self._guard:
            self._turn = self._waiting.popleft() if self._waiting else None
            if self._turn is not None:
                self._turn.release()

    def _at_home(self, act: Callable[[], T]) -> T:
        try:
            return act()
        finally:
            if os.stat(_OWN).st_ino != self._home:
                # The rest of the run would take a sandbox for the host.
                print("cnm: a run has not returned from the namespace of a sandbox. The service ends.", file=sys.stderr)
                sys.stderr.flush()
                os._exit(1)
