# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run has to do with etcd: it asks, takes keys before it touches the host, and gives keys up afterwards."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable, Container, Dict, Iterator, Optional, Set

from .model.errors import CnmError
from .store import surplus
from .store.objects import SqliteStore
from .verbs.context import Context, Shared

if TYPE_CHECKING:
    from .etcd.connection import Connection


class Overtaken(CnmError):
    """Another host has taken something since this run looked. A run that looks again chooses something else."""


class Sharing:
    """The etcd of one run, which connects when it is needed first."""

    def __init__(self, folder: str, check: bool, warn: Callable[[str], None]) -> None:
        """Create it for a run with the store in FOLDER.

        :param check: whether etcd is only read
        :param warn: called with each warning for the user
        """
        self._folder = folder
        self._check = check
        self._warn = warn
        self._connection: Optional[Connection] = None

    def asked(self, why: str) -> Shared:
        """Return what hosts share, as long as etcd answers.

        :param why: the beginning of a message if it does not
        :raises CnmError: if the settings cannot be used
        """
        if self._connection is None:
            from .etcd.connection import Connection

            self._connection = Connection(why)
        self._connection.why = why
        return self._connection

    @contextmanager
    def claiming(self, context: Context, before: SqliteStore) -> Iterator[None]:
        """Take what the transaction of CONTEXT needs of etcd, then do the block, then give up what it does not need.

        If the block fails, everything that was taken is given up.

        :param before: the store as it was before the run
        :raises InvalidInput: if another host has what is needed; nothing was taken
        :raises Overtaken: if another host was faster
        :raises CnmError: if etcd does not answer
        """
        names = _concerned(context.store, before) | context.rejoining
        if not names:
            yield
            return
        from .verbs.claims import claims

        wanted = claims(context, before, names)
        context.problems.check()
        if self._check or not (wanted.batches or wanted.given_up):
            yield
            return
        surplus.write(self._folder, {**surplus.read(self._folder), **wanted.taken, **wanted.given_up})
        try:
            for host, batch in wanted.batches:
                if self._connection is None or not self._connection.claim(batch, host):
                    raise Overtaken("Other hosts keep taking what this one has chosen in etcd. Run it again.")
            yield
        except BaseException:
            context.store.rollback()
            give_up(self._folder, context.store)
            raise
        if not give_up(self._folder, context.store, wanted.fences):
            self._warn(
                "etcd does not answer, so other hosts cannot have yet what this one has given up. The service makes up "
                "for it."
            )

    def close(self) -> None:
        """Close the connections."""
        if self._connection is not None:
            self._connection.close()


def _concerned(store: SqliteStore, before: SqliteStore) -> Set[str]:
    """Return the names of the networks in etcd which the transaction of STORE has changed, or whose endpoints."""
    if not (store.has_underlays() or before.has_underlays()):
        return set()
    concerned: Set[str] = set()
    for kind, identifier in store.touched:
        for each in (store, before):
            endpoint = each.endpoint(identifier) if kind == "endpoint" else None
            network = each.network(endpoint.network if endpoint is not None else identifier)
            if network is not None and network.underlay is not None and network.underlay.member:
                concerned.add(network.name)
    return concerned


def give_up(folder: str, store: SqliteStore, changed: Container[str] = ()) -> bool:
    """Remove from etcd what earlier runs have noted in FOLDER, unless STORE wants it; return whether that is done.

    :param changed: keys of hosts that a claim has changed since then
    """
    if not os.path.exists(surplus.path(folder)):
        return True
    from .etcd.connection import Connection, EtcdFails
    from .verbs.claims import is_wanted

    noted = {
        key: text for key, text in surplus.read(folder).items() if key not in changed and not is_wanted(store, key)
    }
    left: Dict[str, str] = dict(noted)
    if noted:
        try:
            connection = Connection("What this host has given up has to be removed from etcd", brief=True)
        except EtcdFails:
            pass
        else:
            for key in connection.release(noted):
                del left[key]
            connection.close()
    surplus.write(folder, left)
    return not left
