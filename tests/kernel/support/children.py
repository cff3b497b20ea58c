# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs in child processes on the same host."""

from __future__ import annotations

import os
import signal
import time
import traceback
import warnings
from typing import Callable, Optional


def start(act: Callable[[], object]) -> int:
    """Run ACT in a child process; return its pid. It exits with status 0 unless ACT raises an exception."""
    with warnings.catch_warnings():
        # A worker of pytest-xdist has one more thread. It waits for the controller and holds no lock that ACT needs.
        warnings.filterwarnings("ignore", ".*multi-threaded.*fork", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    status = 1
    try:
        act()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def end(child: int) -> Optional[int]:
    """Wait for CHILD; return its exit status, or None if a signal killed it."""
    _child, status = os.waitpid(child, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


def kill_after(seconds: float, act: Callable[[], object]) -> bool:
    """Run ACT in a child process and kill it after SECONDS; return whether it was still running."""
    child = start(act)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return end(child) is None
