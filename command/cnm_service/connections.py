# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accepts connections; each is served by a thread."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import Callable, List, Mapping

from .peer import is_ours
from .turns import Turns

Serve = Callable[[socket.socket, Turns], None]
"""Serves a connection until its end. It runs the core only in its turn, and may raise OSError if the client goes."""
_FAREWELL = 1.0
"""Seconds at the end in which the threads may send the answers of runs that are done."""


class Connections:
    """The connections of a service."""

    def __init__(self, turns: Turns) -> None:
        """Let TURNS carry out what they ask for."""
        self._turns = turns
        self._threads: List[threading.Thread] = []

    def accept(self, listeners: Mapping[socket.socket, Serve], end: socket.socket) -> None:
        """Accept connections on LISTENERS until END can be read.

        :param listeners: the sockets, each with the function that serves its connections
        """
        with selectors.DefaultSelector() as selector:
            selector.register(end, selectors.EVENT_READ)
            for listener, serve in listeners.items():
                # A client that has gone again must not block the others.
                listener.setblocking(False)
                selector.register(listener, selectors.EVENT_READ, serve)
            while True:
                for key, _events in selector.select():
                    if key.fileobj is end:
                        return
                    with suppress(OSError):
                        self._begin(key.fileobj.accept()[0], key.data)  # type: ignore[union-attr]

    def _begin(self, connection: socket.socket, serve: Serve) -> None:
        connection.setblocking(True)
        thread = threading.Thread(target=self._attend, args=(connection, serve), daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()]
        thread.start()
        self._threads.append(thread)

    def _attend(self, connection: socket.socket, serve: Serve) -> None:
        with connection, suppress(OSError):
            if is_ours(connection):
                serve(connection, self._turns)

    def end(self) -> None:
        """Wait for the run at work, and until its answer is sent."""
        self._turns.end()
        deadline = time.monotonic() + _FAREWELL
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))
