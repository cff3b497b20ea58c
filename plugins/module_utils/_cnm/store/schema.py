# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a store: its place, its schema, and whether it can be trusted."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing, contextmanager
from typing import Iterator, Sequence

from ..model.errors import CnmError, StoreDamaged
from ..private_files import close_file, make_private
from .lock import holding

BRIDGE_NAME = """json_extract(data, '$.options."com.docker.network.bridge.name"')"""
"""The bridge that a network's options name."""
PARENT = """ifnull(json_extract(data, '$.options.parent'), json_extract(data, '$.options."cnm.bridge.uplink"'))"""
"""The interface of the host that a network's options name."""
DRIVER = "json_extract(data, '$.driver')"
"""The name of a network's driver."""
CONTAINER = """json_extract(data, '$.labels."cnm.container"')"""
"""The engine's id of the container that a sandbox is."""
MAY_HAVE_NAMESPACE = "(running OR (json_valid(data) AND json_extract(data, '$.netns') IS NOT NULL))"
"""Whether a sandbox may have a namespace: one that is ours exists only while the sandbox runs."""
HAS_NAME_SERVERS = "json_valid(data) AND json_extract(data, '$.dns_servers') IS NOT NULL"
"""Whether a sandbox has name servers of its own."""

_MIGRATIONS: Sequence[str] = (
    f"""
CREATE TABLE network (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, data TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX network_adopted ON network (id) WHERE json_extract(data, '$.adopted');
CREATE INDEX network_bridge ON network ({BRIDGE_NAME}) WHERE json_valid(data);
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
""",
    # Fields that version 1 left out if they had their default value.
    f"""
UPDATE network SET data = json_insert(
    data, '$.dns', json('false'), '$.dns_servers', json('[]'), '$.routes', json('[]'), '$.no_default_route',
    json('false'), '$.metric', NULL, '$.underlay', NULL
);
UPDATE network SET data = json_insert(data, '$.underlay.known', NULL) WHERE json_type(data, '$.underlay') = 'object';
UPDATE sandbox SET data = json_insert(data, '$.routes', json('[]'), '$.no_default_route', json('false'));
UPDATE endpoint SET data = json_insert(data, '$.ipv6_off', json('false'));
CREATE INDEX network_underlay ON network (id) WHERE json_type(data, '$.underlay') = 'object';
CREATE INDEX network_driver ON network ({DRIVER}) WHERE json_valid(data);
""",
    """
UPDATE network SET data = json_insert(data, '$.engines', json('[]'), '$.docker_networks', json('{}'));
""",
    # The indexes are for requests of container engines, which must not take longer if the host has more sandboxes.
    f"""
UPDATE network SET data = json_set(
    data, '$.underlay.peers',
    (
        SELECT json_group_array(json_insert(value, '$.reported', json('[]'), '$.chosen', json('[]')))
        FROM json_each(data, '$.underlay.peers')
    ),
    '$.underlay.chosen', json('[]'), '$.underlay.learning',
    json(CASE json_extract(data, '$.options."cnm.overlay.learning"') WHEN 'false' THEN 'false' ELSE 'true' END)
) WHERE json_type(data, '$.underlay') = 'object';
CREATE INDEX sandbox_container ON sandbox ({CONTAINER}) WHERE json_valid(data);
CREATE INDEX sandbox_namespace ON sandbox (id) WHERE {MAY_HAVE_NAMESPACE};
CREATE INDEX sandbox_name_servers ON sandbox (id) WHERE {HAS_NAME_SERVERS};
""",
    """
UPDATE network SET data = json_set(
    data, '$.underlay.peers',
    (SELECT json_group_array(json_insert(value, '$.joined', json('false'))) FROM json_each(data, '$.underlay.peers')),
    '$.underlay.member', ''
) WHERE json_type(data, '$.underlay') = 'object';
CREATE TABLE reported (
    network TEXT NOT NULL, host TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL, revision INTEGER NOT NULL,
    data TEXT NOT NULL, PRIMARY KEY (network, host, name)
) WITHOUT ROWID;
CREATE TABLE reported_key (
    network TEXT NOT NULL, key TEXT NOT NULL, host TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (network, key, host, name)
) WITHOUT ROWID;
CREATE INDEX reported_key_place ON reported_key (network, host, name);
""",
    # Until then, the administrator had to make VLANs.
    f"""
UPDATE network SET data = json_set(data, '$.adopted', json('true')) WHERE {PARENT} GLOB '*.*';
CREATE INDEX network_parent ON network ({PARENT}) WHERE json_valid(data);
""",
    """
UPDATE network SET data = json_insert(data, '$.ipam_driver', 'default');
UPDATE endpoint SET data = json_insert(data, '$.leased', json('false'));
""",
)
"""Migrations: the first makes an empty file a store of version 1, the second makes that one version 2, and so on.

Hosts have stores of each version, so no migration is changed later. Stored objects have exactly the fields of the
nouns: a new field needs a migration that adds it to the objects of older stores.
"""

VERSION = len(_MIGRATIONS)
"""The version of the schema; kept in SQLite's user_version."""

_FILES = ("cnm.db", "cnm.db-wal", "cnm.db-shm", "cnm.db-journal", "intent.json", "surplus.json", "lock")
"""The files that we keep in the folder. Files that end in ``.new`` are always created again."""

_BROKEN = (
    "no such table",
    "no such column",
    "has no column",
    "columns but",
    "constraint failed",
    "datatype mismatch",
    "Could not decode",
    "malformed JSON",
)
"""SQLite's messages about an intact file that does not match our schema."""


def path(folder: str) -> str:
    """Return the path of the file in FOLDER."""
    return os.path.join(folder, "cnm.db")


def memory() -> sqlite3.Connection:
    """Return an empty store that nobody else sees."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _migrate(connection, 0)
    return connection


def close(folder: str) -> None:
    """Make FOLDER and the files in it private to our own user.

    :raises CnmError: if something in it is not ours
    """
    make_private(folder)
    for name in _FILES:
        close_file(os.path.join(folder, name))


def create(folder: str) -> None:
    """Create an empty store in FOLDER, of mode 0700, unless it exists."""
    make_private(folder)
    file = path(folder)
    if os.path.lexists(file):
        return
    try:
        _make(file)
    except (OSError, sqlite3.Error) as error:
        raise CnmError(f"The store '{file}' cannot be made: {getattr(error, 'strerror', error)}.") from error


def _make(file: str) -> None:
    # Under another name first, so that an interrupted run does not leave a store without a schema.
    growing = f"{file}.new"
    for leftover in (growing, f"{growing}-wal", f"{growing}-shm", f"{growing}-journal"):
        if os.path.lexists(leftover):
            os.unlink(leftover)
    os.close(os.open(growing, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = _connect(growing)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        _migrate(connection, 0)
    finally:
        connection.close()
    os.rename(growing, file)


def in_memory(source: sqlite3.Connection) -> sqlite3.Connection:
    """Return a copy of SOURCE in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    source.backup(connection)
    return connection


def connect(folder: str, check: bool = True, write: bool = True, intact: bool = False) -> sqlite3.Connection:
    """Open the store in FOLDER, which exists. An older store is migrated; if it is only read, this is done in memory.

    :param check: whether to check its integrity and its version
    :param write: whether it is to be written; to read it, it need not be writable
    :param intact: whether it is known to be intact, so that only its version is checked
    :raises StoreDamaged: if it cannot be trusted; the file is left as it is
    """
    file = path(folder)
    _check_folder(folder)
    if not stat.S_ISREG(os.lstat(file).st_mode):
        raise CnmError(f"'{file}' is not a file; the store cannot be kept there.")
    connection = _connect(file)
    try:
        if not write and _is_read_only(connection):
            connection.close()
            connection = _copied(file)
        if check:
            with explained(folder):
                version = _checked_version(connection, file, intact)
                if version < VERSION and not write:
                    with closing(connection):
                        connection = in_memory(connection)
                if version < VERSION:
                    _migrate(connection, version)
    except CnmError:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    """Migrate the store from VERSION, 0 for an empty file, to ours, in one transaction."""
    steps = "".join(_MIGRATIONS[version:])
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION}; COMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _is_read_only(connection: sqlite3.Connection) -> bool:
    """Say whether the folder of CONNECTION is read-only: even to read a store, SQLite creates a file next to it."""
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        return "unable to open" in str(error) or "readonly" in str(error)
    except sqlite3.DatabaseError:
        return False
    return False


def _copied(file: str) -> sqlite3.Connection:
    """Return the store FILE in memory, copied through a writable folder.

    :raises CnmError: if there is no such folder, or the store cannot be read
    """
    import shutil
    import tempfile

    folder = next((each for each in ("/run", "/dev/shm") if os.access(each, os.W_OK)), None)
    try:
        with tempfile.TemporaryDirectory(dir=folder) as copy:
            for source in (file, f"{file}-wal"):
                if os.path.exists(source):
                    shutil.copyfile(source, os.path.join(copy, os.path.basename(source)))
            with closing(_connect(path(copy))) as connection:
                return in_memory(connection)
    except OSError as error:
        raise CnmError(f"The store '{file}' cannot be read: {error.strerror}.") from error


def _checked_version(connection: sqlite3.Connection, file: str, intact: bool) -> int:
    """Return the version of the store FILE, after checking that we know it, and that FILE is intact if not known."""
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        verdict = "ok" if intact else connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except TypeError as error:  # there is no answer
        raise damaged(file, error) from error
    if verdict != "ok" or version <= 0:
        raise damaged(file, verdict if verdict != "ok" else "it has no schema")
    if version > VERSION:
        raise StoreDamaged(
            f"The store '{file}' was written by a newer version of cnm.linux (schema {version}, "
            f"this one knows {VERSION}). Use that version; the file was left as it is."
        )
    return int(version)


def _connect(file: str) -> sqlite3.Connection:
    try:
        # A service runs the core in one thread, and closes the store in another one at its end.
        return sqlite3.connect(file, isolation_level=None, timeout=30, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise CnmError(f"The store '{file}' cannot be opened: {error}.") from error


def _check_folder(folder: str) -> None:
    try:
        status = os.lstat(folder)
    except OSError as error:
        raise CnmError(f"The folder '{folder}' of the store cannot be used: {error.strerror}.") from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise CnmError(f"'{folder}' is not a folder of our own user; the store cannot be kept there.")


@contextmanager
def explained(folder: str) -> Iterator[None]:
    """Turn SQLite's errors in the block, which works with the store in FOLDER, into errors for the user.

    :raises StoreDamaged: if the store is not as we have written it
    :raises CnmError: if it cannot be read or written, for example because the disk is full
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if any(part in str(error) for part in _BROKEN):
            raise damaged(path(folder), error) from error
        if "locked" in str(error):
            holder = f"process {holding(folder)}, which runs cnm.linux," if holding(folder) else "another program"
            raise CnmError(
                f"The store '{path(folder)}' cannot be used: {holder} has locked it. Wait for it to end, or end it."
            ) from error
        raise CnmError(f"The store '{path(folder)}' cannot be used: {error}.") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # SQLite quotes damaged bytes in its answers.
        raise damaged(path(folder), error) from error


def damaged(file: str, why: object) -> StoreDamaged:
    """Return the error for the damaged store in FILE; WHY is the reason."""
    return StoreDamaged(
        f"The store '{file}' is damaged ({why}). It was left as it is. Restore a backup, or move the file away and run "
        "your playbook again: everything it declares is created again, and only automatically chosen addresses may "
        "change."
    )
