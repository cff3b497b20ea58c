# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is at the other end of a connection."""

from __future__ import annotations

import os
import select
import socket
import struct
from functools import cache
from typing import List, Tuple

_NAMESPACES = ("mnt", "net", "pid")
_CREDENTIALS = struct.Struct("3i")
"""struct ucred of unix(7): pid, user, group."""


def is_ours(connection: socket.socket) -> bool:
    """Say whether the other end of CONNECTION is a process of our own user, root, that sees the same host.

    To a process in other namespaces, another network is the host's, and paths of namespaces lead elsewhere.
    """
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, user, _group = _CREDENTIALS.unpack(credentials)
    try:
        return user == os.geteuid() and _namespaces(str(pid)) == _own_namespaces()
    except OSError:
        return False


@cache
def _own_namespaces() -> List[Tuple[int, int]]:
    """Return the namespaces of the service. Only threads that run the core enter others."""
    return _namespaces("self")


def _namespaces(process: str) -> List[Tuple[int, int]]:
    """Return device and inode of each namespace that the main thread of PROCESS is in."""
    states = [os.stat(f"/proc/{process}/ns/{kind}") for kind in _NAMESPACES]
    return [(state.st_dev, state.st_ino) for state in states]


def has_gone(connection: socket.socket) -> bool:
    """Say whether the other end of CONNECTION is closed, and not only for sending."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(0))
