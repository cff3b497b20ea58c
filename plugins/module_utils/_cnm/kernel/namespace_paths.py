# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files on which network namespaces are mounted, such as those in /run/netns."""

from __future__ import annotations

import errno
import os
import stat

from ..model.errors import Conflict
from ..private_files import make_public
from . import ownership, system_calls


def share(folder: str) -> None:
    """Make FOLDER a shared mount, so that mounts in it appear in all mount namespaces that have it.

    :raises OSError: if that is refused
    """
    make_public(folder)
    try:
        system_calls.share_mounts(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # Only a mount can be shared.
        system_calls.bind(folder, folder, recursively=True)
        system_calls.share_mounts(folder)


def prepare(path: str) -> None:
    """Create the file on which a namespace is mounted, or reuse an empty one left over from an interrupted run.

    :raises Conflict: if something else is at PATH
    """
    flags = os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        os.close(os.open(path, flags, 0o444))
    except FileExistsError:
        if not is_left_over(path):
            raise Conflict(
                f"The network namespace cannot be created: something else is at '{path}'. Move it away."
            ) from None


def is_left_over(path: str) -> bool:
    """Say whether PATH is left over from an interrupted run, or from somebody who unmounted a namespace of ours.

    Then it is an empty file on which nothing is mounted, or only our note about the namespace remains.
    """
    try:
        status = os.lstat(path)
        folder = os.lstat(os.path.dirname(path))
    except FileNotFoundError:
        return ownership.is_noted(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == 0 and status.st_dev == folder.st_dev
