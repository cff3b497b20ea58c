# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service for container engines, as a process on the stand-in."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import COMMAND

SOCKET = Path("/run/cnm/engines.sock")
PACKAGES = Path("/usr/lib/python3/dist-packages")
LIBRARIES = ("decorator.py", "nftables", "prometheus_client")
"""Of Debian's packages, which only the system's own Python finds."""


class Service:
    """A service that runs now, and listens on SOCKET for PROTOCOL. It gets additional OPTIONS."""

    def __init__(
        self, socket: Path = SOCKET, protocol: str = "engines", *options: str, python: str = sys.executable
    ) -> None:
        self._socket = socket
        listening = f"--{protocol}={socket}"
        self._libraries = tempfile.TemporaryDirectory()
        self.libraries = self._libraries.name
        for name in LIBRARIES:
            os.symlink(PACKAGES / name, f"{self.libraries}/{name}")
        self._process = subprocess.Popen(
            [python, str(COMMAND / "cnm.py"), "serve", listening, *options],
            env={**os.environ, "PYTHONPATH": self.libraries, "MALLOC_ARENA_MAX": "1"},
        )
        self.pid = self._process.pid
        deadline = time.monotonic() + 60
        while not _answers(socket):
            assert self._process.poll() is None and time.monotonic() < deadline, "the service does not start"
            time.sleep(0.01)

    def did_the_last_run(self) -> bool:
        """Return whether the run that held the lock last was the service's."""
        return Path("/var/lib/cnm/lock").read_text() == str(self.pid)

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        self._libraries.cleanup()

    def end(self) -> None:
        """End it as systemd does, unless it was killed."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(60) == 0
            assert not self._socket.exists()
            self._libraries.cleanup()


def _answers(path: Path) -> bool:
    """Return whether somebody listens on the socket at PATH: a killed service leaves it."""
    with socket.socket(socket.AF_UNIX) as attempt:
        return attempt.connect_ex(str(path)) == 0


@contextmanager
def service(*options: str, python: str = sys.executable) -> Iterator[Service]:
    """Let a service run on the host that was entered, during the block, with OPTIONS and the interpreter PYTHON."""
    os.makedirs(SOCKET.parent, 0o700, exist_ok=True)
    made = Service(SOCKET, "engines", *options, python=python)
    try:
        yield made
    finally:
        made.end()
