# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine's control groups, which a private host shares with it."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path


def unused_name() -> str:
    """Return a name for a group; pids would not do, because private hosts have the same ones."""
    return f"cnm-test-{secrets.token_hex(4)}"


def remove(name: str) -> None:
    """Remove the empty groups called NAME, with those in them."""
    for parent in (*Path("/sys/fs/cgroup").glob(f"*/{name}"), Path("/sys/fs/cgroup", name)):
        for folder in (*sorted(filter(Path.is_dir, parent.rglob("*")), reverse=True), parent):
            with suppress(OSError):
                folder.rmdir()
