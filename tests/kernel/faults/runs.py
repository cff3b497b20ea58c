# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the core in which something fails, and the runs after them."""

from __future__ import annotations

import os
import signal
import time
import traceback
from contextlib import suppress
from typing import Any, Callable, Optional

from agreement import Holdings, disagreement, holdings
from children import end, start
from programs import Programs
from scenarios import Task
from stand_in import Host
from steps import Fault, Step, program, under

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller, Result
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, Incomplete


class Runs:
    """Runs tasks on a host, with and without faults."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.programs = Programs(host)
        self.count = 0
        """How many runs have failed."""

    def do(self, act: Any) -> None:
        """Carry out ACT, or several of them, completely."""
        if isinstance(act, Task):
            self.run(act)
        elif callable(act):
            act(self.host)
        else:
            for each in act:
                self.do(each)

    def run(self, task: Task, check: bool = False) -> Result:
        """Run TASK."""
        return self._run(task, self.programs, check)

    def _run(self, task: Task, run: Callable[..., Any], check: bool = False) -> Result:
        with Kernel(run) as kernel:
            core = Controller(kernel, lambda _sentence: None, check)
            result = core.restore() if task.kind == "restore" else core.ensure(task.kind, task.items)
        if result.failures:
            raise Incomplete(" ".join(result.failures))
        return result

    def wrong(self, task: Task, fault: Fault) -> Optional[BaseException]:
        """Run TASK under FAULT; return the exception that ended it, if any."""
        home = os.stat("/proc/thread-self/ns/net").st_ino
        descriptors = _descriptors()
        error: Optional[BaseException] = None
        with under(fault):
            try:
                self._run(task, program(self.programs, fault))
            except (Exception, KeyboardInterrupt) as caught:
                error = caught
        link = error
        while link is not None:
            # Clearing the frames closes what the run has not closed itself.
            traceback.clear_frames(link.__traceback__)
            link = link.__cause__ or link.__context__
        self.count += fault.struck is not None
        assert os.stat("/proc/thread-self/ns/net").st_ino == home
        # An interrupt just after a file was opened gives the run no chance to note the descriptor.
        left = _descriptors() - descriptors
        assert fault.after or not left, f"{left} are open after {fault.struck}, {error!r}"
        return error

    def killed(self, task: Task, fault: Fault) -> Optional[str]:
        """Run TASK in a child that kills itself at FAULT; return the step, or None if the run was completed."""
        there, here = os.pipe()
        write, kill = os.write, os.kill

        def strike(step: Step) -> None:
            write(here, str(step).encode())
            kill(os.getpid(), signal.SIGKILL)

        def child() -> None:
            fault.act = strike
            with under(fault):
                self._run(task, program(self.programs, fault))

        status = end(start(child))
        os.close(here)
        with os.fdopen(there) as said:
            step = said.read()
        assert status is None if step else status == 0
        self.count += bool(step)
        return step or None

    def sandboxes(self) -> dict[str, dict[str, Any]]:
        """Return all sandboxes in Docker's format, by name."""
        with Kernel(self.programs) as kernel:
            core = Controller(kernel, lambda _sentence: None, True)
            return {each["Name"]: each for each in core.describe("sandbox", lambda _store, _found: True)}

    def holdings(self) -> Holdings:
        """Return what the host holds."""
        return holdings(self.programs)

    def agreed(self) -> Holdings:
        """Return what the host holds, after checking that it agrees with the store."""
        present = self.holdings()
        wrong = disagreement(self.programs, present)
        if wrong:
            raise AssertionError("\n".join(wrong))
        return present

    def see(self, *states: Holdings) -> int:
        """Check that the host holds what one of STATES says; return its index.

        What is in a namespace disappears some time after it (cleanup_net() in net/core/net_namespace.c).
        """
        deadline = time.monotonic() + 30
        while True:
            present = self.holdings()
            differences = [present.against(state) for state in states]
            if "" in differences:
                return differences.index("")
            if time.monotonic() > deadline:
                wrong = disagreement(self.programs, present)
                raise AssertionError("\nand\n".join([*differences, "Of what the store says:", *wrong]))
            time.sleep(0.02)


def _descriptors() -> set[str]:
    """Return the open files of this process."""
    descriptors = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            descriptors.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
    return descriptors


def is_clean(error: Optional[BaseException]) -> bool:
    """Return whether ERROR is None or a message for users."""
    return error is None or (isinstance(error, CnmError) and str(error).endswith("."))
