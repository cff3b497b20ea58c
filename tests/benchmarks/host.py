# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host, or a fleet of hosts, for one measurement. Everything on it disappears when the measurement ends."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from fleet import Fleet
from namespaces import have_own
from stand_in import Host

T = TypeVar("T")
_PATIENCE = 60
"""Seconds to wait until the kernel has removed the last measurement's namespaces. This would slow down the next one."""


def on_its_own(work: Callable[[Host], T]) -> T:
    """Run WORK in its own process on its own host, and return its result.

    :raises RuntimeError: with the traceback, if WORK fails
    """

    def on_a_host() -> T:
        have_own()
        host = Host()
        host.kernel.close()
        return work(host)

    return _apart(on_a_host)


def on_a_fleet(size: int, work: Callable[[Fleet], T]) -> T:
    """Run WORK in its own process, with SIZE hosts on one switch, and return its result.

    :raises RuntimeError: with the traceback, if WORK fails
    """

    def with_hosts() -> T:
        fleet = Fleet(size)
        try:
            return work(fleet)
        finally:
            fleet.close()

    return _apart(with_hosts)


def _apart(work: Callable[[], T]) -> T:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _run(work, writing)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read()
    except BaseException:
        os.kill(child, signal.SIGTERM)
        raise
    finally:
        os.waitpid(child, 0)
    wait_until_quiet()
    good, result = pickle.loads(answer) if answer else (False, "the process died")
    if not good:
        raise RuntimeError(result)
    value: T = result
    return value


def _run(work: Callable[[], Any], writing: int) -> None:
    status = 0
    # An interrupt is for the parent, which then stops this process and waits until it has cleaned up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    try:
        answer: tuple[bool, Any] = (True, work())
    except BaseException:
        answer = (False, traceback.format_exc())
    try:
        sys.stdout.flush()
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer, pipe)
    except BaseException:
        traceback.print_exc()
        status = 1
    os._exit(status)


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def wait_until_quiet() -> None:
    """Wait until no kernel thread is removing network namespaces."""
    deadline = time.monotonic() + _PATIENCE
    quiet = 0
    while quiet < 3 and time.monotonic() < deadline:
        quiet = 0 if _busy() else quiet + 1
        time.sleep(0.1)


def _busy() -> bool:
    """Return whether a worker of the workqueue ``netns`` is busy. Outside a PID namespace, none is visible."""
    for name in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            if "netns" in name.read_text() and "\nState:\tS" not in name.with_name("status").read_text():
                return True
    return False
