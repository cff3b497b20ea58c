# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store of one host: an SQLite file.

Each object is a row with JSON. Index tables hold what must be unique or found fast: names, address ranges, addresses,
host ports. They are written with the object, so they cannot differ from it.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Iterator, Optional, Set, Tuple, Type

from ..model.addresses import Address
from ..model.endpoint import Endpoint
from ..model.network import Network
from ..model.reported import Place, Reported
from ..model.sandbox import Sandbox
from . import schema
from .intact import OpenFile
from .journal import Setting, Unit
from .queries import Queries
from .sqlite_connections import SqliteConnections


class SqliteStore(Queries):
    """The objects of one host, as of the last commit or of the transaction under way."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: str = ":memory:",
        file: Optional[OpenFile] = None,
        connections: Optional[SqliteConnections] = None,
        write: bool = False,
    ) -> None:
        """Use CONNECTION to the store at PATH, which was found intact.

        :param file: the file at PATH, if it is open
        :param connections: what CONNECTION is given to instead of being closed
        :param write: whether the lock keeps others from changing it
        """
        super().__init__(connection, path)
        self._path = path
        self._file = file
        self._connections = connections
        self._write = write
        self.file = file.identity if file is not None else None

    @property
    def touched(self) -> Set[Unit]:
        """The objects that this transaction has changed."""
        return self._rows.touched

    @classmethod
    def memory(cls) -> "SqliteStore":
        """Return an empty store in memory."""
        return cls(schema.memory())

    @classmethod
    def open(
        cls,
        folder: str,
        beside: "Optional[SqliteStore]" = None,
        write: bool = True,
        connections: Optional[SqliteConnections] = None,
    ) -> "SqliteStore":
        """Open the store in FOLDER, which exists.

        :param beside: the same store, opened and found good before
        :param write: whether it is to be written; to read it, it need not be writable
        :param connections: those that this process keeps open
        :raises StoreDamaged: if it cannot be trusted; the file is left as it is
        """
        path = schema.path(folder)
        kept = connections.take(path) if connections is not None else None
        file = OpenFile(path, in_use=kept is not None)
        if kept is not None:
            return cls(kept, path, file, connections, write)
        connection = schema.connect(folder, check=beside is None, write=write, intact=file.is_intact)
        # Without the lock, nobody knows whether others change the store meanwhile.
        return cls(connection, path, file, connections if write else None, write)

    def copy(self) -> "SqliteStore":
        """Return a copy of this store in memory; writing to the copy does not change this store."""
        self._rows.flush()
        return SqliteStore(schema.in_memory(self._connection), self._path)

    def close(self) -> None:
        """Close the file, or leave it open for later runs; what was not committed is undone."""
        if self._connections is not None:
            self._connections.give(self._connection)
            return
        with suppress(sqlite3.Error):
            # The transaction would outlast the connection while somebody has an answer that was not read to its end.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self._connection.close()

    def __enter__(self) -> "SqliteStore":
        return self

    def __exit__(self, error: Optional[Type[BaseException]], *_: object) -> None:
        """Close the file. After a run without an error, this process need not check it again."""
        unchanged = self._file is not None and self._file.is_unchanged()
        self.close()
        if self._file is not None and unchanged and error is None:
            self._file.leave()
            if self._connections is not None and self._write:
                self._connections.keep(self._path)
        elif self._connections is not None:
            self._connections.close()

    def begin(self, write: bool) -> None:
        """Start a transaction; without WRITE, it sees the store as it is now until it ends."""
        self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        self._connection.execute("SELECT EXISTS (SELECT 1 FROM setting)").fetchone()
        self._forget_transaction()

    def commit(self) -> None:
        """Commit the transaction."""
        self._rows.flush()
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Roll the transaction back."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._forget_transaction()

    def put_network(self, network: Network) -> None:
        """Write NETWORK, new or changed."""
        if self._rows.put(network):
            self._ranges.put(network.id, network.pools)

    def put_sandbox(self, sandbox: Sandbox) -> None:
        """Write SANDBOX, new or changed."""
        self._rows.put(sandbox)

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """Write ENDPOINT, new or changed, with its host ports and those of its addresses that are free.

        An address that another endpoint still has is claimed later, by claim(), because that endpoint may release it.
        """
        before = self.endpoint(endpoint.id)
        if before == endpoint:
            return
        self._rows.put_later(endpoint)
        self._claims.put(endpoint, before)
        self._members.move(before, endpoint)

    def claim(self) -> Iterator[Tuple[Endpoint, Address, Endpoint]]:
        """Claim the addresses that others had; yield each that another endpoint still has, with that endpoint."""
        for identifier in self._claims.unclaimed():
            endpoint = self.endpoint(identifier)
            for address in endpoint.held if endpoint is not None else ():
                if endpoint is not None and not self._claims.claim(endpoint, address):
                    holder = self.holder(endpoint.network, address.packed)
                    if holder is not None and holder.id != identifier:
                        yield endpoint, address, holder

    def delete_network(self, network: Network) -> None:
        """Forget NETWORK, its claims of address ranges, and what agents report of it."""
        self._ranges.put(network.id, ())
        self._reports.delete_all(network.id)
        self._rows.delete(Network, network.id)

    def delete_sandbox(self, sandbox: Sandbox) -> None:
        """Forget SANDBOX."""
        self._rows.delete(Sandbox, sandbox.id)

    def delete_endpoint(self, endpoint: Endpoint) -> None:
        """Forget ENDPOINT and its claims."""
        self._rows.flush()
        self._claims.delete(endpoint.id)
        self._members.move(self.endpoint(endpoint.id), None)
        self._rows.delete(Endpoint, endpoint.id)

    def put_report(self, report: Reported) -> None:
        """Write REPORT, new or changed."""
        if self._reports.put(report):
            self.touched.add(Unit("reported", report.place.id))

    def delete_report(self, place: Place) -> None:
        """Forget what agents report of PLACE."""
        self._reports.delete(place)
        self.touched.add(Unit("reported", place.id))

    def put_setting(self, name: str, setting: Setting) -> None:
        """Remember the value that a kernel setting had before us, unless it is already remembered."""
        self._connection.execute(
            "INSERT OR IGNORE INTO setting VALUES (?, ?, ?, ?)", (name, setting.original, *setting.unit)
        )

    def delete_setting(self, name: str) -> None:
        """Forget the value that a kernel setting had before us."""
        self._connection.execute("DELETE FROM setting WHERE name = ?", (name,))

    def _forget_transaction(self) -> None:
        self._forget_answers()
        self._rows.touched = set()
        self._claims.forget()
        self._reports.forget()

    def _forget_answers(self) -> None:
        self._rows.forget()
        self._members.forget()
        self._ranges.forget()
