# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the C library, such as those for namespaces: os.setns and os.unshare need Python 3.12."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x20000
"""Kinds of namespaces: network, mount (sched.h)."""
_MS_BIND, _MS_REC, _MS_SHARED, _MS_SLAVE = 0x1000, 0x4000, 0x100000, 0x80000
_MNT_DETACH, _UMOUNT_NOFOLLOW = 0x2, 0x8
_libc = ctypes.CDLL(None, use_errno=True)


def enter_network(descriptor: int) -> None:
    """Move the calling thread into the network namespace of DESCRIPTOR.

    :raises OSError: if it cannot; so do all functions here that change something on the host
    """
    _call("setns", descriptor, CLONE_NEWNET)


def unshare(kind: int) -> None:
    """Move the calling thread into a new namespace of KIND."""
    _call("unshare", kind)


def bind(source: str, target: str, recursively: bool = False) -> None:
    """Mount the file or folder SOURCE over TARGET, RECURSIVELY with what is mounted below."""
    _mount(source, target, _MS_BIND | (_MS_REC if recursively else 0))


def share_mounts(folder: str) -> None:
    """Make FOLDER, a mount, and all below shared: later mounts appear in all mount namespaces that have it."""
    _mount("", folder, _MS_SHARED | _MS_REC)


def receive_mounts_only() -> None:
    """Let no mount that the calling thread makes appear in the mount namespace that its own was copied from."""
    _mount("", "/", _MS_SLAVE | _MS_REC)


def unmount(path: str) -> None:
    """Unmount what is at PATH, which must not be a symbolic link. It stays usable for processes that use it."""
    _call("umount2", os.fsencode(path), _MNT_DETACH | _UMOUNT_NOFOLLOW)


def give_back_memory() -> None:
    """Give the memory that this process no longer uses back to the kernel, if the C library can (malloc_trim(3))."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


def system_call(number: int, *arguments: object) -> int:
    """Make the system call NUMBER, for which the C library has no function."""
    return _call("syscall", *(ctypes.c_long(each) if isinstance(each, int) else each for each in (number, *arguments)))


def _mount(source: str, target: str, flags: int) -> None:
    _call("mount", os.fsencode(source), os.fsencode(target), b"none", ctypes.c_ulong(flags), None)


def _call(name: str, *arguments: object) -> int:
    result: int = getattr(_libc, name)(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
