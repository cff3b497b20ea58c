# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client of Docker's Engine API. Nothing may ask it while Docker waits for our answer: it may wait for Docker."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Iterator, List, Mapping, Optional
from urllib.parse import quote

ERRORS = (OSError, HTTPException, ValueError)
"""What is raised if Docker is not there, ends, or answers something else than expected."""
_TIMEOUT = 60.0
"""Seconds to wait for an answer: a container that starts is not described before it has started."""


class _Connection(HTTPConnection):
    """An HTTP connection on a unix socket."""

    def __init__(self, path: str, timeout: Optional[float]) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class EngineApi:
    """The Engine API of the dockerd that listens at a path."""

    def __init__(self, path: str) -> None:
        """Create a client for the unix socket at PATH; it connects when it is used."""
        self._path = path
        self._events: Optional[_Connection] = None

    def get(self, target: str) -> Any:
        """Return the JSON at TARGET, such as ``/networks``.

        :raises: one of ERRORS
        """
        connection = _Connection(self._path, _TIMEOUT)
        try:
            return json.loads(_answer(connection, target).read())
        finally:
            connection.close()

    def events(self, **filters: List[str]) -> Iterator[Mapping[str, Any]]:
        """Subscribe to the events that FILTERS admit; return an iterator over them, which ends when Docker or close()
        ends it.

        :raises: one of ERRORS
        """
        self._events = _Connection(self._path, None)
        return _lines(_answer(self._events, f"/events?filters={quote(json.dumps(filters))}"))

    def close(self) -> None:
        """End the events, if there are any; another thread may be waiting for them."""
        connection = self._events
        if connection is not None and connection.sock is not None:
            # Docker may have ended it.
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)


def _answer(connection: _Connection, target: str) -> HTTPResponse:
    connection.request("GET", target)
    response = connection.getresponse()
    if response.status != 200:
        raise HTTPException(f"Docker answers '{target}' with {response.status} {response.reason}.")
    return response


def _lines(response: HTTPResponse) -> Iterator[Mapping[str, Any]]:
    with response:
        while True:
            line = response.readline()
            if not line:
                return
            yield json.loads(line)
