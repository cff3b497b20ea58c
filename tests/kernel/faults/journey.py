# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs back and forth between two states of a host. Each run fails at a later step than the one before."""

from __future__ import annotations

import itertools
from typing import Any, Callable, NamedTuple, Optional

from agreement import Holdings
from runs import Runs
from scenarios import RESTORE, Scenario, Task


class Stride(NamedTuple):
    """The steps at which a run fails: every LENGTH-th one, beginning at a random one."""

    start: int
    length: int

    def step(self, number: int) -> int:
        """Return the step at which the run with NUMBER fails."""
        return self.start % self.length + number * self.length

    def turn(self, step: int) -> int:
        """Return a number for STEP, by which checks take turns. It depends on the random start."""
        return self.start + step // self.length


class Way(NamedTuple):
    """One of the two directions of a scenario."""

    act: Any
    opposite: Any
    before: Holdings
    after: Holdings

    @property
    def undoes(self) -> bool:
        """Return whether the opposite is a run, which can undo this one wherever it was interrupted."""
        return isinstance(self.opposite, Task)


class Journey:
    """The two directions of a scenario, and what the host holds after each, which agrees with the store."""

    def __init__(self, runs: Runs, scenario: Scenario) -> None:
        self._runs = runs
        runs.do(scenario.prepare)
        # The first round changes things that later rounds leave as they are.
        runs.do([scenario.there, scenario.back])
        begin = runs.holdings() if scenario.there == RESTORE else runs.agreed()
        runs.run(scenario.there)
        end = runs.agreed()
        runs.do(scenario.back)
        runs.see(begin)
        self._ways = [Way(scenario.there, scenario.back, begin, end), Way(scenario.back, scenario.there, end, begin)]

    def each(
        self, go_wrong: Callable[[Task, int], Optional[str]], check: Callable[[Way, int], None], stride: Stride
    ) -> None:
        """Let each way GO_WRONG at each step of STRIDE in turn, and CHECK the result.

        GO_WRONG returns where a run failed, or None if it was completed. CHECK leaves the host in the state that the
        completed run leads to.
        """
        going = [way for way in self._ways if isinstance(way.act, Task)]
        for step in map(stride.step, itertools.count()):
            for way in self._ways:
                if way not in going:
                    self._runs.do(way.act)
                    continue
                where = go_wrong(way.act, step)
                if where is None:
                    going.remove(way)
                    continue
                try:
                    check(way, step)
                except Exception as error:
                    raise AssertionError(f"{way.act}\nwent wrong at step {step}, {where}:\n{error}") from error
            if not going:
                return
