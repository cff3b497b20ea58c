# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders and files whose content controls what root does: exact modes whatever the umask, and our own user's only."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Optional

from .model.errors import CnmError

_PRIVATE, _READABLE, _PUBLIC = 0o700, 0o2750, 0o755
"""With the set-group-ID bit, files get the group of their folder. Setting it would need CAP_CHOWN, which the units
that restore networks do not have."""
_OTHERS_WRITE = 0o002


def make_private(path: str, reader: Optional[int] = None) -> None:
    """Create the folder PATH for our own user only; if it exists with a wider mode, narrow the mode.

    :param reader: a group that may also read it
    :raises CnmError: if it is a link, belongs to somebody else, or cannot be created
    """
    mode = _PRIVATE if reader is None else _READABLE
    try:
        with suppress(FileExistsError):
            os.makedirs(path, _PRIVATE)
        status = os.lstat(path)
    except OSError as error:
        raise CnmError(f"The folder '{path}' cannot be made: {error.strerror}.") from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise CnmError(f"'{path}' is not a folder of our own user; nothing can be kept there.")
    if reader is not None and status.st_gid != reader:
        os.chown(path, -1, reader)
    if stat.S_IMODE(status.st_mode) != mode:
        os.chmod(path, mode)


def make_public(path: str) -> None:
    """Create the folder PATH, which everybody may read; if it exists and others may write to it, narrow the mode.

    :raises CnmError: if it belongs neither to us nor to root: its owner could mislead us by links
    """
    # Mostly it exists, and mkdir() takes longer to say so.
    if not os.path.lexists(path):
        with suppress(FileExistsError):
            os.mkdir(path, _PUBLIC)
            os.chmod(path, _PUBLIC)
            return
    status = os.stat(path)
    if status.st_uid not in (0, os.geteuid()):
        raise CnmError(
            f"'{path}' belongs to user {status.st_uid}, who could change what we write there. Change its owner to root."
        )
    if stat.S_ISDIR(status.st_mode) and status.st_mode & _OTHERS_WRITE:
        os.chmod(path, stat.S_IMODE(status.st_mode) & _PUBLIC)


def close_file(path: str) -> None:
    """Make the file PATH private to our own user, if it exists.

    :raises CnmError: if it is not a file, belongs to somebody else, or has a second name
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_nlink > 1:
        raise CnmError(
            f"'{path}' is not a file that belongs to our own user alone. It was left as it is; move it away."
        )
    if status.st_mode & 0o077:
        os.chmod(path, stat.S_IMODE(status.st_mode) & 0o700)


def open_private(path: str) -> int:
    """Return a descriptor for reading PATH, after checking that it is a file of our own user, without blocking.

    :raises OSError: if there is no such file
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    raise PermissionError(errno.EPERM, "it is not a file of our own user", path)


def read_private(path: str) -> bytes:
    """Return the content of PATH, after checking that it is a file of our own user, without blocking.

    :raises OSError: if there is no such file
    """
    # With a buffer and a decoder it would take twice as long, and a run reads several such files.
    with os.fdopen(open_private(path), "rb", buffering=0) as file:
        return file.readall()


def create_private(path: str) -> int:
    """Return a descriptor for writing the new file PATH; whatever has its name is removed."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def write_private(path: str, content: bytes, durable: bool = False) -> None:
    """Replace the file PATH, or create it, for our own user only. If we are killed, it is the old or the new one.

    The new file has a fixed name until it is complete, so runs that are killed leave one such file at most.

    :param durable: whether the content must survive a power failure
    :raises OSError: if it cannot be written; the old file stays
    """
    new = _unfinished(path)
    try:
        with os.fdopen(create_private(new), "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise


def remove_private(path: str) -> None:
    """Remove the file PATH, if it exists, and what a killed write_private() has left.

    :raises OSError: if one of them cannot be removed; ``filename`` says which
    """
    for each in (path, _unfinished(path)):
        with suppress(FileNotFoundError):
            os.unlink(each)


def _unfinished(path: str) -> str:
    return f"{path}.new"
