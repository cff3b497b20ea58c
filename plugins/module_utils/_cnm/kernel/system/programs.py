# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding and running programs of the host."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Callable, Iterator, List, Optional, Tuple

from ...model.errors import KernelRefused

Run = Callable[[List[str], Optional[str]], Tuple[int, str, str]]
"""Runs a command with an optional text on its standard input; returns its exit status, output and error output."""


def find(name: str) -> Optional[str]:
    """Return the path of program NAME, also in folders that only root searches; None if it is not installed.

    Empty and relative entries of PATH are skipped, because the current folder may belong to anybody.
    """
    folders = filter(os.path.isabs, os.environ.get("PATH", "").split(os.pathsep))
    for folder in (*folders, "/usr/sbin", "/sbin", "/usr/bin"):
        path = os.path.join(folder, name)
        # Most folders do not have it. shutil.which() asks each of them more questions.
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn errors in the block, which reads JSON, into a message that begins with WHAT.

    :raises KernelRefused: if the block cannot read the JSON
    """
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise KernelRefused(
            f"{what} in a form other than its JSON; an nft built with JSON support is needed."
        ) from error
