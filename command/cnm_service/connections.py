# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accepts connections and serves them, as many at once as there are.

Threads wait for connections, and the one that gets one serves it, so no request waits for the start of a thread.
"""

from __future__ import annotations

import gc
import select
import socket
import threading
import time
from contextlib import suppress
from typing import Callable, Mapping, Optional, Tuple

from _cnm.kernel.system_calls import give_back_memory

from .peer import is_ours
from .turns import Turns

Serve = Callable[[socket.socket, Turns], None]
"""Serves a connection until its end. It runs the core only in its turn, and may raise OSError if the client goes."""
_Served = Mapping[int, Tuple[socket.socket, Serve]]
"""The sockets that connections come to, by descriptor, each with the function that serves them."""
_ONE = select.EPOLLIN | select.EPOLLONESHOT
"""One thread is told of one connection."""
_WAITING = 4
"""How many threads wait for connections if there are none: a client's next request may be faster than its thread."""
_PAUSE = 0.1
"""Seconds to wait if a connection cannot be accepted, as without a free descriptor."""
_FAREWELL = 1.0
"""Seconds at the end in which the threads may send the answers of runs that are done."""


class Connections:
    """The connections of a service."""

    def __init__(self, turns: Turns) -> None:
        """Let TURNS carry out what they ask for."""
        self._turns = turns
        self._changed = threading.Condition()
        self._waiting = 0
        """How many threads wait for connections."""
        self._serving = 0

    def accept(self, listeners: Mapping[socket.socket, Serve], end: socket.socket) -> None:
        """Serve the connections of LISTENERS until END can be read.

        :param listeners: the sockets, each with the function that serves its connections
        """
        poll = select.epoll()
        poll.register(end, select.EPOLLIN)
        for listener in listeners:
            # A client that has gone again must not block the others.
            listener.setblocking(False)
            poll.register(listener, _ONE)
        served = {listener.fileno(): (listener, serve) for listener, serve in listeners.items()}
        for _number in range(_WAITING):
            self._begin(poll, served)
        select.select([end], [], [])

    def _begin(self, poll: select.epoll, served: _Served) -> None:
        """Start a thread that waits for connections."""
        with self._changed:
            self._waiting += 1
        threading.Thread(target=self._wait, args=(poll, served), daemon=True).start()

    def _wait(self, poll: select.epoll, served: _Served) -> None:
        """Serve connections, one after the other, as long as this thread is needed."""
        while True:
            place = poll.poll(maxevents=1)[0][0]
            if place not in served:
                return
            listener, serve = served[place]
            connection = _accepted(listener)
            with suppress(OSError):  # At the end, the listeners are closed.
                poll.modify(place, _ONE)
            if connection is None:
                continue
            with self._changed:
                self._waiting -= 1
                self._serving += 1
                alone = not self._waiting
            if alone:
                self._begin(poll, served)
            try:
                self._attend(connection, serve)
            finally:
                with self._changed:
                    self._serving -= 1
                    self._changed.notify_all()
            with self._changed:
                needed = self._waiting < _WAITING
                self._waiting += needed
            if not needed:
                # There was more to do at once than now.
                gc.collect()
                give_back_memory()
                return

    def _attend(self, connection: socket.socket, serve: Serve) -> None:
        with connection, suppress(OSError):
            connection.setblocking(True)
            if is_ours(connection):
                serve(connection, self._turns)

    def end(self) -> None:
        """Wait for the run at work, and until its answer is sent."""
        self._turns.end()
        with self._changed:
            self._changed.wait_for(lambda: not self._serving, _FAREWELL)


def _accepted(listener: socket.socket) -> Optional[socket.socket]:
    """Return the connection that LISTENER has; None if it has none, or if none can be accepted."""
    try:
        return listener.accept()[0]
    except BlockingIOError:
        return None
    except OSError:
        time.sleep(_PAUSE)
        return None
