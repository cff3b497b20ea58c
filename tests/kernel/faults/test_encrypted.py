# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wherever a run is killed, an encrypted network cannot send past its tunnel."""

from __future__ import annotations

from typing import Optional

import pytest
import tunnel
from journey import Journey, Stride, Way
from lab import OUTSIDE4
from runs import Runs
from scenarios import ENCRYPTED, VNI, Task
from steps import CHANGES, Fault


@pytest.mark.parametrize("name", ENCRYPTED)
def test_nothing_goes_in_the_clear(runs: Runs, name: str) -> None:
    checked = []

    def kill(task: Task, number: int) -> Optional[str]:
        return runs.killed(task, Fault(CHANGES, number))

    def follow(way: Way, _number: int) -> None:
        if "vx-" in runs.host.out(["ip", "link"]):
            assert not tunnel.sent_in_the_clear(OUTSIDE4, VNI)
            checked.append(way)
        runs.run(way.act)
        runs.see(way.after)

    Journey(runs, ENCRYPTED[name]).each(kill, follow, Stride(0, 1))
    assert checked
    runs.run(ENCRYPTED[name].there)
    assert not tunnel.sent_in_the_clear(OUTSIDE4, VNI)
    assert tunnel.sent_in_the_clear(OUTSIDE4, VNI + 1), "that of another network"
