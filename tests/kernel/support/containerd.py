# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A containerd of the stand-in's own, whose containers have nothing but busybox."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import busybox
import cgroups
import pytest
from dockerd import RUNC
from engine import COMMAND
from needed import BUSYBOX, needs
from stand_in import Host

FOLDER = Path("/run/containerd-of-test")
_PLUGINS, _CONFIGURATIONS = Path("/opt/cni/bin"), Path("/etc/cni/net.d")
"""Where ctr looks for plugins and networks; it has no option for either."""
_CONFIG = f"""\
version = 2
root = "{FOLDER}/data"
state = "{FOLDER}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{FOLDER}/socket"
"""

needs_containerd = needs("containerd runc busybox-static", "containerd", "ctr", "runc", BUSYBOX)


class Containerd:
    """A containerd on HOST, whose containers are on NETWORK of ours. It is started and ended while HOST is entered."""

    def __init__(self, host: Host, network: str) -> None:
        self._host = host
        self._cgroup = cgroups.unused_name()
        self._daemon: subprocess.Popen[bytes] | None = None
        self._root = busybox.files(FOLDER / "root")
        host.out(["mount", "-t", "tmpfs", "tmpfs", "/opt"])
        _PLUGINS.mkdir(parents=True)
        (_PLUGINS / "cnm").symlink_to(COMMAND / "cnm-cni")
        _CONFIGURATIONS.mkdir(parents=True, exist_ok=True)
        listed: dict[str, Any] = {"cniVersion": "1.0.0", "name": network, "plugins": [{"type": "cnm"}]}
        (_CONFIGURATIONS / "00-cnm.conflist").write_text(json.dumps(listed))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        (FOLDER / "config.toml").write_text(_CONFIG)
        with open(FOLDER / "log", "ab") as log:
            self._daemon = subprocess.Popen(["containerd", f"--config={FOLDER}/config.toml"], stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while self._host.run([*self._ctr(), "version"]).returncode:
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"containerd does not start: {(FOLDER / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    @staticmethod
    def _ctr() -> list[str]:
        return ["ctr", "--address", f"{FOLDER}/socket"]

    def _run(self, name: str, program: str, *arguments: str) -> list[str]:
        resolver = FOLDER / "resolv.conf"
        options = ["--rm", "--cni", "--rootfs", "--runc-binary", str(RUNC), "--cgroup", f"/{self._cgroup}/{name}"]
        if resolver.exists():
            options += ["--mount", f"type=bind,src={resolver},dst=/etc/resolv.conf,options=rbind:ro"]
        return [*self._ctr(), "run", *options, str(self._root), name, f"/bin/{program}", *arguments]

    def resolve_at(self, server: str) -> None:
        """Let later containers ask SERVER for names."""
        (FOLDER / "resolv.conf").write_text(f"nameserver {server}\n")

    def out(self, name: str, *program: str) -> str:
        """Return what PROGRAM prints in the container NAME, which is removed then."""
        return self._host.out(self._run(name, *program))

    @contextmanager
    def container(self, name: str, *program: str) -> Iterator[None]:
        """Let PROGRAM run in the container NAME during the block; it is killed then, and the container removed."""
        process = subprocess.Popen(self._run(name, *program), stdin=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while "RUNNING" not in self._host.run([*self._ctr(), "task", "ls"]).stdout:
                assert process.poll() is None and time.monotonic() < deadline, f"container '{name}' does not start"
                time.sleep(0.05)
            yield
        finally:
            self._host.run([*self._ctr(), "task", "kill", "--signal", "9", name])
            process.wait(60)

    def end(self) -> None:
        """Stop it, and remove what it has left outside of its folder."""
        if self._daemon is not None:
            self._daemon.terminate()
            try:
                self._daemon.wait(20)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait()
        cgroups.remove(self._cgroup)
