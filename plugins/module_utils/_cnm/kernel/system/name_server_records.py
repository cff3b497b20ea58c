# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files with the records of the name server, one for each network."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Iterable, List

from ...model.errors import KernelRefused
from ...private_files import make_private, read_private
from ...resources.dns import RECORDS, Records
from .name_server_process import PID, USER, names_in

_NEW = f"{RECORDS}.new"
"""A file that is about to take its place in the folder. It is outside, because the server reads every file inside."""


def read(paths: Iterable[str]) -> List[Records]:
    """Return the records in those of the files at PATHS that exist.

    Files left over from an interrupted run count as empty records, so that they are removed.

    :raises KernelRefused: if a file cannot be read
    """
    present: List[Records] = []
    begun = os.path.exists(_NEW) or (os.path.exists(RECORDS) and not exist())
    for path in sorted(paths):
        try:
            present.append(Records(path, read_private(path).decode()))
        except FileNotFoundError:
            present += [Records(path, "")] if begun else []
        except OSError as error:
            raise KernelRefused(f"File '{path}' could not be read: {error.strerror}.") from error
    return present


def exist() -> bool:
    """Say whether any network has records."""
    return any(f"{RECORDS}/{name}" != PID for name in names_in(RECORDS))


def write(records: Records) -> None:
    """Write RECORDS atomically, so that the server reads either the old or the new ones.

    :raises KernelRefused: if the file cannot be written
    """
    try:
        make_private(RECORDS, USER)
        remove_unfinished()
        # At first without a name, and in the folder, so that the file gets the folder's group.
        descriptor = os.open(RECORDS, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o640)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o640)
            file.write(records.text)
            file.flush()
            # With a folder, os.link() follows the symbolic link that /proc has for the file (open(2)).
            os.link(f"/proc/self/fd/{descriptor}", _NEW, src_dir_fd=descriptor)
        os.replace(_NEW, records.path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(_NEW)
        raise KernelRefused(f"File '{records.path}' could not be written: {error.strerror}.") from error


def remove(path: str) -> None:
    """Remove the file at PATH, if it exists.

    :raises KernelRefused: if it cannot be removed
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise KernelRefused(f"File '{path}' could not be removed: {error.strerror}.") from error


def remove_unfinished() -> None:
    """Remove the file that a run has not finished, if there is one."""
    with suppress(FileNotFoundError):
        os.unlink(_NEW)


def are_loaded() -> bool:
    """Say whether the server has read the files since the last was added, removed or changed."""
    try:
        changed, loaded = os.stat(RECORDS).st_mtime_ns, os.stat(PID).st_mtime_ns
    except FileNotFoundError:
        return False
    # A server that systemd has restarted writes its pid later. A future time is from before the clock was set back.
    # An unfinished file is about to change something.
    return not os.path.exists(_NEW) and (changed == loaded or changed <= loaded <= time.time_ns())


def note_loaded() -> None:
    """Note that the server has read all files: the file with its pid gets the folder's time of change."""
    # Not the current time: if the clock was set back, the folder would look newer for a long time.
    changed = os.stat(RECORDS).st_mtime_ns
    os.utime(PID, ns=(changed, changed))
