# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notices that a run has changed the store, whichever process that was in."""

from __future__ import annotations

import os
from typing import Optional, Tuple

from _cnm.kernel.tentative import PATH
from _cnm.store import schema

_State = Optional[Tuple[int, ...]]


class StoreChanges:
    """Looks at the files of the store. To keep the store open would make each run check all of it."""

    def __init__(self, folder: str) -> None:
        """Look at the store in FOLDER."""
        path = schema.path(folder)
        # Whether an endpoint has given way is not in the store.
        self._paths = (path, f"{path}-wal", PATH)
        self._seen: Tuple[_State, ...] = ()
        self._again = True

    def happened(self) -> bool:
        """Say whether something may have been committed since the last call.

        What is committed while the caller then reads the store is noticed by the next call.
        """
        states = tuple(map(_state, self._paths))
        changed, self._seen = states != self._seen, states
        # Two changes within one tick of the kernel's clock can look like one.
        again, self._again = self._again, changed
        return changed or again


def _state(path: str) -> _State:
    try:
        status = os.stat(path)
    except OSError:
        return None
    # Whoever reads the store makes an empty file beside it for a moment.
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns) if status.st_size else None
