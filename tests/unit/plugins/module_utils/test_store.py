# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the store remembers, and what happens to a store that cannot be trusted."""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import sqlite3
import stat

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.registry import named
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, StoreDamaged
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.sandbox import Sandbox
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.fdb import FdbEntry
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import journal, schema
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.journal import Intent, Setting
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.lock import held
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.objects import SqliteStore


@pytest.fixture
def path(lan):
    """The path of a store that is not empty."""
    return schema.path(lan.folder)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def rewrite(path, data):
    with open(path, "wb") as file:
        file.write(data)


def test_only_its_owner_reads_it(host):
    mask = os.umask(0)
    try:
        host.network("lan")
        journal.write(host.folder, Intent())
    finally:
        os.umask(mask)
    modes = {name: stat.S_IMODE(os.stat(os.path.join(host.folder, name)).st_mode) for name in os.listdir(host.folder)}
    assert modes == {"cnm.db": 0o600, "lock": 0o600, "intent.json": 0o600}
    assert stat.S_IMODE(os.stat(host.folder).st_mode) == 0o700


def test_a_folder_that_is_too_open_is_closed(host):
    os.mkdir(host.folder, 0o755)
    host.network("lan")
    assert stat.S_IMODE(os.stat(host.folder).st_mode) == 0o700


@pytest.mark.parametrize("filled", [False, True])
def test_a_link_in_place_of_the_folder_is_refused(host, filled):
    there = f"{host.folder}.there"
    os.mkdir(there)
    if filled:
        schema.create(there)
    os.symlink(there, host.folder)
    with pytest.raises(CnmError, match="is not a folder of our own user"):
        host.network("lan")
    assert host.kernel.present == {}


@pytest.mark.parametrize("filled", [False, True])
def test_a_link_in_place_of_the_file_is_refused(host, filled):
    os.mkdir(host.folder)
    there = f"{host.folder}.there"
    if filled:
        schema.create(there)
    os.symlink(schema.path(there), schema.path(host.folder))
    with pytest.raises(CnmError, match=r"cnm.db' is not a file"):
        host.network("lan")
    assert host.kernel.present == {}
    assert os.path.exists(there) == filled


def test_a_newer_schema_is_refused(lan, path):
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    before = content(path)
    text = lan.refused_by_store()
    assert "written by a newer version of cnm.linux" in text
    assert content(path) == before


DAMAGES = {
    "its head is garbage": lambda data: b"x" * 100 + data[100:],
    "it is another file": lambda _data: b"#!/bin/sh\n" * 500,
    "it is empty": lambda _data: b"",
    "its end is missing": lambda data: data[: len(data) // 2],
    "a name in its schema is not UTF-8": lambda data: data.replace(b"indexpool_first", b"index\xe1ool_first"),
    "its middle is flipped": lambda data: data[:9000] + bytes(255 - byte for byte in data[9000:30000]) + data[30000:],
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_refused_and_kept(lan, path, how):
    broken = DAMAGES[how](content(path))
    rewrite(path, broken)
    text = lan.refused_by_store()
    assert f"The store '{path}' is damaged" in text
    assert "Restore a backup, or move the file away" in text
    assert content(path) == broken


@pytest.mark.parametrize(
    "change",
    [
        (b'"pools":', b'"pool\xff":'),
        (b'"pools":', b'"poolz":'),
        (b'{"adopted', b'#"adopted'),
        (b'"driver":"bridge"', b'"driver":"brigde"'),
    ],
)
def test_a_damaged_object_is_refused_and_kept(lan, path, change):
    broken = content(path).replace(*change)
    assert broken != content(path)
    rewrite(path, broken)
    assert "is damaged" in lan.refused_by_store()
    assert content(path) == broken


@pytest.mark.parametrize(
    "column", ["network.id", "network.name", "sandbox.id", "sandbox.name", "endpoint.name", "endpoint.network"]
)
def test_a_row_that_contains_another_object_is_refused(lan, path, column):
    table, field = column.split(".")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(f"UPDATE {table} SET data = json_set(data, '$.{field}', ?)", ("f" * 64,))
    connection.close()
    with lan.kernel.unchanged(), pytest.raises(StoreDamaged, match=f"contains another {table}"):
        lan.sandbox("db", networks=[{"name": "lan"}], labels={"a": "b"})


def test_a_damaged_address_of_an_adopted_bridge_is_refused(lan, path):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("""UPDATE network SET data = replace(data, '"kept":[]', '"kept":["10.1.0.256/24"]')""")
    connection.close()
    assert "is damaged" in lan.refused_by_store()


def test_moved_away_it_is_made_again(lan, path):
    addresses = {name: one["IPv4Address"] for name, one in lan.listed("endpoint").items()}
    os.rename(path, f"{path}.broken")
    lan.network("lan", ipam_config=[{"subnet": "10.1.0.0/24", "aux_addresses": {"router": "10.1.0.9"}}])
    lan.sandbox("db", networks=[{"name": "lan"}], published_ports=["8080:80"])
    assert {name: one["IPv4Address"] for name, one in lan.listed("endpoint").items()} == addresses


def test_a_run_that_was_killed_while_the_store_grew(host):
    os.mkdir(host.folder)
    rewrite(f"{schema.path(host.folder)}.new", b"half")
    assert host.network("lan").changed
    assert sorted(os.listdir(host.folder)) == ["cnm.db", "lock"]


def hold(folder, ready, enough):
    with held(folder):
        ready.set()
        enough.wait(30)


def test_the_lock_names_its_holder(host):
    os.mkdir(host.folder)
    processes = multiprocessing.get_context("fork")
    ready, enough = processes.Event(), processes.Event()
    other = processes.Process(target=hold, args=(host.folder, ready, enough))
    other.start()
    try:
        assert ready.wait(30)
        with (
            pytest.raises(CnmError, match=rf"Process {other.pid} \('.*python.*'\) holds it now"),
            held(host.folder, 0.03),
        ):
            pass
    finally:
        enough.set()
        other.join()
    with held(host.folder, 0.03):
        pass


def test_an_intent_is_read_as_it_was_written(tmp_path):
    intent = Intent(
        frozenset((kind, "n1") for kind in ("network", "endpoint", "sandbox", "names", "host")),
        frozenset({("link", "", "br0"), ("ruleset",)}),
        frozenset({("link", "", "br1")}),
        {"net/ipv4/ip_forward": Setting("0", ("host", ""))},
    )
    journal.write(str(tmp_path), intent)
    assert journal.read(str(tmp_path), named) == intent
    assert os.listdir(tmp_path) == ["intent.json"]
    journal.clear(str(tmp_path))
    journal.clear(str(tmp_path))
    assert journal.read(str(tmp_path), named) == Intent()


@pytest.mark.parametrize("astray", [(), (1,), (7, 4789, 3, 0)])
def test_an_entry_of_a_vxlan_device_that_somebody_has_added_can_be_noted(tmp_path, astray):
    entry = FdbEntry("", "vx0", "02:42:00:00:00:01", "192.0.2.1", astray=astray)
    intent = Intent(keys=frozenset({entry.key}))
    journal.write(str(tmp_path), intent)
    assert journal.read(str(tmp_path), named) == intent


def test_a_damaged_intent_is_refused_and_kept(lan):
    intent = os.path.join(lan.folder, "intent.json")
    rewrite(intent, b'{"units": [')
    with pytest.raises(StoreDamaged, match="intent.json', which records the unfinished changes of an earlier run"):
        lan.network("lan")
    assert content(intent) == b'{"units": ['


def test_a_reader_does_not_see_the_transaction(lan):
    writer, reader = SqliteStore.open(lan.folder), SqliteStore.open(lan.folder)
    reader.begin(write=False)
    writer.begin(write=True)
    writer.put_sandbox(Sandbox("1" * 64, "new"))
    assert (writer.sandbox_named("new") is None, reader.sandbox_named("new")) == (False, None)
    writer.commit()
    assert reader.sandbox_named("new") is None
    reader.close()
    reader = SqliteStore.open(lan.folder)
    assert reader.sandbox_named("new") == Sandbox("1" * 64, "new")
    writer.close()
    reader.close()


def test_check_mode_beside_a_writer(lan):
    """A stopped process locks the store. Check mode then predicts the changes to the last committed state."""
    before = lan.remembered()
    writer = SqliteStore.open(lan.folder)
    writer.begin(write=True)
    writer.put_sandbox(Sandbox("1" * 64, "new"))
    assert lan.network("more", check=True).changed
    assert lan.sandbox("new", check=True).changed
    assert not lan.sandbox("db", check=True).changed
    assert lan.remembered() == before
    writer.close()


def test_a_store_that_another_program_has_locked(lan, path, monkeypatch):
    monkeypatch.setattr(schema, "_connect", lambda file: sqlite3.connect(file, isolation_level=None, timeout=0))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CnmError, match="cannot be used: another program has locked it. Wait for it to end"):
        lan.network("more")
    other.close()


def test_what_is_rolled_back_is_gone(lan):
    store = SqliteStore.open(lan.folder)
    store.begin(write=True)
    store.delete_sandbox(store.sandbox_named("db"))
    assert store.touched
    store.rollback()
    assert (store.touched, store.sandbox_named("db") is None) == (set(), False)
    store.close()


def test_a_transaction_ends_with_its_run_even_if_an_answer_was_not_read_to_its_end(lan):
    """As in a run that was refused, whose error still has it."""
    lan.sandbox("a")
    lan.sandbox("b")
    store = SqliteStore.open(lan.folder)
    store.begin(write=True)
    answer = store.namespaces()
    assert next(answer, None) is not None
    store.close()
    lan.sandbox("a", state="absent")
    assert "a" not in lan.listed("sandbox")
    del answer


def test_nothing_is_left_of_an_intent_that_was_written_in_part(tmp_path):
    (tmp_path / "intent.json.new").write_text('{"units": [')
    assert journal.read(str(tmp_path), named) == journal.Intent()
    journal.clear(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def no_space(*_arguments, **_more):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full(*_arguments):
    raise sqlite3.OperationalError("database or disk is full")


@pytest.mark.parametrize(
    ("where", "name", "fail", "said"),
    [
        (os, "fsync", no_space, "intent.json' cannot be written: No space left on device."),
        (SqliteStore, "put_network", full, "cnm.db' cannot be used: database or disk is full."),
        (SqliteStore, "commit", full, "cnm.db' cannot be used: database or disk is full."),
    ],
)
def test_a_full_disk_is_named_and_the_host_is_as_it_was(lan, monkeypatch, where, name, fail, said):
    with monkeypatch.context() as patch:
        patch.setattr(where, name, fail)
        message = lan.refused("network", {"name": "new"}, error=CnmError)
    assert message.endswith(said)
    assert "intent.json.new" not in os.listdir(lan.folder)
    assert lan.network("new").changed


def test_a_store_that_cannot_be_made_is_named(host, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", no_space)
        message = host.refused("network", {"name": "new"}, error=CnmError)
    assert message.endswith("cnm.db' cannot be made: No space left on device.")
    assert host.network("new").changed


def test_what_only_a_warning_needs_does_not_fail_a_run_that_is_done(lan):
    def fail():
        raise CnmError("nft did not list the rules.")

    lan.kernel.facts.foreign_policies = fail
    assert lan.network("new").changed
    assert lan.warnings[-1].endswith("nft did not list the rules.")


@pytest.fixture
def checks(monkeypatch):
    """The checks of the whole store."""
    connect, checks = schema._connect, []

    def traced(file):
        connection = connect(file)
        connection.set_trace_callback(
            lambda statement: checks.append(statement) if "quick_check" in statement else None
        )
        return connection

    monkeypatch.setattr(schema, "_connect", traced)
    return checks


def label(host, value):
    host.network("lan", labels={"a": value})


def test_a_process_checks_the_store_that_it_has_left_once(lan, checks):
    for value in "123":
        label(lan, value)
        assert lan.one("network", "lan")["Labels"] == {"a": value}
    assert checks == []


def written_by_another_program(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO setting VALUES ('net/x', '0', 'host', '')")


def with_changes_beside(path):
    rewrite(f"{path}-wal", b"")


def restored_from_a_copy(path):
    rewrite(f"{path}.copy", content(path))
    os.rename(f"{path}.copy", path)


def overwritten(path):
    rewrite(path, content(path))


CHANGES = (written_by_another_program, with_changes_beside, restored_from_a_copy, overwritten)


@pytest.mark.parametrize("change", CHANGES)
def test_what_others_may_have_changed_is_checked(lan, path, checks, change):
    label(lan, "1")
    change(path)
    label(lan, "2")
    assert len(checks) == 1


@pytest.mark.parametrize("change", CHANGES[2:])
def test_what_others_have_changed_during_a_run_is_checked(lan, path, checks, change):
    label(lan, "1")
    lan.kernel.before_step = lambda _step: change(path)
    lan.network("more")
    label(lan, "2")
    assert len(checks) == 1


def test_a_store_in_which_a_run_met_damage_is_checked(lan, path, checks):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE network SET data = '{}' WHERE name = 'lan'")
    for _run in range(2):
        lan.refused_by_store()
    assert len(checks) == 4
