# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One writer at a time on a host."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager
from typing import Iterator

from ..errors import CnmError

PATIENCE = 120.0
"""Seconds to wait for another run to end."""


@contextmanager
def held(folder: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of the store in FOLDER for the block; the kernel lets go of it if we are killed.

    :raises CnmError: after PATIENCE seconds, naming the process that holds it
    """
    path = os.path.join(folder, "lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CnmError(f"The lock '{path}' cannot be opened: {error.strerror}.") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CnmError(f"'{path}' is not a file; the lock cannot be kept there.")
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise CnmError(
                        f"Another run is at work on this host: process {_holder(descriptor)} has held "
                        f"'{folder}/lock' for {patience:.0f} seconds. Wait for it to end, or end it."
                    ) from None
                time.sleep(0.02)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    pid = os.pread(descriptor, 20, 0).decode(errors="replace") or "unknown"
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
            return f"{pid} ('{comm.read().strip()}')"
    except OSError:
        return pid
