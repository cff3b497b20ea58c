# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which network namespaces are ours: a note for each, a symbolic link in a folder that only root can access.

A mark inside the namespace would not be safe, because programs in it can change everything there. The note holds
something that they cannot change: the kernel's unique number of the namespace.
"""

from __future__ import annotations

import os
from contextlib import suppress

from ..private_files import make_private

_FOLDER = "/run/cnm"
"""In /run, because namespaces do not outlive the kernel either."""


def prepare() -> None:
    """Make the folder."""
    make_private(_FOLDER)


def note(path: str, identity: str) -> None:
    """Note that the namespace with IDENTITY, which is about to be at PATH, is ours."""
    with suppress(FileNotFoundError):
        os.unlink(_place(path))
    os.symlink(identity, _place(path))


def is_ours(path: str, identity: str) -> bool:
    """Say whether we have made the namespace with IDENTITY for PATH."""
    try:
        return os.readlink(_place(path)) == identity
    except OSError:
        return False


def is_noted(path: str) -> bool:
    """Say whether we have made a namespace for PATH, which may be gone by now."""
    return os.path.lexists(_place(path))


def forget(path: str) -> None:
    """Note that PATH is no longer a namespace of ours."""
    with suppress(FileNotFoundError):
        os.unlink(_place(path))


def _place(path: str) -> str:
    return f"{_FOLDER}/namespace{path.replace('/', ':')}"
