# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a store: its place, its schema, and whether it can be trusted."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import contextmanager
from typing import Any, Iterator

from ..errors import CnmError, StoreDamaged

VERSION = 1
"""Of the schema; kept in SQLite's user_version."""

_SCHEMA = """
CREATE TABLE network (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sandbox (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, running INTEGER NOT NULL, data TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE endpoint (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, network TEXT NOT NULL, sandbox TEXT, data TEXT NOT NULL,
    UNIQUE (network, name)
) WITHOUT ROWID;
CREATE INDEX endpoint_sandbox ON endpoint (sandbox);
CREATE INDEX endpoint_name ON endpoint (name);
CREATE TABLE pool (network TEXT NOT NULL, version INTEGER NOT NULL, first BLOB NOT NULL, last BLOB NOT NULL);
CREATE INDEX pool_first ON pool (version, first);
CREATE INDEX pool_network ON pool (network);
CREATE TABLE address (
    network TEXT NOT NULL, version INTEGER NOT NULL, address BLOB NOT NULL, endpoint TEXT NOT NULL,
    PRIMARY KEY (network, version, address)
) WITHOUT ROWID;
CREATE INDEX address_endpoint ON address (endpoint);
CREATE TABLE port (protocol TEXT NOT NULL, port INTEGER NOT NULL, endpoint TEXT NOT NULL);
CREATE INDEX port_number ON port (protocol, port);
CREATE INDEX port_endpoint ON port (endpoint);
CREATE TABLE setting (
    name TEXT PRIMARY KEY, original TEXT NOT NULL, kind TEXT NOT NULL, object TEXT NOT NULL
) WITHOUT ROWID;
"""


_BROKEN = ("no such table", "no such column", "has no column", "columns but", "constraint failed", "datatype mismatch")
"""What SQLite says of a file that is whole but not as our schema has it."""


class _Connection(sqlite3.Connection):
    """A connection whose refusals are in words for the user."""

    path = ":memory:"

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        with self._explained():
            return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        with self._explained():
            return super().executemany(*arguments)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if any(part in str(error) for part in _BROKEN):
                raise damaged(self.path, error) from error
            raise CnmError(f"The store '{self.path}' cannot be used: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise damaged(self.path, error) from error


def path(folder: str) -> str:
    """Return the path of the file in FOLDER."""
    return os.path.join(folder, "cnm.db")


def memory() -> sqlite3.Connection:
    """Return an empty store that nobody else sees."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(_SCHEMA)
    return connection


def make_folder(folder: str) -> None:
    """Make FOLDER, of mode 0700, unless it is there."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise CnmError(f"The folder '{folder}' of the store cannot be made: {error.strerror}.") from error
    _check_folder(folder)


def create(folder: str) -> None:
    """Make an empty store in FOLDER, of mode 0700, unless there is one."""
    make_folder(folder)
    if stat.S_IMODE(os.lstat(folder).st_mode) != 0o700:
        os.chmod(folder, 0o700)
    file = path(folder)
    if os.path.lexists(file):
        return
    # Under another name first, so that a run that is killed here leaves no store without a schema.
    growing = f"{file}.new"
    for leftover in (growing, f"{growing}-wal", f"{growing}-shm", f"{growing}-journal"):
        if os.path.lexists(leftover):
            os.unlink(leftover)
    os.close(os.open(growing, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = _connect(growing)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    except sqlite3.Error as error:
        raise CnmError(f"The store '{file}' cannot be made: {error}.") from error
    finally:
        connection.close()
    os.rename(growing, file)


def connect(folder: str) -> sqlite3.Connection:
    """Open the store in FOLDER, which exists.

    :raises StoreDamaged: if it cannot be trusted; the file is left as it is
    """
    file = path(folder)
    _check_folder(folder)
    if not stat.S_ISREG(os.lstat(file).st_mode):
        raise CnmError(f"'{file}' is not a file; the store cannot be kept there.")
    connection = _connect(file)
    try:
        _check(connection, file)
    except StoreDamaged:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, file: str) -> None:
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except (sqlite3.DatabaseError, TypeError) as error:
        raise damaged(file, error) from error
    if verdict != "ok" or version <= 0:
        raise damaged(file, verdict if verdict != "ok" else "it has no schema")
    if version > VERSION:
        raise StoreDamaged(
            f"The store '{file}' was written by a newer version of cnm.linux (schema {version}, "
            f"this one knows {VERSION}). Use that version; the file was left as it is."
        )


def _connect(file: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(file, isolation_level=None, timeout=30, factory=_Connection)
        connection.path = file
        return connection
    except sqlite3.OperationalError as error:
        raise CnmError(f"The store '{file}' cannot be opened: {error}.") from error


def _check_folder(folder: str) -> None:
    try:
        found = os.lstat(folder)
    except OSError as error:
        raise CnmError(f"The folder '{folder}' of the store cannot be used: {error.strerror}.") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise CnmError(f"'{folder}' is not a folder of our own user; the store cannot be kept there.")


def damaged(file: str, why: object) -> StoreDamaged:
    """Return the error for the store in FILE, which is damaged; WHY says by what that was noticed."""
    return StoreDamaged(
        f"The store '{file}' is damaged ({why}). It was left as it is. Put a backup in its place, or move it away "
        "and run your playbook again: what it declares is made anew, and only addresses chosen for you may change."
    )
