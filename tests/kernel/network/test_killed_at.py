# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed at the worst moments, between two things that belong together."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from children import end, start
from inventory import difference, inventory, nothing_left
from tasks import BRIDGE, Tasks

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall import listings, table
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import text_block
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import journal
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.objects import SqliteStore

MOMENTS: dict[str, tuple[Any, str]] = {
    "all is made and not yet kept": (SqliteStore, "commit"),
    "all is kept and not yet said to be so": (journal, "clear"),
    "a file is there and has no lines": (text_block, "_replace"),
    "a folder is there and has no file": (text_block, "_open"),
    "a file has not been cut": (os, "ftruncate"),
    "a folder has lost its files": (text_block, "_remove_folder"),
    "rules are loaded and not remembered": (table, "_remember"),
    "what is remembered has no name": (os, "replace"),
    "rules are no longer remembered": (table, "_forget"),
}


def die(*_arguments: object, **_more: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(moment: str, act: Callable[[], object]) -> None:
    """Run ACT in a child that is killed at MOMENT. Some runs never reach that moment."""
    where, name = MOMENTS[moment]

    def child() -> None:
        if name == "_open":
            # Reading also calls this function.
            opened = text_block._open
            setattr(where, name, lambda path, flags, *mode: opened(path, flags) if not mode else die())
        elif name == "replace":
            # The journal is also written with this function.
            replaced, remembered = os.replace, (listings.MEMORY, table.MEMORY)
            setattr(where, name, lambda new, path: die() if path in remembered else replaced(new, path))
        else:
            setattr(where, name, die)
        act()

    assert end(start(child)) in (None, 0)


@pytest.fixture(autouse=True)
def used(tasks: Tasks) -> None:
    """Create the store first, so that a run commits once."""
    tasks.network("unknown", state="absent")


@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_is_left_of_a_sandbox(tasks: Tasks, moment: str) -> None:
    untouched = inventory(tasks.host)
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    tasks.sandbox("b", "n")
    before = inventory(tasks.host)
    kill_at(moment, lambda: tasks.sandbox("a", "n", published_ports=["8080:80"]))
    tasks.network("n")
    assert not tasks.restore().changed
    tasks.sandbox("a", state="absent")
    assert difference(before, inventory(tasks.host)) == {}
    tasks.sandbox("a", "n", published_ports=["8080:80"])
    kill_at(moment, lambda: tasks.sandbox("a", state="absent"))
    tasks.sandbox("a", state="absent")
    assert difference(before, inventory(tasks.host)) == {}
    tasks.end()
    assert nothing_left(tasks, untouched)


@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_is_left_of_the_first_and_last_network(tasks: Tasks, moment: str) -> None:
    untouched = inventory(tasks.host)
    kill_at(moment, lambda: tasks.network("n", "10.1.0.0/24"))
    tasks.network("n", state="absent")
    assert nothing_left(tasks, untouched)
    tasks.network("n", "10.1.0.0/24")
    kill_at(moment, lambda: tasks.network("n", state="absent"))
    tasks.network("n", state="absent")
    assert nothing_left(tasks, untouched)


def test_a_bridge_of_ours_is_not_taken_for_somebody_else_s(tasks: Tasks) -> None:
    untouched = inventory(tasks.host)
    kill_at("all is made and not yet kept", lambda: tasks.network("n", "10.1.0.0/24", {f"{BRIDGE}.name": "br-n"}))
    tasks.network("n", "10.1.0.0/24", {f"{BRIDGE}.name": "br-n"})
    tasks.network("n", state="absent")
    assert nothing_left(tasks, untouched)


def test_a_bridge_of_somebody_else_is_not_taken_for_ours(tasks: Tasks) -> None:
    tasks.host.ip("link add br0 type bridge\nlink set br0 up\naddress add 10.5.0.1/24 dev br0\n")
    untouched = inventory(tasks.host)

    def adopt() -> None:
        tasks.network("n", "10.5.0.0/24,fd00:5::/64", {f"{BRIDGE}.name": "br0"})

    kill_at("all is made and not yet kept", adopt)
    adopt()
    tasks.network("n", state="absent")
    assert nothing_left(tasks, untouched)
