# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to one member of a cluster."""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Dict, Iterator, Mapping, Optional
from urllib.parse import urlsplit

from .errors import LeaseGone, Refused, Unavailable

Json = Dict[str, Any]
_CANCELLED, _UNKNOWN, _DEADLINE_EXCEEDED, _UNAVAILABLE = 1, 2, 4, 14
_TEMPORARY = (_CANCELLED, _UNKNOWN, _DEADLINE_EXCEEDED, _UNAVAILABLE)
"""Codes of gRPC with which a member answers that has no quorum: 14 to a read, 2 to a write."""
_OVERLOADED = "etcdserver: too many requests"
_NO_LEASE = "etcdserver: requested lease not found"
_BROKEN = (OSError, HTTPException, ValueError)


class Stream:
    """The messages that a member sends in answer to one request."""

    def __init__(self, url: str, response: HTTPResponse, connection: socket.socket) -> None:
        """Read them from RESPONSE of the member at URL, which arrives on CONNECTION."""
        self._url = url
        self._response = response
        self._connection = connection

    def __iter__(self) -> Iterator[Json]:
        """Yield each message.

        :raises Unavailable: at the end of the stream
        """
        while True:
            try:
                line = self._response.readline()
                message = json.loads(line) if line else None
            except _BROKEN as error:
                raise _unavailable(self._url, error) from error
            if message is None:
                raise Unavailable(f"etcd at '{self._url}' has closed the connection.")
            yield _checked(self._url, message)["result"]

    def shut_down(self) -> None:
        """End the stream; another thread may be reading it."""
        # The member may have closed it.
        with suppress(OSError):
            # Not the method of SSLSocket: it takes the TLS session away from the thread that reads.
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._response.close()
        self._connection.close()


class Member:
    """A member, by its URL. One thread uses it at a time."""

    def __init__(self, url: str, context: Optional[ssl.SSLContext]) -> None:
        """Create it for URL; CONTEXT is for https. It connects when it is used."""
        self.url = url
        self._context = context
        self._connection: Optional[HTTPConnection] = None

    def ask(self, path: str, body: Mapping[str, Any], token: str, timeout: float) -> Json:
        """Send BODY to PATH below ``/v3/``; return the answer.

        :param token: says which user we are; empty for none
        :param timeout: seconds to wait for the network and for the answer
        :raises Unavailable: if another member, or this one a moment later, may answer
        :raises Refused: if etcd refuses the request
        :raises LeaseGone: if the lease does not exist
        """
        try:
            if self._connection is None:
                self._connection = self._connect(timeout)
            if self._connection.sock is not None:
                self._connection.sock.settimeout(timeout)
            response = _send(self._connection, path, body, token, {})
            status, text = response.status, response.read()
        except _BROKEN as error:
            self.close()
            raise _unavailable(self.url, error) from error
        return _answer(self.url, status, text)

    def stream(self, path: str, body: Mapping[str, Any], token: str, timeout: float) -> Stream:
        """Send BODY to PATH below ``/v3/``, on a connection of its own; return the messages.

        There is no timeout for a message. The stream ends if the member loses the leader of the cluster.

        :raises: as ask()
        """
        connection = self._connect(timeout)
        try:
            connection.connect()
            response = _send(connection, path, body, token, {"Grpc-Metadata-hasleader": "true"})
            if response.status != 200:
                _answer(self.url, response.status, response.read())
            connection.sock.settimeout(None)
            return Stream(self.url, response, connection.sock)
        except _BROKEN as error:
            connection.close()
            raise _unavailable(self.url, error) from error
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self, timeout: float) -> HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            return HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout, context=self._context)
        return HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)


def _send(
    connection: HTTPConnection, path: str, body: Mapping[str, Any], token: str, headers: Mapping[str, str]
) -> HTTPResponse:
    named = {"Content-Type": "application/json", **headers}
    if token:
        named["Authorization"] = token
    connection.request("POST", f"/v3/{path}", json.dumps(body), named)
    return connection.getresponse()


def _answer(url: str, status: int, text: bytes) -> Json:
    try:
        value = json.loads(text)
    except ValueError as error:
        if status == 404:
            raise Refused(
                f"etcd at '{url}' does not have version 3 of the API. 3.4 or newer is needed.", status
            ) from error
        said = f"etcd at '{url}' answers with HTTP status {status}: '{text[:200].decode(errors='replace').strip()}'."
        raise (Refused(said, status) if 400 <= status < 500 else Unavailable(said)) from error
    return _checked(url, value)


def _checked(url: str, value: Any) -> Json:
    """Return VALUE, an answer or a message of a stream, unless it is an error."""
    if not isinstance(value, dict):
        raise Unavailable(f"etcd at '{url}' answers with something that is not an object of JSON.")
    error = value.get("error")
    if error is None:
        return value
    details = error if isinstance(error, dict) else value
    message = str(details.get("message") or error)
    code = int(details.get("grpc_code") or details.get("code") or _UNKNOWN)
    text = f"etcd at '{url}' answers '{message}'."
    if message == _NO_LEASE:
        raise LeaseGone(text)
    if code in _TEMPORARY or message == _OVERLOADED:
        raise Unavailable(text)
    raise Refused(text, code)


def _unavailable(url: str, error: Exception) -> Unavailable:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unavailable(f"etcd at '{url}' has a certificate that is not accepted: {error.verify_message}.")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Unavailable(f"etcd at '{url}' cannot be reached: {reason}.")
