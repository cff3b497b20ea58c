# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Podman with one of its network backends, and folders of the stand-in's own."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import busybox
import cgroups
from dockerd import RUNC
from engine import COMMAND
from needed import BUSYBOX, needs
from stand_in import Host

FOLDER = Path("/run/podman-of-test")
_CONTAINERS = """\
[network]
network_backend = "{backend}"
cni_plugin_dirs = ["{folder}/plugins"]
network_config_dir = "{folder}/networks"
[engine]
conmon_path = ["{conmon}"]
runtime = "here"
cgroup_manager = "cgroupfs"
events_logger = "file"
[engine.runtimes]
here = ["{runc}"]
"""
needs_podman = needs("podman runc busybox-static", "podman", "conmon", "runc", BUSYBOX)


class Podman:
    """Podman on HOST, whose containers are on NETWORK: one of ours, or with BACKEND ``netavark`` one of Podman's."""

    def __init__(self, host: Host, network: str, backend: str = "cni") -> None:
        self._host = host
        self._network = network
        self._cgroup = cgroups.unused_name()
        self._folder = FOLDER / backend
        for name in ("plugins", "networks"):
            (self._folder / name).mkdir(parents=True)
        if backend == "cni":
            (self._folder / "plugins" / "cnm").symlink_to(COMMAND / "cnm-cni")
            plugin = {"type": "cnm", "capabilities": {"portMappings": True, "aliases": True, "ips": True}}
            listed = {"cniVersion": "0.4.0", "name": network, "plugins": [plugin]}
            (self._folder / "networks" / "cnm.conflist").write_text(json.dumps(listed))
        conf = _CONTAINERS.format(backend=backend, folder=self._folder, conmon=shutil.which("conmon"), runc=RUNC)
        (self._folder / "containers.conf").write_text(conf)
        policy = Path("/etc/containers/policy.json")
        policy.parent.mkdir(exist_ok=True)
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')

    def version(self) -> int:
        """Return its major version."""
        match = re.search(r"(\d+)\.", self.command("--version"))
        assert match is not None
        return int(match[1])

    def command(self, *arguments: str) -> str:
        folders = [f"--root={self._folder}/data", f"--runroot={self._folder}/run"]
        program = ["env", f"CONTAINERS_CONF={self._folder}/containers.conf", "podman", "--storage-driver=vfs", *folders]
        return self._host.out([*program, *arguments])

    def run(self, name: str, program: str, *options: str) -> str:
        """Run the container NAME with PROGRAM, words separated by spaces; return what is printed."""
        root = self._folder / f"root-{name}"
        if not root.exists():
            busybox.files(root)
        rights = ["--cap-drop=all", "--cap-add=net_raw,net_bind_service", f"--cgroup-parent=/{self._cgroup}"]
        named = [f"--name={name}", f"--network={self._network}", *rights, *options]
        return self.command("run", *named, "--rootfs", str(root), *program.split())

    def end(self) -> None:
        """Remove all containers, and what they have left outside of its folder."""
        self.command("rm", "--all", "--force", "--time=0")
        cgroups.remove(self._cgroup)
