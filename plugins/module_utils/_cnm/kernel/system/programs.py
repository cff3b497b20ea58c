# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding and running programs of the host."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import lru_cache
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from ...model.errors import KernelRefused

Run = Callable[[List[str], Optional[str]], Tuple[int, str, str]]
"""Runs a command with an optional text on its standard input; returns its exit status, output and error output."""


_places: Dict[Tuple[str, str], str] = {}
"""Where this process has found programs, by the value of PATH and the name."""


def find(name: str) -> Optional[str]:
    """Return the path of program NAME, also in folders that only root searches; None if it is not installed.

    Empty and relative entries of PATH are skipped, because the current folder may belong to anybody.
    """
    searched = os.environ.get("PATH", "")
    known = _places.get((searched, name))
    if known is not None and os.access(known, os.X_OK):
        return known
    for folder in _folders(searched):
        path = os.path.join(folder, name)
        if _is_program(path):
            _places[(searched, name)] = path
            return path
    return None


def _is_program(path: str) -> bool:
    # Most folders do not have it. shutil.which() asks each of them more questions.
    return os.access(path, os.X_OK) and os.path.isfile(path)


def real_name(path: str) -> str:
    """Return the name of the file that PATH leads to, such as ``xtables-nft-multi``; empty if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return _real_name(path, status.st_dev, status.st_ino)


@lru_cache(maxsize=16)
def _real_name(path: str, _device: int, _inode: int) -> str:
    return os.path.basename(os.path.realpath(path))


@lru_cache(maxsize=1)
def _folders(path: str) -> Sequence[str]:
    """Return the folders to search if PATH is the value of the variable."""
    return list(dict.fromkeys((*filter(os.path.isabs, path.split(os.pathsep)), "/usr/sbin", "/sbin", "/usr/bin")))


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
