# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our core in its own process, as a module runs it: ``python core.py < task`` prints the costs.

The task is ``{"verb": "ensure", "kind": ..., "items": [...], "check": false}`` or ``{"verb": "restore"}``.
``profile`` names a file for cProfile's figures, and ``diff`` asks for the differences that --diff shows.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import Any


def program(command: list[str], stdin: str | None) -> tuple[int, str, str]:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def used() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def carry_out(task: dict[str, Any]) -> Any:
    from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller
    from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel

    with Kernel(program) as kernel:
        controller = Controller(kernel, lambda warning: None, task.get("check", False), diff=task.get("diff", False))
        return controller.restore() if task["verb"] == "restore" else controller.ensure(task["kind"], task["items"])


def main() -> None:
    task = json.load(sys.stdin)
    cpu, wall = used(), time.perf_counter()
    if task.get("profile"):
        import cProfile

        profile = cProfile.Profile(time.process_time)
        result = profile.runcall(carry_out, task)
        profile.dump_stats(task["profile"])
    else:
        result = carry_out(task)
    wall, cpu = time.perf_counter() - wall, used() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak, "changed": result.changed}))


main()
