# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several processes change the same host at once, and some of them are killed."""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest
from children import start
from inventory import inventory, nothing_left, rows
from runs import Runs
from tasks import Tasks, listed
from writers import Writer, total

WRITERS = 8
PATIENCE = 30.0
"""Seconds after which all writers have ended, unless they wait for each other."""


def ended(children: dict[int, int]) -> dict[int, int]:
    """Return which of CHILDREN, numbers by pid, have ended, with their exit status; a negative one is a signal."""
    statuses = {}
    for child in children:
        process, status = os.waitpid(child, os.WNOHANG)
        if process:
            statuses[child] = os.waitstatus_to_exitcode(status)
    return statuses


@pytest.mark.parametrize("killing", [False, True], ids=["all live", "some are killed"])
def test_each_succeeds_or_is_told_why(runs: Runs, tmp_path: Path, seed: int, seconds: float, killing: bool) -> None:
    tasks = Tasks(runs.host)
    before = inventory(tasks.host)
    tasks.network("n0")
    chance = random.Random(seed)
    writers = [Writer(tasks, number, tmp_path) for number in range(WRITERS)]
    until = time.monotonic() + seconds / 2

    def begin(number: int) -> int:
        own = random.Random(chance.random())
        return start(partial(writers[number].work, own, until))

    children = {begin(number): number for number in range(WRITERS)}
    strike = until - seconds / 2 + 0.3
    while children:
        assert time.monotonic() < until + PATIENCE, "they wait for each other"
        if killing and strike < time.monotonic() < until:
            strike += 0.3
            os.kill(chance.choice(sorted(children)), signal.SIGKILL)
        for child, status in ended(children).items():
            number = children.pop(child)
            assert status == (-signal.SIGKILL if killing and status else 0)
            if status:
                runs.count += 1
                children[begin(number)] = number
        time.sleep(0.01)
    for writer in writers:
        writer.read()
    worst = max(writer.found["worst"] for writer in writers)
    print(f"{total(writers)}, waited {worst:.2f} s at most, seed {seed}")
    assert all(writer.found["done"] for writer in writers)
    assert all(reason.endswith(".") for writer in writers for reason in writer.found["reasons"])
    assert worst < PATIENCE / 2

    # Nothing that a writer wrote is lost, the store and the host agree, and no address is used twice.
    if killing:
        tasks.restore()
    runs.agreed()
    assert all(writer.kept(tasks.shown("network")) for writer in writers)
    rows()
    containers = [each for shown in tasks.shown("network").values() for each in shown["Containers"].values()]
    promised = sorted(each["IPv4Address"].split("/")[0] for each in containers if each["IPv4Address"])
    assert len(promised) == len(set(promised))
    there = [
        address["local"]
        for place in os.listdir("/run/netns")
        for each in listed(tasks.host, "ip", "-4", "address", place=place)
        for address in each["addr_info"]
        if each["ifname"] != "lo"
    ]
    assert sorted(there) == promised
    tasks.end()
    assert nothing_left(tasks, before)
