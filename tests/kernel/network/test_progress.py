# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a run is while it works on the host."""

from __future__ import annotations

from itertools import groupby

from stand_in import Host
from tasks import Tasks

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel

MANY = 20


def test_each_part_of_a_run_gets_to_its_end(host: Host) -> None:
    tasks = Tasks(host)
    tasks.network("n", "10.1.0.0/24")
    told: list[str] = []
    with Kernel(host.program) as kernel:
        kernel.progress.observe(told.append, 0.0)
        items = [{"name": f"s{number}", "networks": [{"name": "n"}]} for number in range(MANY)]
        Controller(kernel, print).ensure("sandbox", items)
    parts = [
        (doing, [numbers(each) for each in part]) for doing, part in groupby(told, lambda each: each.split(":")[0])
    ]
    assert [doing for doing, _part in parts[:3]] == [
        "checks what it was asked for",
        "reads the host",
        "changes the host",
    ]
    for doing, part in parts[:3]:
        done, totals = zip(*part)
        assert list(done) == sorted(done) and set(totals) == {done[-1]} and len(done) >= MANY, doing


def numbers(text: str) -> tuple[int, int]:
    """Return the numbers in TEXT: what is done, and of how many."""
    done, total = text.partition(": ")[2].split(" of ")
    return int(done), int(total)
