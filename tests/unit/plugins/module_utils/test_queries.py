# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task about one object costs does not grow with the store: no statement goes through a table."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import schema
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.objects import SqliteStore

FEW = (
    # The host's kernel settings that we have changed: some ten at most.
    "FROM setting",
    # Ends at the first network that is not one of the three predefined ones.
    "SELECT EXISTS (SELECT 1 FROM network WHERE name NOT IN",
    # Both by an index of those alone.
    "FROM network WHERE json_extract(data, '$.adopted')",
    "FROM network WHERE json_type(data, '$.underlay') = 'object'",
)
"""Statements that go through some rows and end."""


@pytest.fixture
def statements(monkeypatch):
    """The statements that the store is asked, with their values."""
    asked = []
    connect = schema._connect

    def traced(file):
        connection = connect(file)
        connection.set_trace_callback(asked.append)
        return connection

    monkeypatch.setattr(schema, "_connect", traced)
    return asked


def scans(host, statements):
    store = SqliteStore.open(host.folder)
    found = set()
    for statement in set(statements):
        verb = statement.split()[0]
        if verb in ("SELECT", "INSERT", "DELETE", "UPDATE") and not any(few in statement for few in FEW):
            for row in store._connection.execute(f"EXPLAIN QUERY PLAN {statement}"):
                if row[3].startswith("SCAN") and row[3] != "SCAN CONSTANT ROW":
                    found.add(f"{row[3]}: {statement}")
    store.close()
    return found


LAN = [{"name": "lan"}]
TASKS = {
    "a sandbox": lambda host: host.sandbox("one", networks=LAN, published_ports=["8080:80"]),
    "nothing to do": lambda host: host.sandbox("db", networks=LAN),
    "a sandbox that goes": lambda host: host.ensure("sandbox", {"name": "db", "state": "absent"}),
    "an endpoint": lambda host: host.ensure("endpoint", {"name": "spare", "network": "lan"}),
    "an endpoint by its name alone": lambda host: host.ensure("endpoint", {"name": "db", "aliases": ["sql"]}),
    "an address": lambda host: host.ensure(
        "endpoint", {"name": "spare", "network": "lan", "ipv4_address": "172.18.7.7"}
    ),
    "a network": lambda host: host.network("more"),
    "a network that goes": lambda host: host.network("lan", state="absent", force=True),
}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_no_statement_goes_through_a_table(host, statements, task):
    host.network("lan")
    host.sandbox("db", networks=LAN)
    statements.clear()
    task(host)
    assert scans(host, statements) == set()


def test_a_scan_would_be_seen(host, statements):
    host.network("lan")
    assert scans(host, ["SELECT data FROM endpoint WHERE data = ''"])
