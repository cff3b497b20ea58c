# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether systemd runs the host."""

from __future__ import annotations

import os

BOOTED = "/run/systemd/system"
"""This folder exists if systemd is process 1 (sd_booted(3))."""


def is_booted() -> bool:
    """Say whether systemd is process 1."""
    return os.path.isdir(BOOTED)


def starts_here() -> bool:
    """Say whether services of systemd run in our own network namespace."""
    try:
        return is_booted() and os.path.samefile("/proc/1/ns/net", "/proc/thread-self/ns/net")
    except OSError:
        return False
