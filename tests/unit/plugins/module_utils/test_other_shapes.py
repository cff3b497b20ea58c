# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our files with an unexpected structure: the message is a sentence that names the file, and the file is unchanged."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall import table
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.registry import named
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import configuration
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, InvalidInput, StoreDamaged
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import journal, schema

TABLES = ("network", "sandbox", "endpoint", "pool", "address", "port", "setting")


def edited(host, *statement):
    store = sqlite3.connect(schema.path(host.folder))
    store.execute(*statement)
    store.commit()
    store.close()


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_missing(lan, table):
    edited(lan, f"DROP TABLE {table}")
    with lan.kernel.unchanged(), pytest.raises(StoreDamaged, match=f"is damaged .*no such table: {table}"):
        lan.sandbox("new", networks=[{"name": "lan"}], published_ports=["80"])


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("sandbox", "etc_hosts", ""),
        ("sandbox", "labels", {"a": 5}),
        ("sandbox", "running", "yes"),
        ("network", "internal", 1),
        ("network", "mtu", "1500"),
        ("network", "kept", [None]),
        ("endpoint", "mac", None),
        ("endpoint", "aliases", [["x"]]),
        ("endpoint", "name", 5),
    ],
)
def test_a_value_is_of_another_type(lan, table, key, value):
    store = sqlite3.connect(schema.path(lan.folder))
    (data,) = store.execute(f"SELECT data FROM {table} WHERE name IN ('lan', 'db')").fetchone()
    store.close()
    edited(lan, f"UPDATE {table} SET data = ? WHERE data = ?", (json.dumps({**json.loads(data), key: value}), data))
    with lan.kernel.unchanged(), pytest.raises(StoreDamaged, match=f"is damaged \\('{key}' of"):
        lan.listed(table)


def test_a_negative_schema(lan):
    edited(lan, "PRAGMA user_version = -1")
    assert "is damaged" in lan.refused_by_store()


def test_a_name_that_no_text_can_hold_names_nothing(lan):
    assert "there is no network" in lan.refused("endpoint", {"name": "new", "network": "\ud800"})


@pytest.mark.parametrize("name", ["lock", "intent.json"])
def test_a_folder_in_place_of_a_file(lan, name):
    path = Path(lan.folder, name)
    path.unlink(missing_ok=True)
    path.mkdir()
    with (
        lan.kernel.unchanged(),
        pytest.raises(CnmError, match=f"{name}' is not a file that belongs to our own user alone"),
    ):
        lan.network("new")


def test_a_pipe_in_place_of_the_lock(lan):
    path = Path(lan.folder, "lock")
    path.unlink()
    os.mkfifo(path)
    with (
        lan.kernel.unchanged(),
        pytest.raises(CnmError, match="lock' is not a file that belongs to our own user alone"),
    ):
        lan.network("new")


def test_a_file_in_place_of_the_folder(host):
    Path(host.folder).touch()
    with host.kernel.unchanged(), pytest.raises(CnmError, match="is not a folder of our own user"):
        host.network("new")


JOURNAL = {"units": [], "keys": [], "lent": [], "settings": {}, "published": []}


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100000,
        "[]",
        json.dumps({**JOURNAL, "units": [["planet", "x"]]}),
        json.dumps({**JOURNAL, "units": ["host"]}),
        json.dumps({**JOURNAL, "keys": [[]]}),
        json.dumps({**JOURNAL, "keys": [["link", ""]]}),
        json.dumps({**JOURNAL, "keys": [["planet", "x"]]}),
        json.dumps({**JOURNAL, "keys": [["file", "/etc/\0"]]}),
        json.dumps({**JOURNAL, "lent": [["link", "", 5]]}),
        json.dumps({**JOURNAL, "lent": [["ruleset"]]}),
        json.dumps({**JOURNAL, "published": [["published4", "x"]] * 2 + [["published4", 5]]}),
        json.dumps({**JOURNAL, "settings": []}),
        json.dumps({**JOURNAL, "settings": {"net/ipv4/ip_forward": ["0", ["planet", ""]]}}),
    ],
    ids=range(13),
)
def test_a_journal_of_another_shape(tmp_path, content):
    (tmp_path / "intent.json").write_text(json.dumps(JOURNAL))
    assert journal.read(str(tmp_path), named) == journal.Intent()
    (tmp_path / "intent.json").write_text(content)
    with pytest.raises(StoreDamaged, match="of an earlier run, is damaged"):
        journal.read(str(tmp_path), named)
    assert (tmp_path / "intent.json").read_text() == content


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100000,
        '{"default-address-pools": [{"base": "10.0.0.0/16", "size": 12}]}',
        '{"default-address-pools": [{"base": "10.0.0.0/16", "size": 31}]}',
        '{"default-address-pools": [{"base": "10.0.0.0/16", "size": 1e999}]}',
        '{"default-address-pools": {"base": "10.0.0.0/16"}}',
        '{"default-address-pools": [{"base": "10.0.0.0/16", "size": "٢٤"}]}',
        '{"default-address-pools": [{"base": "10.0.0.0/16", "size": 24, "sise": 24}]}',
        '{"default-adress-pools": []}',
    ],
    ids=range(8),
)
def test_a_configuration_of_another_shape(tmp_path, monkeypatch, content):
    path = tmp_path / "cnm.json"
    monkeypatch.setattr(configuration, "PATH", str(path))
    path.write_text(content)
    with pytest.raises(InvalidInput, match="is not valid"):
        configuration.default_address_pools()
    if "adress" in content:
        with pytest.raises(
            InvalidInput, match="there is no key 'default-adress-pools'; did you mean 'default-address-"
        ):
            configuration.default_address_pools()
    path.unlink()
    path.mkdir()
    with pytest.raises(InvalidInput, match="cannot be read: Is a directory"):
        configuration.default_address_pools()


def test_a_memory_of_the_rules_of_another_shape_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "MEMORY", str(tmp_path / "ruleset.json"))
    for content in ("[" * 100000, "5", '{"text": "x"}'):
        (tmp_path / "ruleset.json").write_text(content)
        assert table._remembered("shape") is None
    (tmp_path / "ruleset.json").write_text('{"text": ["x"], "shape": "shape"}')
    assert isinstance(table._remembered("shape"), str)


def test_what_could_not_be_remembered_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "ruleset.json").mkdir()
    monkeypatch.setattr(table, "MEMORY", str(tmp_path / "ruleset.json"))
    with pytest.raises(CnmError, match="cannot be written"):
        table._remember("text", "shape")
    assert os.listdir(tmp_path) == ["ruleset.json"]
