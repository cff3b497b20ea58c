# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cost of a task about one object does not grow with the store: no statement scans a table."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.endpoint import Endpoint, Port
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.ids import make_id
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.sandbox import Sandbox
from ansible_collections.cnm.linux.plugins.module_utils._cnm.naming import dns_records, hosts_files
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import schema
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.objects import SqliteStore

FEW = (
    # The kernel settings of the host that we have changed: about ten at most.
    "FROM setting",
    # Both use an index of these networks alone.
    "FROM network WHERE json_extract(data, '$.adopted')",
    "FROM network WHERE json_type(data, '$.underlay') = 'object'",
    # An index of the sandboxes that have name servers of their own.
    f"FROM sandbox WHERE {schema.HAS_NAME_SERVERS}",
)
"""Statements that scan only a few rows."""


@pytest.fixture
def statements(monkeypatch):
    """The statements that the store executes, with their values."""
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
    tables = set()
    for statement in set(statements):
        verb = statement.split()[0]
        if verb in ("SELECT", "INSERT", "DELETE", "UPDATE") and not any(few in statement for few in FEW):
            for row in store._connection.execute(f"EXPLAIN QUERY PLAN {statement}"):
                if row[3].startswith("SCAN") and row[3] != "SCAN CONSTANT ROW":
                    tables.add(f"{row[3]}: {statement}")
    store.close()
    return tables


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


def test_what_engines_ask_of_all_sandboxes_is_in_indexes(host):
    host.network("lan")
    store = SqliteStore.open(host.folder)
    queries = {
        f"SELECT id FROM sandbox WHERE {schema.MAY_HAVE_NAMESPACE}": "SCAN sandbox USING INDEX sandbox_namespace",
        f"SELECT id FROM sandbox WHERE {schema.HAS_NAME_SERVERS}": "SCAN sandbox USING INDEX sandbox_name_servers",
        f"SELECT id FROM sandbox WHERE json_valid(data) AND {schema.CONTAINER} = 'c1'": (
            "SEARCH sandbox USING INDEX sandbox_container (<expr>=?)"
        ),
    }
    for query, plan in queries.items():
        (step,) = store._connection.execute(f"EXPLAIN QUERY PLAN {query}")
        assert step[3] == plan
    store.close()


def test_a_scan_would_be_seen(host, statements):
    host.network("lan")
    assert scans(host, ["SELECT data FROM endpoint WHERE data = ''"])


def written(statements, table):
    return [
        each.split("(")[0] for each in statements if each.split()[0] in ("INSERT", "UPDATE") and f" {table} " in each
    ]


def test_what_is_written_of_a_sandbox_is_written_once(host, statements):
    host.network("lan")
    host.network("back")
    statements.clear()
    host.sandbox("one", networks=[*LAN, {"name": "back"}], published_ports=["8080:80", "81"])
    assert {table: len(written(statements, table)) for table in ("sandbox", "endpoint", "address", "port")} == {
        "sandbox": 1,
        "endpoint": 2,
        "address": 2,
        "port": 2,
    }
    assert [each for each in statements if each.startswith("DELETE")] == []


def test_one_more_sandbox_is_few_statements(host, statements):
    host.network("lan")

    def asked(names):
        statements.clear()
        host.ensure("sandbox", *({"name": name, "networks": LAN} for name in names))
        return len(statements)

    assert asked(["a", "b", "c"]) - asked(["d"]) <= 2 * 15


def test_a_sandbox_among_many_is_as_many_statements_as_one_among_few(host, statements):
    host.network("lan")

    def asked(name):
        statements.clear()
        host.sandbox(name, networks=LAN)
        return len(statements)

    host.ensure("sandbox", *({"name": name, "networks": LAN} for name in ("a", "b")))
    among_few = asked("few")
    host.ensure("sandbox", *({"name": f"s{number}", "networks": LAN} for number in range(10)))
    assert asked("many") == among_few < 60


def test_what_others_see_is_worked_out_once(host, monkeypatch):
    """Of what was before the run, only the keys are needed."""
    worked_out = []

    def counted(module, name):
        work = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *arguments: worked_out.append(name) or work(*arguments))

    counted(hosts_files, "lines")
    counted(hosts_files, "hosts")
    counted(dns_records, "records")
    host.kernel.facts.name_server = True
    host.network("lan", dns=False)
    host.network("served")
    networks = [*LAN, {"name": "served"}]
    host.sandbox("a", networks=networks)
    worked_out.clear()
    host.sandbox("b", networks=networks)
    assert sorted(worked_out) == ["hosts", "hosts", "lines", "records"]


NAMES = ("a", "b", "B", "c")
BOXES = (None, "1" * 64, "2" * 64)
ends = st.builds(
    lambda name, network, box, last, port: Endpoint(
        make_id(name, network),
        name,
        network * 64,
        box,
        ipaddress.IPv4Address(f"10.0.0.{last}") if last else None,
        ports=(Port(80, port),) if port else (),
    ),
    st.sampled_from(NAMES),
    st.sampled_from("34"),
    st.sampled_from(BOXES),
    st.integers(0, 3),
    st.sampled_from((None, 8080, 8081)),
)


def answers(store, network):
    return (
        store.endpoint_on(network, "a"),
        store.endpoint_alike(network, "b"),
        store.endpoints_of_sandbox(BOXES[1]),
        store.joined(network),
        list(store.taken(network, 4, 0)),
        store.holder(network, bytes((10, 0, 0, 1))),
        store.ports("tcp", 8080),
        store.endpoints_named("a"),
        store.endpoints_of_network(network),
        store.running_endpoints(network),
        sorted(store.read_sandboxes_on(network)),
        store.endpoints(),
        len(list(store.claim())),
    )


@given(st.lists(st.tuples(st.sampled_from(("put", "delete", "look")), ends, st.integers(0, 12)), max_size=30))
@settings(max_examples=300, deadline=None)
def test_a_row_that_is_not_written_yet_is_seen_like_one_that_is(steps):
    """The same changes are made in two stores, one of which writes each row at once."""
    late, early = SqliteStore.memory(), SqliteStore.memory()
    for store in (late, early):
        store.begin(write=True)
        store.put_sandbox(Sandbox(BOXES[1], "one"))
        store.put_sandbox(Sandbox(BOXES[2], "two", running=False))
    for verb, endpoint, which in steps:
        if verb == "look":
            assert answers(late, endpoint.network)[which] == answers(early, endpoint.network)[which]
        for store in (late, early):
            if verb == "put":
                store.put_endpoint(endpoint)
            elif verb == "delete":
                store.delete_endpoint(endpoint)
        early._rows.flush()
        early._forget_answers()
    for network in ("3" * 64, "4" * 64):
        assert answers(late, network) == answers(early, network)
    assert late.touched == early.touched
