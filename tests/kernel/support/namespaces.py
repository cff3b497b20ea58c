# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network and mount namespaces of the calling thread."""

from __future__ import annotations

import ctypes
import os
from contextlib import contextmanager
from typing import Iterator

NEWNS, NEWNET = 0x20000, 0x40000000
_FS = 0x200
_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Call the function NAME of the C library.

    :raises OSError: if it fails
    """
    if getattr(_libc, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def have_own() -> None:
    """Move this thread into network and mount namespaces of its own."""
    call("unshare", NEWNS | NEWNET)


class Place:
    """A pair of network and mount namespaces: those that this thread is in when it creates the object."""

    def __init__(self) -> None:
        self.mounts, self.network = (
            os.open(f"/proc/thread-self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in ("mnt", "net")
        )

    def enter(self) -> None:
        # setns(2) refuses a thread that shares its working directory with another thread, even if that one has been
        # joined and is about to end.
        call("unshare", _FS)
        call("setns", self.mounts, NEWNS)
        call("setns", self.network, NEWNET)

    @contextmanager
    def here(self) -> Iterator[None]:
        """Run the block in these namespaces."""
        back = Place()
        self.enter()
        try:
            yield
        finally:
            back.enter()
            back.close()

    def close(self) -> None:
        os.close(self.mounts)
        os.close(self.network)
