# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the service listens: on sockets that systemd hands over, or at the places that options name."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from typing import Collection, Dict, List, Mapping

from cnm_command.errors import Failure

from . import loopback

METRICS = "metrics"
_FIRST = 3
"""The first descriptor that systemd hands over (sd_listen_fds(3))."""


class Listeners:
    """The sockets that a service listens on, each with the name of the protocol that is spoken there."""

    def __init__(self, protocols: Collection[str], paths: Mapping[str, str], required: bool = True) -> None:
        """Listen for PROTOCOLS at PATHS, by protocol. Without any, systemd's sockets are used.

        For metrics, the path may also be an address and a port.

        :param required: whether there has to be a socket
        :raises Failure: if there is no socket, or if one cannot be used
        """
        self._made: List[str] = []
        self.sockets: Dict[socket.socket, str] = {}
        if not paths and (required or _are_handed_over()):
            self.sockets = _handed_over(protocols)
        try:
            for name, path in paths.items():
                is_path = name != METRICS or path.startswith("/")
                self.sockets[self.bound(path) if is_path else loopback.listener(path)] = name
            for each, name in self.sockets.items():
                loopback.check(each, name)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Listen no longer, and remove the sockets that systemd did not make."""
        for each in self.sockets:
            each.close()
        for path in self._made:
            with suppress(OSError):
                os.unlink(path)

    def bound(self, path: str, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """Return a new socket at PATH, which close() removes.

        :param kind: SOCK_STREAM, or SOCK_DGRAM
        :raises Failure: if it cannot be made
        """
        made = socket.socket(socket.AF_UNIX, kind)
        try:
            _remove_abandoned(path, kind)
            # The file has its mode from the beginning, so that nobody else can connect.
            before = os.umask(0o177)
            try:
                made.bind(path)
            finally:
                os.umask(before)
            self._made.append(path)
            if kind == socket.SOCK_STREAM:
                made.listen(socket.SOMAXCONN)
        except OSError as error:
            made.close()
            raise Failure(f"the socket '{path}' cannot be made: {error.strerror or error}.") from error
        return made


def _remove_abandoned(path: str, kind: int) -> None:
    """Remove the socket at PATH if nobody listens there, as after a kill."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX, kind) as attempt:
            try:
                attempt.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)


def _are_handed_over() -> bool:
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS", "0") != "0"


def _handed_over(protocols: Collection[str]) -> Dict[socket.socket, str]:
    """Return the sockets that systemd hands over, with the protocol that the name of each says.

    :raises Failure: if there is none, or if one has another name
    """
    if not _are_handed_over():
        options = " or ".join(f"--{name} PATH" for name in protocols)
        raise Failure(f"there is no socket to listen on: systemd has handed over none. Name one with {options}.")
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    wrong = set(names) - set(protocols)
    if wrong:
        raise Failure(
            f"systemd's socket '{min(wrong)}' is for no known protocol. FileDescriptorName= has to be one of "
            f"{', '.join(protocols)}."
        )
    count = int(os.environ["LISTEN_FDS"])
    sockets: Dict[socket.socket, str] = {}
    for descriptor, name in enumerate(names[:count], _FIRST):
        os.set_inheritable(descriptor, False)
        sockets[socket.socket(fileno=descriptor)] = name
    # The programs that we run get our environment.
    for variable in ("LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID"):
        os.environ.pop(variable, None)
    return sockets
