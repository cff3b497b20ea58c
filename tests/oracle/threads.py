# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads that do not keep this process from entering a mount namespace.

setns(2) refuses that to a thread whose working directory another one shares, also one that is joined and about to end.
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
