# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A dockerd on the stand-in for a host, with one image that contains only busybox."""

from __future__ import annotations

import platform
import shutil
import subprocess
import time
from pathlib import Path

import cgroups
import pytest
from needed import BUSYBOX, needs
from stand_in import OUTSIDE, Host

FOLDER = Path("/run/docker-beside-us")
IMAGE = "box"
NEEDED = ("dockerd", "docker", "runc", "containerd", BUSYBOX)
LATE = "timeout waiting for containerd to start"
"""Why dockerd ends when its containerd takes more than 15 seconds, as it may in an emulated machine."""
RUNC = Path(__file__).parents[2] / "runc"

needs_docker = needs("docker.io busybox-static", *NEEDED)


class Dockerd:
    """A dockerd on HOST, with a private folder and socket. Start and stop it while in HOST's namespaces.

    HOSTNAME is the name of its host. Daemons on one of Docker's networks tell each other apart by it.
    """

    def __init__(self, host: Host, hostname: str = "") -> None:
        self._host = host
        self._hostname = hostname or platform.node()
        self._cgroup = cgroups.unused_name()
        self._daemon: subprocess.Popen[bytes] | None = None
        FOLDER.mkdir()

    @property
    def socket(self) -> str:
        """The path of its socket, which is also valid in other mount namespaces."""
        assert self._daemon is not None
        return f"/proc/{self._daemon.pid}/root{FOLDER}/socket"

    @property
    def place(self) -> str:
        """The path of its host's network namespace."""
        assert self._daemon is not None
        return f"/proc/{self._daemon.pid}/ns/net"

    @property
    def outside(self) -> str:
        """The path of the network namespace outside its host."""
        assert self._daemon is not None
        return f"/proc/{self._daemon.pid}/root{OUTSIDE}"

    @staticmethod
    def argv(*arguments: str) -> list[str]:
        """Return the program docker with ARGUMENTS and its own."""
        return ["docker", "--host", f"unix://{FOLDER}/socket", *arguments]

    def command(self, *arguments: str) -> str:
        return self._host.out(self.argv(*arguments)).strip()

    def start(self, **more: str) -> None:
        """Start dockerd with the additional options MORE, and wait until it answers."""
        named = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec dockerd "$@"', self._hostname)
        options = {
            "data-root": FOLDER / "data",
            "exec-root": FOLDER / "exec",
            "host": f"unix://{FOLDER}/socket",
            "pidfile": FOLDER / "pid",
            "storage-driver": "vfs",
            "cgroup-parent": f"/{self._cgroup}",
            "add-runtime": f"here={RUNC}",
            "default-runtime": "here",
            **more,
        }
        argv = [*named, *(f"--{name}={value}" for name, value in options.items())]
        self._launch(argv)
        deadline = time.monotonic() + 120
        # The program docker takes long in an emulated machine.
        socket = FOLDER / "socket"
        while not socket.exists() or self._host.run(["docker", "--host", options["host"], "version"]).returncode:
            ended = self._daemon is not None and self._daemon.poll() is not None
            log = (FOLDER / "log").read_text()
            if time.monotonic() > deadline or (ended and LATE not in log):
                pytest.fail(f"dockerd does not start: {log[-2000:]}")
            if ended:
                self._launch(argv)
            time.sleep(0.05)

    def _launch(self, argv: list[str]) -> None:
        with open(FOLDER / "log", "wb") as log:
            self._daemon = subprocess.Popen(argv, stdout=log, stderr=log)

    def load_image(self, *programs: str) -> None:
        """Create the image. Its only programs are sleep, and PROGRAMS of busybox."""
        root = FOLDER / "root" / "bin"
        root.mkdir(parents=True)
        shutil.copy(BUSYBOX, root / "sleep")
        for name in programs:
            (root / name).symlink_to("sleep")
        self._host.out(["tar", "--create", f"--file={FOLDER}/image.tar", f"--directory={FOLDER}/root", "bin"])
        self.command("import", f"{FOLDER}/image.tar", IMAGE)

    def kill(self) -> None:
        """Kill dockerd, which leaves its containers running."""
        assert self._daemon is not None
        self._daemon.kill()
        self._daemon.wait()
        self._daemon = None

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(20)
            self._daemon = None

    def end(self) -> None:
        """Stop dockerd and remove what it left outside its folder. Its containers must have been removed."""
        try:
            self.stop()
        finally:
            if self._daemon is not None:
                self._daemon.kill()
                self._daemon.wait()
            cgroups.remove(self._cgroup)
