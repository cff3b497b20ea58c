# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders and files whose content decides what root does: exact modes, whatever the umask, and nobody else's."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Optional

from .model.errors import CnmError

_PRIVATE, _READABLE, _PUBLIC = 0o700, 0o2750, 0o755
"""With the set-group-ID bit, files get the group of the folder that they are made in; to give it to them would take
CAP_CHOWN, which the units that restore networks do not have."""
_OTHERS_WRITE = 0o002


def make_private(path: str, reader: Optional[int] = None) -> None:
    """Make the folder PATH for our own user alone; one that is open to others is closed.

    :param reader: a group that may look into it, too
    :raises CnmError: if it is a link, or somebody else's, or cannot be made
    """
    mode = _PRIVATE if reader is None else _READABLE
    try:
        with suppress(FileExistsError):
            os.makedirs(path, _PRIVATE)
        found = os.lstat(path)
    except OSError as error:
        raise CnmError(f"The folder '{path}' cannot be made: {error.strerror}.") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise CnmError(f"'{path}' is not a folder of our own user; nothing can be kept there.")
    if reader is not None and found.st_gid != reader:
        os.chown(path, -1, reader)
    if stat.S_IMODE(found.st_mode) != mode:
        os.chmod(path, mode)


def make_public(path: str) -> None:
    """Make the folder PATH, which all may look into; one in which everybody may write is closed to them.

    :raises CnmError: if it is neither ours nor root's: its owner could lead us elsewhere by links
    """
    try:
        os.mkdir(path, _PUBLIC)
    except FileExistsError:
        found = os.stat(path)
        if found.st_uid not in (0, os.geteuid()):
            raise CnmError(
                f"'{path}' belongs to user {found.st_uid}, who could change what we write there. Change its owner to "
                "root."
            ) from None
        if stat.S_ISDIR(found.st_mode) and found.st_mode & _OTHERS_WRITE:
            os.chmod(path, stat.S_IMODE(found.st_mode) & _PUBLIC)
        return
    os.chmod(path, _PUBLIC)


def close_file(path: str) -> None:
    """Give the file PATH, if there is one, to our own user alone.

    :raises CnmError: if it is no file, somebody else's, or known by another name too
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink > 1:
        raise CnmError(f"'{path}' is not a file of our own user alone. It was left as it is; move it away.")
    if found.st_mode & 0o077:
        os.chmod(path, stat.S_IMODE(found.st_mode) & 0o700)


def open_private(path: str) -> int:
    """Return a descriptor for reading PATH, which nobody else can have put there, and which does not block.

    :raises OSError: if there is no such file
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    raise PermissionError(errno.EPERM, "it is not a file of our own user", path)


def create_private(path: str) -> int:
    """Return a descriptor for writing the new file PATH; whatever has its name goes."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
