# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The thread that runs the core."""

from __future__ import annotations

import os
import sys
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Callable, TypeVar

T = TypeVar("T")
_OWN = "/proc/thread-self/ns/net"


class Ended(ConnectionError):
    """The service has ended before the run began."""

    def __init__(self) -> None:
        super().__init__("The service ends.")


class Worker:
    """Carries out one run at a time, in the order in which they were asked for, in a thread of its own.

    A run changes the network namespace of its thread for a moment, so no other thread may run the core.
    """

    def __init__(self) -> None:
        """Create the worker in the namespace of the host."""
        self._home = os.stat(_OWN).st_ino
        self._thread = ThreadPoolExecutor(1)

    def do(self, act: Callable[[], T]) -> T:
        """Let the thread call ACT when its turn comes; return what it returns, or raise what it raises.

        :raises Ended: if the service ends first
        """
        try:
            future = self._thread.submit(self._at_home, act)
        except RuntimeError as error:
            raise Ended from error
        try:
            return future.result()
        except CancelledError as error:
            raise Ended from error

    def end(self) -> None:
        """Wait for the run at work; what waits for its turn is not carried out."""
        self._thread.shutdown(cancel_futures=True)

    def _at_home(self, act: Callable[[], T]) -> T:
        try:
            return act()
        finally:
            if os.stat(_OWN).st_ino != self._home:
                # The next run would take a sandbox for the host.
                print("cnm: a run has not returned from the namespace of a sandbox. The service ends.", file=sys.stderr)
                sys.stderr.flush()
                os._exit(1)
