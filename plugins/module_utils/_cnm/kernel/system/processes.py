# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that we start: whether they have ended, and what confines them."""

from __future__ import annotations

import os
import time
from typing import Callable, Iterable, List, Tuple

from .programs import Run

_PATIENCE = 3.0
"""Seconds to wait for a process."""
_HIDDEN = (
    "/etc/cnm",
    "/etc/netns",
    "/run/cnm",
    "/run/dbus",
    "/run/netns",
    "/run/systemd/notify",
    "/run/systemd/private",
    "/run/systemd/userdb",
    "/var/cache/cnm",
    "/var/lib/cnm",
    "/var/lib/cnm-host",
)
"""What they do not see of the host under systemd. They need the socket of the journal for their logs."""
CONFINED = (
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "NoNewPrivileges=yes",
    "PrivateDevices=yes",
    "PrivateTmp=yes",
    "ProcSubset=pid",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHome=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProtectSystem=strict",
    *(f"InaccessiblePaths=-{path}" for path in _HIDDEN),
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@resources",
    "UMask=0077",
)
"""Properties of their units that confine them (systemd.exec(5))."""


def has_ended(pid: int) -> bool:
    """Say whether the process PID, or its first thread, has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "XZ"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(holds: Callable[[], bool], seconds: float = _PATIENCE) -> bool:
    """Wait until HOLDS returns true, for SECONDS at most, and say whether it did."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def run_confined(run: Run, command: List[str], paths: Iterable[str]) -> Tuple[int, str, str]:
    """Run COMMAND, which may change no files but those at PATHS, even if systemd does not confine it."""
    from concurrent.futures import ThreadPoolExecutor

    from ..landlock import write_only_to

    with ThreadPoolExecutor(1) as thread:
        thread.submit(write_only_to, (*paths, os.devnull)).result()
        return thread.submit(run, command, None).result()
