# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One writer at a time on a host."""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import contextmanager, suppress
from typing import Iterator

from ..model.errors import CnmError, Locked

PATIENCE = 120.0
"""Seconds to wait for other runs to end."""
_SHOWN = 200
"""Characters of a command line that a message shows."""


@contextmanager
def held(folder: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of the store in FOLDER during the block; the kernel releases it if we are killed.

    :raises Locked: after PATIENCE seconds, naming the process that holds it
    :raises CnmError: if the lock cannot be created
    """
    path = os.path.join(folder, "lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CnmError(f"The lock '{path}' cannot be made: {error.strerror}.") from error
    try:
        if not _locked(descriptor, patience):
            raise Locked(
                f"Another run is at work on this host, and the lock '{path}' was not released in time. Process "
                f"{_holder(descriptor)} holds it now. Wait for it to end, or end it."
            )
        # Only for the message to others; the lock holds without it.
        with suppress(OSError):
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int, patience: float) -> bool:
    """Lock the file, and say whether that succeeded within PATIENCE seconds.

    The kernel gives a lock to waiting processes in the order of their arrival, and has no time limit. So a thread
    waits. After the limit it is abandoned; if it gets the lock later, closing the file releases it.
    """
    done = []

    def wait() -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        done.append(True)

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        waiting.join(patience)
        return bool(done)


def holding(folder: str) -> str:
    """Return which other process holds the lock of the store in FOLDER; empty if none does."""
    try:
        descriptor = os.open(os.path.join(folder, "lock"), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return ""
    except BlockingIOError:
        holder = _holder(descriptor)
        return "" if holder.split()[0] == str(os.getpid()) else holder
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    pid = os.pread(descriptor, 20, 0).decode(errors="replace") or "unknown"
    try:
        # The name of the process would often be that of Python.
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            words = file.read().replace("\0", " ").strip()
    except OSError:
        words = ""
    return f"{pid} ('{words[:_SHOWN]}')" if words else pid
