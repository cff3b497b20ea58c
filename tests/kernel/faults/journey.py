# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""To and fro between two states of a host, each time with a run that goes wrong at the step after the last one."""

from __future__ import annotations

import itertools
from typing import Any, Callable, NamedTuple, Optional

from agreement import Holdings
from runs import Runs
from scenarios import RESTORE, Scenario, Task


class Stride(NamedTuple):
    """Which steps of a run it goes wrong at: from one that chance has chosen, each so many steps."""

    start: int
    length: int

    def step(self, number: int) -> int:
        """Return the step at which the run with that NUMBER goes wrong."""
        return self.start % self.length + number * self.length

    def turn(self, step: int) -> int:
        """Return what number STEP has, for taking turns; with another start another turn is its."""
        return self.start + step // self.length


class Way(NamedTuple):
    """One of the two ways of a scenario."""

    act: Any
    opposite: Any
    before: Holdings
    after: Holdings

    @property
    def undoes(self) -> bool:
        """Whether the opposite is a run, which leads back from wherever this one got to."""
        return isinstance(self.opposite, Task)


class Journey:
    """The two ways of a scenario, and what the host holds after each, which is then what the store says."""

    def __init__(self, runs: Runs, scenario: Scenario) -> None:
        self._runs = runs
        runs.do(scenario.prepare)
        # Once for nothing, so that all is as it will be each time.
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
        """Let each way GO_WRONG at the first step of STRIDE, then at the second, and CHECK what becomes of it.

        GO_WRONG returns at what a run went wrong, None if it came to its end. CHECK leaves the host as it is after
        that way.
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
