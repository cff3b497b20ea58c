# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a program of the host is."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import Callable, Iterator, List, Optional, Tuple

from ...model.errors import KernelRefused

Run = Callable[[List[str], Optional[str]], Tuple[int, str, str]]
"""Runs a program with an optional text on its standard input; returns its code, output and error output."""


def find(name: str) -> Optional[str]:
    """Return the path of program NAME, also from where only root looks for programs; None if there is none.

    The current folder, which an empty or relative entry of PATH means, may be anybody's.
    """
    folders = filter(os.path.isabs, os.environ.get("PATH", "").split(os.pathsep))
    return shutil.which(name, path=os.pathsep.join((*folders, "/usr/sbin", "/sbin", "/usr/bin")))


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Refuse, in a sentence that begins with WHAT, an answer in JSON which the block does not understand.

    :raises KernelRefused: if it does not
    """
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise KernelRefused(
            f"{what} in a form other than its JSON; an nft built with JSON support is needed."
        ) from error
