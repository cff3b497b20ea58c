# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The threads of the agent: one follows etcd, one stores what it has learnt, one publishes."""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from _cnm.controller import FOLDER, Controller, Groups
from _cnm.etcd import layout
from _cnm.etcd.client import Client, Listing
from _cnm.etcd.errors import EtcdError, LeaseGone
from _cnm.etcd.settings_file import HostSettings
from _cnm.etcd.transaction import LARGEST
from _cnm.etcd.watch import Changes, Lost, Watch
from _cnm.model.errors import CnmError
from _cnm.model.reported import Reported
from _cnm.store import surplus
from _cnm.store.objects import SqliteStore
from _cnm.verbs.context import Host
from cnm_command.errors import Failure
from cnm_engines.errors import EngineError
from cnm_engines.runs import Core, Warn, carry_out

from .known import Known
from .lease import Lease
from .members import Members
from .publication import Publication, networks, operations, publication
from .records import parts
from .reports import changes
from .store_changes import StoreChanges

_OF_CORE = (CnmError, EngineError, Failure)
_TICK = 0.1
"""Seconds between two looks whether the store has changed."""
_ECHO = 1.0
"""Seconds in which the watch should tell what this host has written."""
_PAUSE = 2.0
"""Seconds until something is tried again that has failed."""
_LONGEST_PAUSE = 10.0
_MORE = 0.2
"""Seconds to wait for the next transaction after one that is full."""
_LONGEST_BURST = 0.5
"""Seconds after which what has come is stored, even if more is coming."""


class Agent:
    """Publishes the endpoints of this host, and stores those of the others, until its end."""

    def __init__(
        self,
        settings: HostSettings,
        core: Core,
        do: Callable[[Callable[[], Any]], Any],
        warn: Warn,
        folder: str = FOLDER,
    ) -> None:
        """Create it with SETTINGS.

        :param do: calls a function in the thread that may run the core, and returns what it returns. It raises OSError
            if that thread has ended
        :param warn: called with each warning for the administrator
        """
        self._host = settings.host
        self._core = core
        self._do = do
        self._warn = warn
        self._said: Dict[str, str] = {}
        self._ending = threading.Event()
        self._known = Known()
        self._members = Members()
        self._follows = False
        self._watch = Watch(settings.etcd, layout.NETWORKS)
        self._client = Client(settings.etcd)
        self._lease = Lease(settings.etcd, self._publish_soon)
        self._changes = StoreChanges(folder)
        self._surplus, self._give_up_from = surplus.path(folder), 0.0
        self._publication: Optional[Publication] = None
        self._stored: Any = None
        """What tells whether the store still has what the agent has stored last."""
        self._written, self._written_at = 0, 0.0
        self._to_publish, self._to_store = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=act, daemon=True)
            for act in (self._follow, self._keep_publishing, self._keep_storing)
        ]

    def start(self) -> None:
        """Begin."""
        self._lease.start()
        for each in self._threads:
            each.start()

    def end(self) -> None:
        """End, after the run at work."""
        self._ending.set()
        self._watch.end()
        self._to_publish.set()
        self._to_store.set()
        self._lease.end()
        for each in self._threads:
            each.join(_PAUSE)

    def _publish_soon(self) -> None:
        self._to_publish.set()

    # What other hosts have

    def _follow(self) -> None:
        pause = 0.0
        for update in self._watch.updates():
            self._follows = not isinstance(update, Lost)
            if isinstance(update, Lost):
                # The reason differs from one attempt to the next.
                if not pause:
                    self._warn(f"What other hosts have is no longer followed; what is known stays. {update.reason}")
                self._ending.wait(pause)
                pause = min(pause * 2 or _TICK, _LONGEST_PAUSE)
                continue
            pause = 0.0
            self._members.hear(update)
            for each in self._known.hear(update):
                self._warn(f"'{each.entry.key}' in etcd does not describe an endpoint. It is left out.")
            if not self._is_own(update):
                self._to_store.set()
            self._publish_soon()

    def _is_own(self, update: Union[Listing, Changes]) -> bool:
        """Say whether UPDATE tells only what this host has written."""
        wanted = self._publication
        if wanted is None or isinstance(update, Listing):
            return False
        keys = (parts(change.key) for change in update.changes)
        return all(key is not None and key.host in wanted.hosts for key in keys)

    def _keep_storing(self) -> None:
        again = False
        while not self._ending.is_set():
            self._to_store.wait(_PAUSE if again else None)
            self._to_store.clear()
            self._await_burst()
            try:
                self._do(lambda: self._store_all(again))  # noqa: B023
                again = False
                self._said.pop("store", None)
            except _OF_CORE as error:
                again = True
                self._known.renew()
                self._say("store", f"What other hosts have could not be stored. {error}")
            except OSError:
                return

    def _await_burst(self) -> None:
        """Wait while full transactions come: each run costs time, and whoever sends much at once ends with one that is
        not full."""
        longest = time.monotonic() + _LONGEST_BURST
        while self._known.is_in_burst and time.monotonic() < longest and self._to_store.wait(_MORE):
            self._to_store.clear()

    def _store_all(self, whole: bool) -> None:
        """Store everything that has been heard until now, in as few runs as possible.

        :param whole: whether the networks are compared with the host as a whole, because something in them was missing
        """
        with self._core(True) as controller:
            joined = controller.look(self._members.items)
        if joined:
            carry_out(self._core, self._joined, lambda text: self._say(text, text))
        if not self._known.revision:
            return
        with self._core(False) as controller:
            named = controller.look(lambda store: [each.id for each in networks(store)]) if whole else []
            controller.follow(self._hear, named)

    def _joined(self, store: SqliteStore, _host: Host) -> Groups:
        return [("network", self._members.items(store))]

    def _hear(self, store: SqliteStore) -> None:
        for change in changes(store, self._known.news(), self._host):
            if isinstance(change, Reported):
                store.put_report(change)
            else:
                store.delete_report(change)
        self._stored = _signature(store)

    # What this host has

    def _keep_publishing(self) -> None:
        is_old = True
        while not self._ending.is_set():
            woken = self._to_publish.wait(_TICK)
            self._to_publish.clear()
            try:
                self._give_up()
                is_old = self._changes.happened() or is_old
                if is_old or self._publication is None:
                    self._publication = self._do(self._look)
                    is_old, woken = False, True
                if woken and not self._publish(self._publication):
                    self._to_publish.set()
                    self._ending.wait(_TICK)
                self._said.pop("publish", None)
            except (*_OF_CORE, EtcdError) as error:
                self._say("publish", f"The endpoints of this host could not be published. {error}")
                self._to_publish.set()
                self._ending.wait(_PAUSE)
            except OSError:
                return

    def _publish(self, wanted: Publication) -> bool:
        """Make etcd have what is WANTED; return whether it has, or whether something has to happen first."""
        lease, revision = self._lease.identifier, self._known.revision
        if not lease or not revision:
            return True
        if revision < self._written and time.monotonic() < self._written_at + _ECHO:
            # What was written last is not among the records yet.
            return False
        missing = operations(wanted, self._known.records(), lease)
        for first in range(0, len(missing), LARGEST):
            try:
                outcome = self._client.transaction([], missing[first : first + LARGEST])
            except LeaseGone:
                self._lease.renounce(lease)
                return True
            self._written, self._written_at = outcome.revision, time.monotonic()
        return True

    def _give_up(self) -> None:
        """Remove what this host has given up while etcd did not answer."""
        if self._follows and os.path.exists(self._surplus) and time.monotonic() > self._give_up_from:
            self._give_up_from = time.monotonic() + _PAUSE
            self._do(self._release)

    def _release(self) -> None:
        with self._core(False) as controller:
            controller.give_up()

    # The core

    def _look(self) -> Publication:
        with self._core(True) as controller:
            return controller.look(lambda store: self._read(store, controller))

    def _read(self, store: SqliteStore, controller: Controller) -> Publication:
        if self._stored != _signature(store):
            # There is another network, or somebody has changed the store.
            self._known.renew()
            self._to_store.set()
        elif self._members.items(store):
            self._to_store.set()
        return publication(store, self._host, controller.given_way())

    def _say(self, about: str, text: str) -> None:
        """Warn with TEXT, unless the last attempt at what it is ABOUT has ended with the same."""
        if self._said.get(about) != text:
            self._said[about] = text
            self._warn(text)


def _signature(store: SqliteStore) -> Tuple[List[str], Dict[str, Tuple[int, int]]]:
    return [network.id for network in networks(store)], store.sums_of_reports()
