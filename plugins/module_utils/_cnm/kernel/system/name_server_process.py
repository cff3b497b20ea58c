# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process of the host's name server: which one it is, and at which addresses it answers."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import AbstractSet, Dict, List, Optional, Set

from ...private_files import create_private, read_private
from ...resources.dns import RECORDS
from . import listeners

NAME = "aardvark-dns"
PORT = 53
USER = 61153
"""ID of the user and group that the server runs as; neither systemd nor Debian assigns this number."""
PID = f"{RECORDS}/aardvark.pid"
"""The file in which the server writes its pid."""


def pid() -> Optional[int]:
    """Return the pid of the server; None if none runs."""
    try:
        noted = int(read_private(PID))
    except (OSError, ValueError):
        noted = 0
    if _is_server(noted):
        return noted
    # The file may be lost, or from a killed server, or not yet written by one that an interrupted run has started.
    running = map(int, filter(str.isdecimal, names_in("/proc"))) if os.path.exists(RECORDS) else ()
    # The server starts as the child of a process that runs the same program.
    return max(filter(_is_server, running), default=None)


def note(server: Optional[int]) -> None:
    """Write the pid of a SERVER whose file is lost; without SERVER, create the file for one that starts."""
    descriptor = create_private(PID)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        # A new file in the folder has the folder's group, which is the server's.
        os.fchmod(descriptor, 0o660)
        file.write(str(server or ""))


def sockets() -> AbstractSet[int]:
    """Return the inodes of the server's sockets; empty if it does not run.

    It writes its pid before it opens sockets (create_pid() in aardvark-dns 1.4, commands/run.rs).
    """
    return _inodes(pid())


def addresses(server: Optional[int]) -> Dict[str, int]:
    """Return the addresses at which the process SERVER, a pid, answers, with the inodes of its sockets."""
    own = _inodes(server)
    if not own:
        return {}
    return {
        str(listener.address): listener.inode
        for listener in listeners.listening(("udp",))
        if listener.port == PORT and listener.inode in own
    }


def names_in(folder: str) -> List[str]:
    """Return the names in FOLDER; empty if it does not exist."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, ProcessLookupError):
        return []


def _is_server(candidate: int) -> bool:
    """Say whether the process CANDIDATE, a pid, is the name server of this host, and not of a container on it.

    Its user decides: any other user can run the same program with the same arguments.
    """
    try:
        with open(f"/proc/{candidate}/status", encoding="utf-8", errors="replace") as status:
            users = next(line for line in status if line.startswith("Uid:")).split()[1:]
        if set(users) != {str(USER)}:
            return False
        # The kernel adds a word if the program was replaced by a newer version.
        executable = os.path.basename(os.readlink(f"/proc/{candidate}/exe")).split(" ")[0]
        return executable == NAME and os.path.samefile(f"/proc/{candidate}/ns/net", "/proc/thread-self/ns/net")
    except OSError:
        return False


def _inodes(server: Optional[int]) -> Set[int]:
    """Return the inodes of the sockets of the process SERVER, a pid."""
    inodes: Set[int] = set()
    for name in names_in(f"/proc/{server}/fd") if server is not None else ():
        with suppress(OSError):
            target = os.readlink(f"/proc/{server}/fd/{name}")
            if target.startswith("socket:["):
                inodes.add(int(target[8:-1]))
    return inodes
