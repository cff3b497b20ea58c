# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the compiled copy of the core from which later tasks load it; `loader` has the reasons and the form."""

from __future__ import annotations

import marshal
import os
import zlib
from contextlib import suppress

from .loader import CHECKSUM, FOLDER, Loader, installed, only_root_writes
from .private_files import create_private

KEPT = 4
"""How many copies a host keeps: of several versions of the core, or for several Pythons."""


def keep(whole: bool = False) -> None:
    """Write the copy if this process has added to it. It only saves time, so a failure is silent.

    A folder that others may have written to is not used, because they may have put links into it.

    :param whole: whether to compile the files that no task has used yet, too
    """
    loader = installed()
    if loader is None:
        return
    if whole:
        for name in loader.files:
            loader.get_code(name)
    if not loader.grown:
        return
    with suppress(OSError):
        if only_root_writes(os.path.dirname(FOLDER)):
            with suppress(FileExistsError):
                os.mkdir(FOLDER, 0o700)
            if only_root_writes(FOLDER):
                _write(loader)
                _remove_old()


def _write(loader: Loader) -> None:
    data = marshal.dumps(loader.copy)
    # Each run writes a file of its own, which takes the place in one step.
    growing = f"{loader.path}.{os.getpid()}"
    try:
        with open(create_private(growing), "wb") as file:
            file.write(zlib.crc32(data).to_bytes(CHECKSUM, "big") + data)
        os.rename(growing, loader.path)
    except OSError:
        with suppress(OSError):
            os.unlink(growing)
        raise


def _remove_old() -> None:
    paths = [os.path.join(FOLDER, name) for name in os.listdir(FOLDER)]
    for path in sorted(paths, key=lambda path: os.lstat(path).st_mtime)[:-KEPT]:
        os.unlink(path)
