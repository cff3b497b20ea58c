# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serves Docker: HTTP on a unix socket, as a plugin of it (docs/extend/plugin_api.md of docker/cli)."""

from __future__ import annotations

import json
import socket
import sys
import time
import traceback
from contextlib import AbstractContextManager
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

from _cnm.controller import Controller
from _cnm.engines.engine_api import EngineApi
from cnm_command.access import warn
from cnm_engines.docker import protocol
from cnm_engines.docker.watcher import Watcher
from cnm_engines.request import PATIENCE

from .core import controller
from .peer import has_gone
from .turns import Turns


def serve(connection: socket.socket, turns: Turns) -> None:
    """Answer the requests of CONNECTION until its end.

    :raises OSError: if the client goes
    :raises Ended: if the service ends before the turn of a request
    """
    _Requests(connection, "", turns)  # type: ignore[arg-type]


def watcher(turns: Turns, path: str) -> Watcher:
    """Return the watcher of the dockerd whose Engine API is at PATH."""
    return Watcher(EngineApi(path), lambda check: _core(time.monotonic(), check), turns.do, warn)


def _core(arrival: float, check: bool) -> AbstractContextManager[Controller]:
    """Return a controller for a request, by the time of its ARRIVAL."""
    return controller(check, warn, max(arrival + PATIENCE - time.monotonic(), 0.0), lambda: None)


class _Requests(BaseHTTPRequestHandler):
    """The requests of one connection. What the base class calls the server are the turns."""

    protocol_version = "HTTP/1.1"
    server: Turns  # type: ignore[assignment]

    def do_POST(self) -> None:
        """Answer a request."""
        arrival = time.monotonic()
        try:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        except ValueError:
            self.send_error(400)
            return
        core = partial(_core, arrival)
        answer = self.server.do(
            lambda: None if has_gone(self.connection) else protocol.answer(self.path, body, core, warn)
        )
        if answer is None:
            self.close_connection = True
            return
        if answer.bug is not None:
            traceback.print_exception(type(answer.bug), answer.bug, answer.bug.__traceback__, file=sys.stderr)
        text = json.dumps(answer.value).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", protocol.MEDIA_TYPE)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing: the client gets the errors."""
