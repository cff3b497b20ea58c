# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host this is, and which boot of it."""

from __future__ import annotations

import os
from functools import cache


@cache
def machine_id() -> str:
    """Return an identity of this host (machine-id(5)), or its name if it has none."""
    try:
        with open("/etc/machine-id", encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip() or os.uname().nodename
    except OSError:
        return os.uname().nodename


@cache
def boot_id() -> str:
    """Return an identity of this boot, which no process outlives; empty if the kernel does not tell it."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
