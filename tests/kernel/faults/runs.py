# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the core in which something goes wrong, and the runs after them."""

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
    """Carries out tasks on a host, with faults and without."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.programs = Programs(host)
        self.count = 0
        """How many runs went wrong."""

    def do(self, act: Any) -> None:
        """Carry ACT, or several, out to the end."""
        if isinstance(act, Task):
            self.run(act)
        elif callable(act):
            act(self.host)
        else:
            for each in act:
                self.do(each)

    def run(self, task: Task, check: bool = False) -> Result:
        """Carry TASK out."""
        return self._run(task, self.programs, check)

    def _run(self, task: Task, run: Callable[..., Any], check: bool = False) -> Result:
        with Kernel(run) as kernel:
            core = Controller(kernel, lambda _sentence: None, check)
            result = core.restore() if task.kind == "restore" else core.ensure(task.kind, task.items)
        if result.failures:
            raise Incomplete(" ".join(result.failures))
        return result

    def wrong(self, task: Task, fault: Fault) -> Optional[BaseException]:
        """Carry TASK out under FAULT; return what it ends with."""
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
            # What it has not closed by itself is closed as it is forgotten.
            traceback.clear_frames(link.__traceback__)
            link = link.__cause__ or link.__context__
        self.count += fault.struck is not None
        assert os.stat("/proc/thread-self/ns/net").st_ino == home
        # What is interrupted when it has opened a file has not had the time to keep it.
        left = _descriptors() - descriptors
        assert fault.after or not left, f"{left} are open after {fault.struck}, {error!r}"
        return error

    def killed(self, task: Task, fault: Fault) -> Optional[str]:
        """Let a child carry TASK out, which kills itself where FAULT is; return at what step, None if it did not."""
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
        """Return all sandboxes in Docker's shape, by name."""
        with Kernel(self.programs) as kernel:
            core = Controller(kernel, lambda _sentence: None, True)
            return {each["Name"]: each for each in core.describe("sandbox", lambda _store, _found: True)}

    def holdings(self) -> Holdings:
        """Return what the host holds."""
        return holdings(self.programs)

    def agreed(self) -> Holdings:
        """Return what the host holds, after seeing that it is what the store says."""
        found = self.holdings()
        wrong = disagreement(self.programs, found)
        if wrong:
            raise AssertionError("\n".join(wrong))
        return found

    def see(self, *states: Holdings) -> int:
        """See that the host holds what one of STATES says; return which.

        What was in a namespace goes some time after it (cleanup_net() in net/core/net_namespace.c).
        """
        deadline = time.monotonic() + 30
        while True:
            found = self.holdings()
            differences = [found.against(state) for state in states]
            if "" in differences:
                return differences.index("")
            if time.monotonic() > deadline:
                wrong = disagreement(self.programs, found)
                raise AssertionError("\nand\n".join([*differences, "Of what the store says:", *wrong]))
            time.sleep(0.02)


def _descriptors() -> set[str]:
    """Return what this process has open."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
    return found


def is_clean(error: Optional[BaseException]) -> bool:
    """Whether ERROR is none, or one that a user can read."""
    return error is None or (isinstance(error, CnmError) and str(error).endswith("."))
