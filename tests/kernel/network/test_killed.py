# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed at any time is completed or undone by the next one, which leaves nothing behind."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from children import kill_after
from inventory import difference, inventory, nothing_left
from tasks import BRIDGE, Tasks, answers, reaches

ROUNDS = 3

BOTH = [{"subnet": "10.1.0.0/24"}, {"subnet": "fd00:1::/64"}]
ON_N, ON_BOTH = [{"name": "n"}], [{"name": "n"}, {"name": "other"}]
TASKS: tuple[tuple[str, list[Mapping[str, Any]]], ...] = (
    ("network", [{"name": "n", "ipam_config": BOTH, "driver_options": {}}, {"name": "other"}]),
    (
        "sandbox",
        [
            {"name": "a", "networks": ON_N, "published_ports": ["8080:80", "53:53/udp"]},
            {"name": "b", "networks": ON_BOTH},
            {"name": "c", "networks": [{"name": "other"}], "sysctls": {"net.ipv4.ip_default_ttl": 99}},
        ],
    ),
    (
        "network",
        [{"name": "n", "driver_options": {f"{BRIDGE}.enable_icc": False, f"{BRIDGE}.name": "br-n"}, "force": True}],
    ),
    ("sandbox", [{"name": "a", "networks": ON_BOTH, "published_ports": ["8081:80"]}, {"name": "b", "networks": ON_N}]),
    ("endpoint", [{"name": "e", "network": "n", "sandbox": "c", "aliases": ["third"]}]),
    ("sandbox", [{"name": "a", "state": "stopped"}, {"name": "c", "state": "stopped"}]),
    ("sandbox", [{"name": "a", "state": "present"}, {"name": "c", "state": "present"}]),
    ("sandbox", [{"name": "a", "state": "absent"}, {"name": "b", "state": "absent"}]),
    ("network", [{"name": "n", "state": "absent", "force": True}, {"name": "other", "state": "absent", "force": True}]),
    ("sandbox", [{"name": "c", "state": "absent"}]),
)


def test_the_next_run_finishes_what_a_killed_one_began(tasks: Tasks, seed: int) -> None:
    chance = random.Random(seed)
    before = inventory(tasks.host)
    wanted, seconds = [], []
    for kind, items in TASKS:
        started = time.monotonic()
        tasks.ensure(kind, *items)
        seconds.append(time.monotonic() - started)
        wanted.append(inventory(tasks.host))
    assert nothing_left(tasks, before)

    killed = 0
    for turn in range(ROUNDS):
        for number, (kind, items) in enumerate(TASKS):
            delay = chance.uniform(0, seconds[number])
            killed += kill_after(delay, lambda kind=kind, items=items: tasks.ensure(kind, *items))
            about = f"round {turn}, task {number}, killed after {delay:.4f} s"
            print(about)
            tasks.ensure(kind, *items)
            assert not difference(wanted[number], inventory(tasks.host)), about
            assert not tasks.ensure(kind, *items).changed, about
        assert nothing_left(tasks, before)
    assert killed > ROUNDS * len(TASKS) // 2, "most of the runs came to their end before they were killed"


def test_any_other_task_finishes_it_too(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("b", "n")
    before = inventory(tasks.host)
    a = {"name": "a", "networks": [{"name": "n"}], "published_ports": ["8080:80"]}
    started = time.monotonic()
    tasks.ensure("sandbox", a)
    seconds = time.monotonic() - started
    assert answers(8080, "a") and reaches("b", "a", "10.1.0.3")
    tasks.sandbox("a", state="absent")
    for part in range(1, 9):
        kill_after(seconds * part / 10, lambda: tasks.ensure("sandbox", a))
        # Whatever the killed run did, the host agrees with the store.
        tasks.network("n")
        assert not tasks.restore().changed, part
        tasks.sandbox("a", state="absent")
        assert not difference(before, inventory(tasks.host)), part
