# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a container that has nothing but busybox."""

from __future__ import annotations

import shutil
from pathlib import Path

from needed import BUSYBOX

_PROGRAMS = ("cat", "httpd", "ping", "sh", "wget")
_FOLDERS = ("bin", "dev", "etc", "proc", "run", "sys", "tmp")


def files(root: Path) -> Path:
    """Make the files below ROOT; return ROOT."""
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True)
    for name in _PROGRAMS:
        shutil.copy(BUSYBOX, root / "bin" / name)
    (root / "etc" / "resolv.conf").touch()
    return root
