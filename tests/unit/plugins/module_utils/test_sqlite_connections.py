# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that keeps the store open between its runs, as the service does, beside others that use it."""

from __future__ import annotations

import os
import shutil
import sqlite3

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, StoreDamaged
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import schema
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.objects import SqliteStore
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.sqlite_connections import SqliteConnections


@pytest.fixture
def service(lan):
    """The host, with a run that has left the store open."""
    lan.connections = SqliteConnections()
    lan.sandbox("first")
    yield lan
    lan.connections.close()


@pytest.fixture
def opened(monkeypatch):
    """The files that were opened."""
    files, connect = [], schema._connect
    monkeypatch.setattr(schema, "_connect", lambda file: files.append(file) or connect(file))
    return files


def names(host):
    return {each["Name"] for each in host.controller().describe("sandbox", lambda _store, _each: True)}


def in_another_process(host, name):
    kept, host.connections = host.connections, None
    host.sandbox(name)
    host.connections = kept


def test_later_runs_do_not_open_the_store_again(service, opened):
    service.sandbox("second")
    service.sandbox("second")
    assert {"first", "second"} <= names(service)
    assert opened == []


def test_what_others_have_written_meanwhile_is_seen(service):
    in_another_process(service, "others")
    assert not service.sandbox("others").changed
    in_another_process(service, "more")
    assert "more" in names(service)


@pytest.mark.parametrize("put", [os.replace, shutil.copyfile])
def test_a_backup_that_is_put_back_is_used_as_it_is(service, put):
    path = schema.path(service.folder)
    # A copy of the file alone is a backup between runs.
    shutil.copy(path, f"{path}.backup")
    service.sandbox("later")
    put(f"{path}.backup", path)
    for beside in ("-wal", "-shm"):
        os.unlink(path + beside)
    assert names(service) == {"db", "first"}
    assert service.sandbox("later").changed
    assert names(service) == {"db", "first", "later"}


def test_a_store_that_was_damaged_meanwhile_is_refused(service):
    path = schema.path(service.folder)
    with open(path, "r+b") as file:
        file.write(b"not a database, but")
    with pytest.raises(StoreDamaged, match="is damaged"):
        service.sandbox("second")


def test_files_that_were_opened_to_others_are_closed_again(service):
    path = schema.path(service.folder)
    os.chmod(path, 0o644)
    service.sandbox("second")
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_nothing_of_a_failed_run_reaches_the_next(service, monkeypatch):
    def full(*_arguments):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "commit", full)
        with pytest.raises(CnmError, match="disk is full"):
            service.sandbox("second")
    assert "second" not in names(service)
    assert service.sandbox("second").changed


def test_without_a_run_nothing_is_beside_the_store(service):
    service.connections.close()
    assert not {"cnm.db-wal", "cnm.db-shm"} & set(os.listdir(service.folder))


def test_many_runs_do_not_let_the_log_grow(service):
    path = schema.path(service.folder)
    for number in range(400):
        service.sandbox(f"s{number}")
    assert os.stat(f"{path}-wal").st_size < 8 << 20
