# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``serve``: from the start of the service to its end."""

from __future__ import annotations

import signal
import socket
from argparse import Namespace
from typing import List, Mapping, Protocol

from cnm_command.access import require_all

from . import core, docker, engines
from .connections import Connections, Serve
from .listeners import METRICS, Listeners
from .turns import Turns

PROTOCOLS: Mapping[str, Serve] = {"engines": engines.serve, "docker": docker.serve}
"""What can be spoken on a socket, with the function that serves a connection. Each has an option with its name."""


class _Follower(Protocol):
    """Threads that follow what happens elsewhere."""

    def start(self) -> None:
        """Begin."""

    def end(self) -> None:
        """End, after the run at work."""


def serve(options: Namespace) -> int:
    """Serve until SIGTERM or SIGINT, and until the run at work is done.

    :raises Failure: without root, without what the core or metrics need, without a socket, or without usable settings
        for etcd
    """
    require_all()
    turns = Turns()
    followers: List[_Follower] = []
    if options.etcd is not None:
        # Without it, the service starts faster.
        from .etcd import agent

        followers.append(agent(turns, options.etcd))
    names = (*PROTOCOLS, METRICS)
    paths = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    listeners = Listeners(names, paths, required=not followers)
    try:
        _serve(options, turns, followers, listeners)
    finally:
        listeners.close()
    return 0


def _serve(options: Namespace, turns: Turns, followers: List[_Follower], listeners: Listeners) -> None:
    scraped = [each for each, name in listeners.sockets.items() if name == METRICS]
    if scraped:
        # The library takes some megabytes.
        from .metrics import Metrics

        followers.append(Metrics(listeners, scraped))
    core.import_all(options.etcd is not None)
    end, begin = socket.socketpair()
    begin.setblocking(False)
    signal.set_wakeup_fd(begin.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        # With a handler, the signal does not end the process. What ends the service is the descriptor.
        signal.signal(number, lambda _number, _frame: None)
    connections = Connections(turns)
    if "docker" in listeners.sockets.values():
        followers.append(docker.watcher(turns, options.docker_api))
    for each in followers:
        each.start()
    try:
        served = {each: PROTOCOLS[name] for each, name in listeners.sockets.items() if name in PROTOCOLS}
        connections.accept(served, end)
    finally:
        listeners.close()
        for each in followers:
            each.end()
        connections.end()
        core.close()
