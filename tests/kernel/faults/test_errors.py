# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of which any step is refused says so, and leaves the host unchanged."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

from journey import Journey, Stride, Way
from runs import Runs, is_clean
from scenarios import SCENARIOS, Task, each_scenario
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
"""The errors that each kind of step can return."""
LASTING = ("netlink", "namespace"), ("write", "store", "commit"), ("program", "conntrack")
"""What may stop working for longer: the kernel is busy, the disk is full, or nft fails."""


def refused(number: int) -> Callable[[Step], Any]:
    """Return an act that answers a step with one of its errors. NUMBER selects the error."""
    return lambda step: ERRORS[step.kind][number % len(ERRORS[step.kind])](step)


def interrupt(_step: Step) -> Any:
    raise KeyboardInterrupt


class Trial:
    """Lets runs fail, and checks the result."""

    def __init__(self, runs: Runs, fault: Callable[[int], Fault]) -> None:
        self._runs = runs
        self._fault = fault
        self.error: Optional[BaseException] = None

    def go_wrong(self, task: Task, number: int) -> Optional[str]:
        fault = self._fault(number)
        self.error = self._runs.wrong(task, fault)
        return fault.struck and f"{fault.struck}, {self.error!r}"

    def as_it_was(self, way: Way, _number: int) -> None:
        """The message says what is wrong, and the host is unchanged."""
        assert is_clean(self.error)
        # The journal is written before the changes and removed after them. If the opposite is not a run, as with the
        # first run on a host and with a restore, part of the work may have been done.
        if self.error is None:
            self._runs.see(way.after)
        elif "which records the changes in progress" not in str(self.error) and way.undoes:
            self._runs.see(way.before)
        self._runs.run(way.act)
        self._runs.see(way.after)

    def put_right(self, way: Way, _number: int) -> None:
        """The message says what is wrong, and the next run completes the work."""
        assert is_clean(self.error) or isinstance(self.error, KeyboardInterrupt)
        self._runs.run(way.act)
        self._runs.see(way.after)


@each_scenario
def test_refused(runs: Runs, stride: Stride, name: str) -> None:
    runs.programs.iptables = name == "beside Docker"
    trial = Trial(runs, lambda number: Fault(list(ERRORS), number, refused(stride.turn(number))))
    Journey(runs, SCENARIOS[name]).each(trial.go_wrong, trial.as_it_was, stride)


@each_scenario
def test_refused_from_then_on(runs: Runs, stride: Stride, name: str) -> None:
    runs.programs.iptables = name == "beside Docker"

    def fault(number: int) -> Fault:
        return Fault([kind for kinds in LASTING for kind in kinds], number, refused(0), lasting=LASTING)

    trial = Trial(runs, fault)
    Journey(runs, SCENARIOS[name]).each(trial.go_wrong, trial.put_right, stride)


@each_scenario
def test_interrupted(runs: Runs, stride: Stride, name: str) -> None:
    runs.programs.iptables = name == "beside Docker"
    trial = Trial(runs, lambda number: Fault((*CHANGES, "store"), number // 2, interrupt, after=bool(number % 2)))
    Journey(runs, SCENARIOS[name]).each(trial.go_wrong, trial.put_right, stride)
