# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The costs of an operation: wall time, CPU time and memory, and the median of many such costs."""

from __future__ import annotations

import ctypes
import math
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Cost(NamedTuple):
    """The costs of one run of an operation."""

    wall: float
    """Seconds."""
    cpu: float
    """The user and system time of the process and of children that it waited for, in seconds."""
    peak: float = 0.0
    """The highest memory use of the process, in MB."""

    def __add__(self, other: Any) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak, other.peak))


def used() -> float:
    """Return the CPU time used by this process, its threads and its children that have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def used_by(pid: int) -> float:
    """Return the CPU time that the process PID and the programs that it has run have used, in seconds."""
    with open(f"/proc/{pid}/stat") as stat:
        ticks = stat.read().rpartition(")")[2].split()[11:15]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def used_alone_by(pid: int) -> float:
    """Return the CPU time that the process PID has used, in seconds, more exactly than used_by()."""
    number = ctypes.c_int()
    if ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(number)):
        raise ProcessLookupError(pid)
    return time.clock_gettime(number.value)


def measured(work: Callable[[], object]) -> Cost:
    """Run WORK and return its costs."""
    cpu, wall = used(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - wall, used() - cpu)


def process(command: Sequence[str], stdin: str = "", environment: dict[str, str] | None = None) -> tuple[Cost, str]:
    """Run COMMAND; return its costs and its output.

    :raises RuntimeError: if it fails
    """
    wall = time.perf_counter()
    running = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    assert running.stdin and running.stdout
    try:
        running.stdin.write(stdin)
        running.stdin.close()
    except BrokenPipeError:
        pass
    output = running.stdout.read()
    _pid, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - wall
    running.stdout.close()
    if running.returncode:
        raise RuntimeError(f"{command[0]} ended with {running.returncode}: {output[-2000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), output


def median(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure in COSTS."""
    return Cost(*(statistics.median(figures) for figures in zip(*costs)))


def percentile(figures: Sequence[float], part: float) -> float:
    """Return the smallest of FIGURES that is not less than PART of them, from 0 to 1."""
    return sorted(figures)[math.ceil(part * len(figures)) - 1]
