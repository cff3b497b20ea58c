# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads that do not prevent this process from entering a mount namespace.

setns(2) refuses this to a thread that shares its working directory with another one, even if the other one has been
joined and is about to end.
"""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor

_CLONE_FS = 0x200
_libc = ctypes.CDLL(None, use_errno=True)


def threads(at_most: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(at_most, initializer=_have_own_directory)


def _have_own_directory() -> None:
    if _libc.unshare(_CLONE_FS) == -1:
        raise OSError(ctypes.get_errno(), f"unshare: {os.strerror(ctypes.get_errno())}")
