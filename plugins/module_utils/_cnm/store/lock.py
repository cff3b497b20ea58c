# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One writer at a time on a host, in the order of arrival."""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from contextlib import contextmanager, suppress
from typing import Iterator, List

from ..model.errors import CnmError, Locked

PATIENCE = 120.0
"""Seconds to wait for other runs to end."""
_SHOWN = 200
"""Characters of a command line that a message shows."""
_RANGE = struct.Struct("hhqqi")
"""A struct flock of fcntl(2): what to do, SEEK_SET, the first byte, the number of bytes, and 0."""


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
            doing = _doing(descriptor)
            raise Locked(
                f"Another run is at work on this host, and the lock '{path}' was not released in time. Process "
                f"{_holder(descriptor)} holds it now{doing and f' and {doing}'}. Wait for it to end, or end it."
            )
        # Only for the message to others; the lock holds without it.
        with suppress(OSError):
            _write(descriptor, str(os.getpid()))
        yield
    finally:
        os.close(descriptor)


def note(folder: str, doing: str) -> None:
    """Note for other processes what the run is DOING that holds the lock of the store in FOLDER: this one."""
    with suppress(OSError):
        descriptor = os.open(os.path.join(folder, "lock"), os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            _write(descriptor, f"{os.getpid()}\n{doing}")
        finally:
            os.close(descriptor)


def _write(descriptor: int, text: str) -> None:
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _locked(descriptor: int, patience: float) -> bool:
    """Lock the file, and say whether that succeeded within PATIENCE seconds.

    To the kernel, a process that releases the lock and wants it again at once comes before one that has waited for it.
    So there is a queue beside the lock: each run locks one byte of the file, whose number is the time of its arrival,
    and waits until all lower ones are free. The kernel has no time limit, so a thread waits. After the limit it is
    abandoned.
    """
    place = _queued(descriptor)
    try:
        _lock(descriptor, fcntl.F_OFD_SETLK, fcntl.F_RDLCK, 0, place)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not _in_time(descriptor, place, patience):
            _lock(descriptor, fcntl.F_OFD_SETLK, fcntl.F_UNLCK, place, 1)
            return False
    _lock(descriptor, fcntl.F_OFD_SETLK, fcntl.F_UNLCK, 0, place)
    return True


def _queued(descriptor: int) -> int:
    """Join the queue for the lock; return the place."""
    while True:
        place = time.monotonic_ns()
        with suppress(BlockingIOError):
            _lock(descriptor, fcntl.F_OFD_SETLK, fcntl.F_WRLCK, place, 1)
            return place


def _in_time(descriptor: int, place: int, patience: float) -> bool:
    """Wait until it is the turn of PLACE and the lock is free; say whether that was within PATIENCE seconds."""
    done: List[bool] = []
    # What the thread locks is released when it has closed this, and its caller the other descriptor.
    own = os.dup(descriptor)

    def wait() -> None:
        try:
            _lock(own, fcntl.F_OFD_SETLKW, fcntl.F_RDLCK, 0, place)
            fcntl.flock(own, fcntl.LOCK_EX)
            done.append(True)
        finally:
            os.close(own)

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    waiting.join(patience)
    return bool(done)


def _lock(descriptor: int, command: int, kind: int, first: int, size: int) -> None:
    """Lock or unlock bytes of the file, for all who share its open descriptor. flock() does not see these locks.

    :raises BlockingIOError: if COMMAND does not wait, and others have locked one of them
    """
    fcntl.fcntl(descriptor, command, _RANGE.pack(kind, os.SEEK_SET, first, size, 0))


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


def at_work(folder: str) -> str:
    """Return, as a sentence, which other process holds the lock of the store in FOLDER, and how far it is.

    It is empty if none does.
    """
    holder, doing = holding(folder), ""
    with suppress(OSError), open(os.path.join(folder, "lock"), "rb") as file:
        doing = _doing(file.fileno())
    return f"Process {holder} {doing or 'has just begun'}." if holder else ""


def _noted(descriptor: int) -> List[str]:
    return os.pread(descriptor, _SHOWN, 0).decode(errors="replace").split("\n")


def _doing(descriptor: int) -> str:
    """Return how far the holder is; empty if it has just begun."""
    return "".join(_noted(descriptor)[1:2])


def _holder(descriptor: int) -> str:
    pid = _noted(descriptor)[0] or "unknown"
    try:
        # The name of the process would often be that of Python.
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            words = file.read().replace("\0", " ").strip()
    except OSError:
        words = ""
    return f"{pid} ('{words[:_SHOWN]}')" if words else pid
