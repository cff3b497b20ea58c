# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to a store that stay open between the runs of one process."""

from __future__ import annotations

import sqlite3
from typing import List, Optional, Tuple

from .intact import State, state_of

_ENOUGH = 2
"""How many connections stay open: a run has one for its transaction and one for the state before it."""


class SqliteConnections:
    """Connections to a store that stay open between the runs of one process.

    To open and close a connection takes longer than all queries of a small run. The connections are used again only as
    long as the store is as a run of this process has left it. Otherwise the next run opens and checks the store again.
    """

    def __init__(self) -> None:
        """Create it without a connection."""
        self._idle: List[sqlite3.Connection] = []
        self._left: Optional[Tuple[Optional[State], ...]] = None
        """The states in which the last run has left the files of the store."""

    def take(self, path: str) -> Optional[sqlite3.Connection]:
        """Return a connection to the store at PATH; None if it has to be opened."""
        if self._left is None or self._left != _files(path):
            self.close()
        return self._idle.pop() if self._idle else None

    def give(self, connection: sqlite3.Connection) -> None:
        """Let later runs use CONNECTION, unless the store turns out to have changed; undo what was not committed."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if len(self._idle) < _ENOUGH:
            self._idle.append(connection)
        else:
            connection.close()

    def keep(self, path: str) -> None:
        """Note that the store at PATH is intact, and that the lock has kept others from changing it.

        Between runs, all changes are in the file itself, as when no process has it open. So it may be copied, and what
        somebody puts in its place is not mixed with changes that a later close() would write.
        """
        _busy, written, moved = self._idle[-1].execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if written == moved:
            self._left = _files(path)
        else:
            self.close()

    def close(self) -> None:
        """Close the connections that no run uses."""
        self._left = None
        while self._idle:
            self._idle.pop().close()


def _files(path: str) -> Tuple[Optional[State], ...]:
    """Return the states of the store's file and of what SQLite has not yet written to it."""
    return state_of(path), state_of(f"{path}-wal")
