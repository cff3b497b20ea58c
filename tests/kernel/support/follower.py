# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A thread that follows keys of etcd."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fleet import until

from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.client import Listing
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.entries import Entry
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.settings import Settings
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.watch import Changes, Lost, Watch

_PATIENCE = 30.0


class Follower:
    """Follows the keys that begin with KEY, and knows their values."""

    def __init__(self, settings: Settings, key: str) -> None:
        self.watch = Watch(settings, key)
        self.values: dict[str, bytes] = {}
        self.listings = 0
        self.lost: list[str] = []
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        for update in self.watch.updates():
            if isinstance(update, Lost):
                self.lost.append(update.reason)
            elif isinstance(update, Listing):
                self.values = {each.key: each.value for each in update.entries}
                self.listings += 1
            else:
                self._apply(update)

    def _apply(self, update: Changes) -> None:
        for each in update.changes:
            if isinstance(each, Entry):
                self.values[each.key] = each.value
            else:
                del self.values[each.key]

    def wait(self, holds: Callable[["Follower"], Any], seconds: float = _PATIENCE) -> None:
        """Wait until HOLDS is true of this."""
        assert until(lambda: holds(self), seconds), f"{self.listings} listings, {self.lost}, {list(self.values)[:10]}"

    def end(self) -> None:
        self.watch.end()
        self._thread.join(_PAUSE_AT_MOST)
        assert not self._thread.is_alive()


_PAUSE_AT_MOST = 15.0
"""Seconds until a request that waits for a member that does not answer gives up."""


@contextmanager
def following(settings: Settings, key: str) -> Iterator[Follower]:
    """Let a follower work during the block; it has a listing already."""
    made = Follower(settings, key)
    try:
        made.wait(lambda follower: follower.listings)
        yield made
    finally:
        made.end()
