# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows what is written to etcd, through every failure of a member, of the cluster and of the network."""

from __future__ import annotations

import threading
from typing import Any, Iterator, List, Mapping, NamedTuple, Union

from .client import Client, Listing
from .cluster import ATTEMPT
from .entries import Entry, Keys, Removed
from .errors import EtcdError, Unavailable
from .member import Member, Stream
from .settings import Settings

_PAUSE = 0.2
"""Seconds between the end of a watch and the next list."""
_INTERVAL = 2.0
"""Seconds between two questions whether the member still answers."""


class Changes(NamedTuple):
    """What has happened since the listing or the changes before, in this order."""

    revision: int
    changes: List[Union[Entry, Removed]]


class Lost(NamedTuple):
    """The watch has ended. What happens from now on is known after the next listing."""

    reason: str


Update = Union[Listing, Changes, Lost]


class Watch:
    """Follows the keys that begin with a key."""

    def __init__(self, settings: Settings, key: str) -> None:
        """Follow KEY with connections of its own.

        :raises OSError: if a certificate or a key cannot be read
        """
        self._client = Client(settings)
        self._key = key
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._stream: Union[Stream, None] = None

    @property
    def endpoint(self) -> str:
        """The URL of the member that is watched, or else asked next."""
        return self._client.cluster.endpoint

    def updates(self) -> Iterator[Update]:
        """Yield a listing, and then each change, until end().

        Whenever changes may have been missed, it yields Lost, and a listing as soon as etcd answers. What the listing
        does not have was removed.
        """
        try:
            while not self._ending.is_set():
                try:
                    listing = self._client.list(self._key)
                    yield listing
                    yield from self._changes(listing.revision + 1)
                except EtcdError as error:
                    if not self._ending.is_set():
                        yield Lost(str(error))
                self._client.cluster.leave()
                self._ending.wait(_PAUSE)
        finally:
            self._client.close()

    def end(self) -> None:
        """End the updates; another thread may be waiting for them."""
        self._ending.set()
        with self._lock:
            if self._stream is not None:
                self._stream.shut_down()

    def _changes(self, revision: int) -> Iterator[Changes]:
        body = {"create_request": {**self._client.keys.below(self._key), "start_revision": str(revision)}}
        stream = self._client.cluster.stream("watch", body)
        with self._lock:
            self._stream = stream
        over = threading.Event()
        arguments = (self._client.cluster.same_member(), stream, over)
        threading.Thread(target=_guard, args=arguments, daemon=True).start()
        try:
            if self._ending.is_set():
                return
            for message in stream:
                if message.get("canceled"):
                    raise Unavailable(_why(message))
                changes = [_change(self._client.keys, each) for each in message.get("events", [])]
                if changes:
                    yield Changes(int(message["header"]["revision"]), changes)
        finally:
            over.set()
            with self._lock:
                self._stream = None
                stream.close()


def _guard(member: Member, stream: Stream, over: threading.Event) -> None:
    """End STREAM, from MEMBER, if that no longer answers, until OVER is set.

    The stream alone does not tell: a member that is stopped, or behind a broken line, sends as little as one that has
    nothing to say, and the kernel answers TCP's keepalives for a stopped process.
    """
    try:
        while not over.wait(_INTERVAL):
            try:
                # Any member answers a serializable read, with or without a leader. It takes no part of the others.
                member.ask("kv/range", {"key": "AA==", "serializable": True, "count_only": True}, "", ATTEMPT)
            except Unavailable:
                stream.shut_down()
                return
            except EtcdError:
                # It has answered: without a token, we may not read.
                pass
    finally:
        member.close()


def _change(keys: Keys, event: Mapping[str, Any]) -> Union[Entry, Removed]:
    key_value = event["kv"]
    if event.get("type") == "DELETE":
        return Removed(keys.name(key_value), int(key_value["mod_revision"]))
    return keys.entry(key_value)


def _why(message: Mapping[str, Any]) -> str:
    compacted = message.get("compact_revision")
    if compacted is not None:
        return f"etcd has forgotten what came before revision {compacted}."
    return f"etcd has ended the watch: {message.get('cancel_reason') or 'it gives no reason'}."
