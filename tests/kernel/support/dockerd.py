# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A dockerd of the stand-in's own, with one image that has nothing but busybox."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from stand_in import OUTSIDE, Host

FOLDER = Path("/run/docker-beside-us")
IMAGE = "box"
BUSYBOX = "/bin/busybox"
NEEDED = ("dockerd", "docker", "runc", "containerd")
RUNC = Path(__file__).parents[2] / "runc"

needs_docker = pytest.mark.skipif(
    not all(map(shutil.which, NEEDED)) or not os.path.exists(BUSYBOX),
    reason=f"{', '.join(NEEDED)} and {BUSYBOX} are needed: apt install docker.io busybox-static",
)


class Dockerd:
    """A dockerd on HOST, whose folder and socket nobody else sees. It is started and ended while HOST is entered.

    HOSTNAME is the name that its host has for it, by which dockerds on one network of Docker's tell each other apart.
    """

    def __init__(self, host: Host, hostname: str = "") -> None:
        self._host = host
        self._hostname = hostname or platform.node()
        # Groups are the machine's, and processes that start a dockerd at the same time may have the same number.
        self._cgroup = f"cnm-test-{secrets.token_hex(4)}"
        self._daemon: subprocess.Popen[bytes] | None = None
        FOLDER.mkdir()

    @property
    def socket(self) -> str:
        """The path of its socket, by which it is reached from other mount namespaces too."""
        assert self._daemon is not None
        return f"/proc/{self._daemon.pid}/root{FOLDER}/socket"

    @property
    def place(self) -> str:
        """The path of the network namespace of its host."""
        assert self._daemon is not None
        return f"/proc/{self._daemon.pid}/ns/net"

    @property
    def outside(self) -> str:
        """The path of the network namespace of somebody outside of its host."""
        assert self._daemon is not None
        return f"/proc/{self._daemon.pid}/root{OUTSIDE}"

    def command(self, *arguments: str) -> str:
        return self._host.out(["docker", "--host", f"unix://{FOLDER}/socket", *arguments]).strip()

    def start(self, **more: str) -> None:
        """Start it, with MORE options, and wait until it answers."""
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
        with open(FOLDER / "log", "ab") as log:
            self._daemon = subprocess.Popen(
                [*named, *(f"--{name}={value}" for name, value in options.items())], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 120
        while self._host.run(["docker", "--host", options["host"], "version"]).returncode:
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"dockerd does not start: {(FOLDER / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def load_image(self) -> None:
        """Make the image, whose only program is a sleep."""
        root = FOLDER / "root" / "bin"
        root.mkdir(parents=True)
        shutil.copy(BUSYBOX, root / "sleep")
        self._host.out(["tar", "--create", f"--file={FOLDER}/image.tar", f"--directory={FOLDER}/root", "bin"])
        self.command("import", f"{FOLDER}/image.tar", IMAGE)

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(20)
            self._daemon = None

    def end(self) -> None:
        """Stop it and remove what it has left outside of its folder; its containers are gone already."""
        try:
            self.stop()
        finally:
            if self._daemon is not None:
                self._daemon.kill()
                self._daemon.wait()
            for parent in Path("/sys/fs/cgroup").glob(f"*/{self._cgroup}"):
                for folder in (*parent.glob("*"), parent):
                    with suppress(OSError):
                        folder.rmdir()
