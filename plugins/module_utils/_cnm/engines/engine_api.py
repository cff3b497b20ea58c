# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client of Docker's Engine API. Nothing may use it while Docker waits for our answer: it may wait for Docker."""

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
        self._socket_path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._socket_path)


class EngineApi:
    """The Engine API of the dockerd that listens at a path."""

    def __init__(self, path: str) -> None:
        """Create a client for the unix socket at PATH; it connects when it is used."""
        self.path = path
        self._events: Optional[_Connection] = None

    def get(self, target: str) -> Any:
        """Return the JSON at TARGET, such as ``/networks``.

        :raises: one of ERRORS
        """
        return json.loads(self._request("GET", target))

    def post(self, target: str, body: Mapping[str, Any]) -> None:
        """Send BODY to TARGET, such as ``/networks/create``.

        :raises: one of ERRORS
        """
        self._request("POST", target, body)

    def delete(self, target: str) -> None:
        """Delete TARGET, such as ``/networks/blue``.

        :raises: one of ERRORS
        """
        self._request("DELETE", target)

    def _request(self, method: str, target: str, body: Optional[Mapping[str, Any]] = None) -> bytes:
        connection = _Connection(self.path, _TIMEOUT)
        try:
            return _answer(connection, target, method, body).read()
        finally:
            connection.close()

    def events(self, **filters: List[str]) -> Iterator[Mapping[str, Any]]:
        """Subscribe to the events that FILTERS admit; return an iterator over them, which ends when Docker or close()
        ends it.

        :raises: one of ERRORS
        """
        self._events = _Connection(self.path, None)
        return _lines(_answer(self._events, f"/events?filters={quote(json.dumps(filters))}"))

    def close(self) -> None:
        """End the events, if there are any; another thread may be waiting for them."""
        connection = self._events
        if connection is not None and connection.sock is not None:
            # Docker may have ended it.
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)


def _answer(
    connection: _Connection, target: str, method: str = "GET", body: Optional[Mapping[str, Any]] = None
) -> HTTPResponse:
    if body is None:
        connection.request(method, target)
    else:
        connection.request(method, target, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    if response.status >= 400:
        raise HTTPException(_reason(response.read()) or f"{response.status} {response.reason}")
    return response


def _reason(text: bytes) -> str:
    """Return the message in TEXT, the answer to a request that Docker has refused; empty if there is none."""
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(text)["message"])
    return ""


def _lines(response: HTTPResponse) -> Iterator[Mapping[str, Any]]:
    with response:
        while True:
            line = response.readline()
            if not line:
                return
            yield json.loads(line)
