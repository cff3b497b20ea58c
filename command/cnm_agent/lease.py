# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lease that the keys of this host are under."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Callable

from _cnm.etcd.client import Client
from _cnm.etcd.errors import EtcdError, LeaseGone
from _cnm.etcd.settings import Settings

TTL = 8
"""Seconds after which other hosts forget the endpoints of a host that has died."""
_INTERVAL = TTL / 4


class Lease:
    """A lease that a thread keeps alive. When it has expired, as behind a broken line, the thread takes a new one."""

    def __init__(self, settings: Settings, changed: Callable[[], None]) -> None:
        """Create it for the etcd of SETTINGS; CHANGED is called when there is another lease."""
        self._client = Client(replace(settings, patience=_INTERVAL))
        self._changed = changed
        self._wake = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self.identifier = 0
        """0 while there is none."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """End, and let the lease expire: the next process of this host may take the keys over before that."""
        self._ending = True
        self._wake.set()
        self._thread.join(_INTERVAL)

    def renounce(self, identifier: int) -> None:
        """Take a new lease, because IDENTIFIER no longer exists."""
        if self.identifier == identifier:
            self.identifier = 0
            self._wake.set()

    def _keep(self) -> None:
        while not self._ending:
            self._wake.clear()
            try:
                if self.identifier:
                    self._client.keep_alive(self.identifier)
                else:
                    self.identifier = self._client.grant(TTL)
                    self._changed()
            except LeaseGone:
                self.identifier = 0
                continue
            except EtcdError:
                # Whoever reads and writes says so.
                pass
            self._wake.wait(_INTERVAL)
        self._client.close()
