# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a program of the host is."""

from __future__ import annotations

import os
import shutil
from typing import Callable, List, Optional, Tuple

Run = Callable[[List[str], Optional[str]], Tuple[int, str, str]]
"""Runs a program with an optional text on its standard input; returns its code, output and error output."""


def find(name: str) -> Optional[str]:
    """Return the path of program NAME, also from where only root looks for programs; None if there is none.

    The current folder, which an empty or relative entry of PATH means, may be anybody's.
    """
    folders = filter(os.path.isabs, os.environ.get("PATH", "").split(os.pathsep))
    return shutil.which(name, path=os.pathsep.join((*folders, "/usr/sbin", "/sbin", "/usr/bin")))
