# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mounts that only the calling thread and its children see, for a program in a sandbox."""

from __future__ import annotations

from typing import Sequence, Tuple

from ..model.errors import KernelRefused
from . import system_calls


def bind(files: Sequence[Tuple[str, str]]) -> None:
    """Mount, for the calling thread only, the first of each pair of FILES over the second.

    :raises KernelRefused: if that is refused
    """
    try:
        system_calls.unshare(system_calls.CLONE_NEWNS)
        system_calls.receive_mounts_only()
        for source, target in files:
            system_calls.bind(source, target)
    except OSError as error:
        raise KernelRefused(f"The files of the sandbox could not be mounted: {error.strerror}.") from error
