# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is refused something at any of its steps says so, and leaves the host as it was."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

import pytest
from journey import Journey, Stride, Way
from runs import Runs, is_clean
from scenarios import SCENARIOS, Task
from steps import CHANGES, Fault, Step, failing, no_space, refusal

ERRORS: Mapping[str, Sequence[Callable[[Step], Any]]] = {
    "netlink": [refusal(getattr(errno, name)) for name in ("EBUSY", "EEXIST", "ENODEV", "ENOBUFS")],
    "send": [refusal(errno.ENOBUFS)],
    "answer": [refusal(errno.ENOBUFS)],
    "namespace": [refusal(errno.EBUSY), no_space],
    "write": [no_space, refusal(errno.EIO)],
    "unlink": [refusal(errno.EIO)],
    "store": [no_space],
    "commit": [no_space],
    "program": [failing],
    "question": [failing],
    "conntrack": [refusal(errno.EBUSY)],
}
"""What can be answered to each kind of step."""
LASTING = ("netlink", "namespace"), ("write", "store", "commit"), ("program", "conntrack")
"""What can cease to work for longer: the kernel is busy, the disk is full, nft fails."""


def refused(number: int) -> Callable[[Step], Any]:
    """Return what answers a step with one of its errors, the next one with each NUMBER."""
    return lambda step: ERRORS[step.kind][number % len(ERRORS[step.kind])](step)


def interrupt(_step: Step) -> Any:
    raise KeyboardInterrupt


class Trial:
    """Lets runs go wrong, and sees to what becomes of it."""

    def __init__(self, runs: Runs, fault: Callable[[int], Fault]) -> None:
        self._runs = runs
        self._fault = fault
        self.error: Optional[BaseException] = None

    def go_wrong(self, task: Task, number: int) -> Optional[str]:
        fault = self._fault(number)
        self.error = self._runs.wrong(task, fault)
        return fault.struck and f"{fault.struck}, {self.error!r}"

    def as_it_was(self, way: Way, _number: int) -> None:
        """It is said what is wrong, and the host is as before."""
        assert is_clean(self.error)
        # What was to be done is noted before all else, and the note is removed when it is done. What comes back from
        # where no run leads to, the first one of all and restoring, may have come some way.
        if self.error is None:
            self._runs.see(way.after)
        elif "which records the changes in progress" not in str(self.error) and way.undoes:
            self._runs.see(way.before)
        self._runs.run(way.act)
        self._runs.see(way.after)

    def put_right(self, way: Way, _number: int) -> None:
        """It is said what is wrong, and the next run does what was left to do."""
        assert is_clean(self.error) or isinstance(self.error, KeyboardInterrupt)
        self._runs.run(way.act)
        self._runs.see(way.after)


@pytest.mark.parametrize("name", SCENARIOS)
def test_refused(runs: Runs, stride: Stride, name: str) -> None:
    runs.programs.iptables = name == "beside Docker"
    trial = Trial(runs, lambda number: Fault(list(ERRORS), number, refused(stride.turn(number))))
    Journey(runs, SCENARIOS[name]).each(trial.go_wrong, trial.as_it_was, stride)


@pytest.mark.parametrize("name", SCENARIOS)
def test_refused_from_then_on(runs: Runs, stride: Stride, name: str) -> None:
    runs.programs.iptables = name == "beside Docker"

    def fault(number: int) -> Fault:
        return Fault([kind for kinds in LASTING for kind in kinds], number, refused(0), lasting=LASTING)

    trial = Trial(runs, fault)
    Journey(runs, SCENARIOS[name]).each(trial.go_wrong, trial.put_right, stride)


@pytest.mark.parametrize("name", SCENARIOS)
def test_interrupted(runs: Runs, stride: Stride, name: str) -> None:
    runs.programs.iptables = name == "beside Docker"
    trial = Trial(runs, lambda number: Fault((*CHANGES, "store"), number // 2, interrupt, after=bool(number % 2)))
    Journey(runs, SCENARIOS[name]).each(trial.go_wrong, trial.put_right, stride)
