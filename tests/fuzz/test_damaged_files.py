# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files with unexpected content: the message is a sentence or the host is repaired, and no file is lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from inventory import difference
from machine import Machine
from running import LAN, furnish, run, tidy
from trial import tried
from values import nested

STORE, JOURNAL = Path("/var/lib/cnm/cnm.db"), Path("/var/lib/cnm/intent.json")
CONFIGURATION, MEMORY = Path("/etc/cnm/cnm.json"), Path("/run/cnm/ruleset.json")
DEEP = b"[" * 100000

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are made by root")


def overwritten(old: bytes, where: float, new: bytes) -> bytes:
    start = int(len(old) * where)
    return old[:start] + new + old[start + len(new) :]


def exchanged(text: str, number: int, value: Any) -> str:
    """Return TEXT, a JSON object, with VALUE for one of its keys."""
    data = json.loads(text)
    return json.dumps({**data, sorted(data)[number % len(data)]: value})


cuts = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)
damages: st.SearchStrategy[Callable[[bytes], bytes]] = st.one_of(
    st.binary(max_size=200).map(lambda new: lambda _old: new),
    cuts.map(lambda ends: lambda old: old[: int(len(old) * ends[0])]),
    cuts.map(lambda ends: lambda old: old[: int(len(old) * ends[0])] + old[int(len(old) * ends[1]) :]),
    st.tuples(st.floats(0, 0.99), st.binary(min_size=1, max_size=50)).map(
        lambda pair: (
            lambda old: old[: int(len(old) * pair[0])] + pair[1] + old[int(len(old) * pair[0]) + len(pair[1]) :]
        )
    ),
    st.sampled_from((b"", b"\xff", b"{}", b"[]", b"null", b"5", DEEP, b"\0" * 4096)).map(lambda new: lambda _old: new),
)
"""Functions that turn the bytes of a file into other bytes."""


def json_texts(sound: Any) -> st.SearchStrategy[bytes]:
    """Draw JSON: junk, or SOUND with one part replaced."""
    keys = st.sampled_from(sorted(sound)) if sound else st.just("units")
    exchanged = st.builds(lambda key, value: {**sound, key: value}, keys, nested)
    return st.one_of(nested, exchanged, exchanged).map(lambda value: json.dumps(value).encode())


def rests(machine: Machine, path: Path, content: bytes, repaired: bool) -> None:
    """Write CONTENT to PATH, and check what runs that read, and one that changes, do to it and to the host."""
    path.parent.mkdir(exist_ok=True)
    sound = path.read_bytes() if path.exists() else None
    path.write_bytes(content)
    try:
        answers = [run("cnm_network_info", {}), run("cnm_network", LAN, check=True), run("cnm_network", LAN)]
        refused = [answer["msg"] for answer in answers if answer.get("failed")]
        if refused and not repaired:
            assert all(path.name in message or "cnm" in message for message in refused)
            assert path.read_bytes() == content, "what was refused is kept"
    finally:
        if sound is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(sound)
    again = run("cnm_network", LAN)
    assert not again.get("failed"), again
    run("cnm_sandbox", {"name": "box"})


@pytest.mark.parametrize("path", [CONFIGURATION, MEMORY, JOURNAL], ids=lambda path: path.name)
def test_damaged_json(path: Path, machine: Machine, begin: int, seconds: float) -> None:
    parsed = json.loads(path.read_bytes()) if path.exists() else {}
    sound = (
        parsed
        or {
            CONFIGURATION: {"default-address-pools": [{"base": "10.200.0.0/16", "size": 24}]},
            JOURNAL: {"units": [["host", ""]], "keys": [["link", "", "br-none"]], "lent": [], "settings": {}},
        }[path]
    )
    texts = json_texts(sound) | damages.map(lambda damage: damage(json.dumps(sound).encode()))

    def body(content: bytes) -> None:
        rests(machine, path, content, repaired=path == MEMORY)
        assert not JOURNAL.exists()
        assert difference(machine.furnished, machine.state()) == {}

    print(tried(texts, begin, seconds, body), "contents of", path)


@pytest.fixture()
def whole_store() -> bytes:
    """The store as one file, without the files beside it."""
    connection = sqlite3.connect(STORE)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return STORE.read_bytes()


def put(content: bytes) -> None:
    for beside in STORE.parent.glob("cnm.db*"):
        if beside.is_dir():
            shutil.rmtree(beside)
        else:
            beside.unlink()
    STORE.write_bytes(content)
    STORE.chmod(0o600)


def survives(machine: Machine, whole: bytes) -> None:
    """Run modules on the store as it is; check that the host is the same once the WHOLE store is back."""
    broken = STORE.read_bytes()
    try:
        answers = [run("cnm_sandbox_info", {}), run("cnm_network", {**LAN, "labels": {"a": "b"}})]
        if all(answer.get("failed") for answer in answers):
            assert STORE.read_bytes() == broken, "what was refused is kept"
    finally:
        put(whole)
    furnish()
    assert difference(machine.furnished, machine.state()) == {}


def test_a_damaged_store(machine: Machine, whole_store: bytes, begin: int, seconds: float) -> None:
    def body(damage: Callable[[bytes], bytes]) -> None:
        put(damage(whole_store))
        survives(machine, whole_store)

    print(tried(damages, begin, seconds, body), "stores of other bytes")


TABLES = ("network", "sandbox", "endpoint", "pool", "address", "port", "setting")


def _data(change: Callable[[Any], Any]) -> Callable[[sqlite3.Connection], None]:
    def apply(store: sqlite3.Connection) -> None:
        # SQLite reads the data for these indexes, and refuses data that it cannot parse.
        for index in ("network_adopted", "network_underlay"):
            store.execute(f"DROP INDEX IF EXISTS {index}")
        for table in ("network", "sandbox", "endpoint"):
            for identifier, data in store.execute(f"SELECT id, data FROM {table}").fetchall():
                store.execute(f"UPDATE {table} SET data = ? WHERE id = ?", (change(data), identifier))

    return apply


def _statement(text: str) -> Callable[[sqlite3.Connection], None]:
    return lambda store: store.execute(text) and None


changes: st.SearchStrategy[Callable[[sqlite3.Connection], None]] = st.one_of(
    st.sampled_from(TABLES).map(lambda table: _statement(f"DROP TABLE {table}")),
    st.integers(-(2**31), 2**31 - 1).map(lambda number: _statement(f"PRAGMA user_version = {number}")),
    nested.map(lambda value: _data(lambda _old: json.dumps(value))),
    st.binary(max_size=20).map(lambda value: _data(lambda _old: value)),
    st.tuples(st.integers(0, 20), nested).map(
        lambda pair: _data(
            lambda old: json.dumps(
                {**json.loads(old), sorted(json.loads(old))[pair[0] % len(json.loads(old))]: pair[1]}
            )
        )
    ),
)


def test_a_store_of_another_shape(machine: Machine, whole_store: bytes, begin: int, seconds: float) -> None:
    def body(change: Callable[[sqlite3.Connection], None]) -> None:
        put(whole_store)
        store = sqlite3.connect(STORE)
        try:
            change(store)
            store.commit()
        finally:
            store.close()
        survives(machine, whole_store)

    print(tried(changes, begin, seconds, body), "stores of another shape")


IN_PLACE = {
    "a folder": lambda path: path.mkdir(),
    "a link to nothing": lambda path: path.symlink_to("/nothing"),
    "a link to a folder": lambda path: path.symlink_to("/etc"),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("what", IN_PLACE)
@pytest.mark.parametrize("path", [STORE, JOURNAL, CONFIGURATION, MEMORY, STORE.parent / "lock", STORE.parent], ids=str)
def test_something_else_in_its_place(path: Path, what: str, machine: Machine, whole_store: bytes) -> None:
    aside = Path(f"{path}.aside")
    if what == "a pipe" and path in (JOURNAL, CONFIGURATION, MEMORY):
        pytest.skip("to wait for a pipe that root has put there is what root asked for")
    if path == STORE.parent:
        pytest.skip("it is a mount here; tests/unit has it")
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        path.rename(aside)
    IN_PLACE[what](path)
    try:
        for name, asked in (("cnm_sandbox_info", {}), ("cnm_network", {**LAN, "labels": {"a": "b"}})):
            run(name, asked)
    finally:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        elif path.is_symlink() or path.exists():
            path.unlink()
        if aside.exists():
            aside.rename(path)
    run("cnm_network", {**LAN, "labels": {}})
    furnish()
    assert difference(machine.furnished, machine.state()) == {}


def test_all_is_removed(machine: Machine) -> None:
    tidy()
    left = difference(machine.empty, machine.state())
    furnish()
    assert left == {}
