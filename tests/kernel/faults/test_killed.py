# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed at any step is completed or undone by the next run, which leaves nothing behind.

To be killed after a step is to be killed before the next one: only the process knows what happens in between.
"""

from __future__ import annotations

from typing import Any, Optional

from journey import Journey, Stride, Way
from runs import Runs
from scenarios import CHOSEN_ELSEWHERE, OTHER, RESTORE, SCENARIOS, Task, each_scenario
from steps import CHANGES, Fault


@each_scenario
def test_killed(runs: Runs, stride: Stride, name: str) -> None:
    runs.programs.iptables = name == "beside Docker"

    def kill(task: Task, number: int) -> Optional[str]:
        return runs.killed(task, Fault(CHANGES, number))

    def follow(way: Way, number: int) -> None:
        FOLLOWING[stride.turn(number) % len(FOLLOWING)](runs, way)

    Journey(runs, SCENARIOS[name]).each(kill, follow, stride)


def again(runs: Runs, way: Way) -> None:
    """The same run completes the work, as check mode says."""
    said = runs.run(way.act, check=True)
    done = runs.run(way.act)
    for name in vars(said) if way.act not in CHOSEN_ELSEWHERE else ():
        one, other = str(getattr(said, name)), str(getattr(done, name))
        if one != other:
            begin = next((place for place, pair in enumerate(zip(one, other)) if pair[0] != pair[1]), 0)
            about = slice(max(begin - 500, 0), begin + 300)
            raise AssertionError(f"{name}: check mode says\n{one[about]}\nand it was\n{other[about]}")
    runs.see(way.after)


def restored(runs: Runs, way: Way) -> None:
    """The next boot completes all of it or undoes all of it."""
    _one_or_the_other(runs, way, RESTORE)


def another(runs: Runs, way: Way) -> None:
    """So does any other run."""
    _one_or_the_other(runs, way, RESTORE if way.act == RESTORE else OTHER)


def undone(runs: Runs, way: Way) -> None:
    """The opposite run undoes it."""
    if way.undoes:
        runs.run(way.opposite)
        runs.see(way.before)
    runs.run(way.act)
    runs.see(way.after)


def _one_or_the_other(runs: Runs, way: Way, task: Task) -> None:
    runs.run(task)
    if not way.undoes:
        # There is a third state: a host with an empty store.
        runs.agreed()
    elif not runs.see(way.after, way.before):
        return
    runs.do(way.act)
    runs.see(way.after)


FOLLOWING: Any = (again, restored, another, undone)
