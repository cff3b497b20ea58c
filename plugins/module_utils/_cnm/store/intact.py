# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of stores that this process has left intact. While they stay the same, it need not check them again.

A check reads the whole store. A service would do that for each request.
"""

from __future__ import annotations

import os
from typing import Dict, Optional, Tuple

State = Tuple[int, int, int, int, int]
"""Device, inode, size, and times of change, in nanoseconds. Nobody can set the last one."""
_BESIDE = ("-wal", "-journal")
"""What SQLite appends to the name of a file for its changes that are not in it yet."""

_left: Dict[str, State] = {}
"""The states in which this process has left files, by path."""


class OpenFile:
    """A store's file from before it is opened until after it is closed."""

    def __init__(self, path: str, in_use: bool = False) -> None:
        """Look at the file at PATH, before SQLite makes files beside it.

        :param in_use: whether this process has it open already, and knows that it is intact
        """
        self._path = path
        self._opened = state_of(path) if in_use or _is_whole(path) else None

    @property
    def identity(self) -> Optional[Tuple[int, int]]:
        """Its device and its inode; None if it does not exist."""
        state = state_of(self._path)
        return state[:2] if state is not None else None

    @property
    def is_intact(self) -> bool:
        """Whether the file is as this process has left it."""
        return self._opened is not None and _left.get(self._path) == self._opened

    def is_unchanged(self) -> bool:
        """Say whether nobody has written to the file since it was opened. SQLite writes to it when it is closed."""
        return self._opened is not None and state_of(self._path) == self._opened

    def leave(self) -> None:
        """Note that it was intact when it was opened, that only SQLite has changed it, and that it is closed now."""
        state = state_of(self._path)
        if state is not None and _is_whole(self._path):
            _left[self._path] = state


def _is_whole(path: str) -> bool:
    """Say whether all changes are in the file at PATH itself, as they are while no process has it open."""
    return not any(os.path.lexists(path + suffix) for suffix in _BESIDE)


def state_of(path: str) -> Optional[State]:
    """Return the state of the file at PATH; None if there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
