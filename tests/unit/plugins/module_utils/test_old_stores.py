# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores of earlier versions can be read. ``stores/`` has one of each (from sqlite3's ``.dump``), and their journal.

All versions write the same journal. One that writes another needs a second file.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.registry import named
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.endpoint import Port
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, StoreDamaged
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import journal, schema
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.journal import Setting
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.objects import SqliteStore

STORES = Path(__file__).parent / "stores"
VERSIONS = range(1, schema.VERSION)


def version_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


@pytest.fixture(params=VERSIONS)
def old(host, request):
    """A host with the store of an earlier version."""
    os.mkdir(host.folder, 0o700)
    with closing(sqlite3.connect(schema.path(host.folder))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((STORES / f"version_{request.param}.sql").read_text())
    assert version_of(schema.path(host.folder)) == request.param
    return host


def test_there_is_a_store_of_each_version():
    assert sorted(path.name for path in STORES.glob("*.sql")) == [f"version_{number}.sql" for number in VERSIONS]


def test_its_objects_are_read(old):
    store = SqliteStore.open(old.folder)
    lan, wide, lent = map(store.network_named, ("lan", "wide", "lent"))
    assert lan.pool(4).auxiliary == {
        "printer": ipaddress.ip_address("10.1.0.8"),
        "router": ipaddress.ip_address("10.1.0.9"),
    }
    assert (lan.ipv6, lan.dns, lan.metric, lan.dns_servers) == (True, True, 7, ("192.0.2.7",))
    assert [str(route) for route in lan.routes] == ["10.7.0.0/16 via 10.1.0.9", "blackhole 10.6.0.1/32"]
    assert [str(each) for each in lent.kept] == ["10.70.0.1/24", "fd00:70::1/64"]
    assert store.network_named("plain").dns is False
    assert store.network_named("back").no_default_route
    assert [peer.name for peer in wide.peers] == ["h2", "h3"]
    assert [remote.aliases for _peer, remote in wide.declared_remotes()] == [("away",)]
    assert (wide.underlay.known, wide.underlay.learning) == (("10.8.0.2",), False)
    wider = store.network_named("wider")
    assert (wider.underlay.known, wider.underlay.learning) == (None, True)
    assert [options for _driver, _name, options, *_more in store.underlays()] == [
        {},
        {"cnm.overlay.learning": "false", "com.docker.network.driver.overlay.vxlanid_list": "77"},
    ]
    web = store.sandbox_named("web")
    assert (web.hostname, web.dns_opts, web.no_default_route) == ("www", ("ndots:2",), True)
    assert [str(route) for route in web.routes] == ["10.5.0.0/16 via 10.1.0.9"]
    assert store.sandbox_named("process").identity == "4026532001"
    assert not store.sandbox_named("halted").running
    endpoint = store.endpoint_on(lan.id, "web")
    assert (str(endpoint.ipv4), str(endpoint.ipv6), endpoint.mac) == ("10.1.0.7", "fd00:1::2", "02:00:00:00:00:07")
    assert Port(80, 8080, ipaddress.ip_address("127.0.0.1")) in endpoint.ports
    assert (endpoint.aliases, endpoint.interface, endpoint.declared) == (("www", "site"), "data0", True)
    assert store.endpoint_on(lan.id, "six-off").ipv6_off
    assert store.endpoint_on(store.network_named("plain").id, "spare").reserved
    assert store.settings()["net/ipv4/ip_forward"] == Setting("0", ("host", ""))
    networks = [one for one in store.networks() if one.driver != "macvlan"]
    assert (len(networks), len(store.sandboxes()), len(store.endpoints())) == (9, 9, 13)
    store.close()


def test_vlans_are_those_of_the_administrator(old):
    version = version_of(schema.path(old.folder))
    store = SqliteStore.open(old.folder)
    adopted = {one.name: one.adopted for one in store.networks() if one.driver == "macvlan"}
    assert adopted == ({"tagged": True, "lan-of-wan": False} if version >= 5 else {})
    assert [one.name for one in store.networks_on_parent("wan0")] == [name for name in adopted if name == "lan-of-wan"]
    store.close()


def test_engines_are_kept_and_no_host_has_reported_yet(old):
    version = version_of(schema.path(old.folder))
    store = SqliteStore.open(old.folder)
    reported = [remote.name for peer in store.network_named("wide").peers for remote in peer.reported]
    assert reported == []
    assert store.network_named("plain").docker_networks == ({"0123456789ab": "open"} if version >= 3 else {})
    store.close()


def test_only_a_run_brings_it_to_our_version(old):
    path = Path(schema.path(old.folder))
    before, version = path.read_bytes(), version_of(path)
    shown = [old.listed(kind) for kind in ("network", "sandbox", "endpoint")]
    assert old.network("new", check=True).changed
    assert (path.read_bytes(), version_of(path)) == (before, version)
    assert old.network("new").changed
    assert version_of(path) == schema.VERSION
    assert old.network("new", state="absent").changed
    assert [old.listed(kind) for kind in ("network", "sandbox", "endpoint")] == shown


def test_it_is_as_a_new_one(old, host):
    """Tables and indexes are the same as in a new store."""
    SqliteStore.open(old.folder).close()
    query = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
    with closing(sqlite3.connect(schema.path(old.folder))) as connection, closing(schema.memory()) as new:
        assert connection.execute(query).fetchall() == new.execute(query).fetchall()


def test_a_migration_that_fails_leaves_it_as_it_was(old, monkeypatch):
    path = schema.path(old.folder)
    before, version = Path(path).read_bytes(), version_of(path)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "_MIGRATIONS", (*schema._MIGRATIONS, "UPDATE network SET colour = 1;"))
        patch.setattr(schema, "VERSION", schema.VERSION + 1)
        with pytest.raises(StoreDamaged, match="no such column: colour"):
            old.network("new")
    assert (Path(path).read_bytes(), version_of(path)) == (before, version)
    assert old.network("new").changed


def test_a_damaged_one_is_refused_and_kept(old):
    query = "SELECT name, data FROM sandbox ORDER BY name"
    with closing(sqlite3.connect(schema.path(old.folder), isolation_level=None)) as connection:
        connection.execute("UPDATE sandbox SET data = '{' WHERE name = 'web'")
        before = connection.execute(query).fetchall()
        with pytest.raises(CnmError, match=r"is damaged \("):
            old.network("new")
        assert connection.execute(query).fetchall() == before


def test_their_journal_is_read_and_the_run_is_finished(host):
    os.mkdir(host.folder, 0o700)
    shutil.copy(STORES / "intent.json", host.folder)
    intent = journal.read(host.folder, named)
    assert ("host", "") in intent.units
    assert ("route", "/run/netns/web", "10.5.0.0/16", "3") in intent.keys
    assert intent.lent == {("link", "", "virbr7")}
    assert intent.settings["net/ipv4/conf/wan0/forwarding"] == Setting("0", ("host", "apart"))
    assert "8080 . tcp . 127.0.0.1 . 0.0.0.0/0" in {each.entry for each in intent.published}
    assert host.network("new").changed
    assert not os.path.exists(os.path.join(host.folder, "intent.json"))
