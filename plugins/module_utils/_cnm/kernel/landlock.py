# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Landlock: which files a thread and the programs that it runs may change (landlock(7))."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import Iterable

from .system_calls import system_call

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of the system calls (asm-generic/unistd.h)."""
_ASK_VERSION, _PATH_BENEATH = 1, 1
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_CHANGE_FOLDER = 0x1FF0
"""The rights to remove and create entries of every kind (linux/landlock.h)."""
_HAS_TRUNCATE = 3
"""The first version of the interface with the right to truncate."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("descriptor", ctypes.c_int32))


def write_only_to(paths: Iterable[str]) -> None:
    """Let the calling thread, and what it runs from now on, change no files except PATHS.

    Without effect if the kernel has no Landlock, which came with Linux 5.13, or if it is switched off.
    """
    try:
        version = system_call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return
    writing = _WRITE_FILE | (_TRUNCATE if version >= _HAS_TRUNCATE else 0)
    ruleset = _Ruleset(writing | _CHANGE_FOLDER)
    rules = system_call(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
    try:
        for path in paths:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                rule = _PathBeneath(writing, descriptor)
                system_call(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(rule), 0)
            finally:
                os.close(descriptor)
        # A container's root may lack the right to do this.
        with suppress(PermissionError):
            system_call(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)
