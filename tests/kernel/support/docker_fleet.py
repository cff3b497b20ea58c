# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's own overlay, as it was before 23.0: a dockerd on each of several hosts, and an etcd that they share."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import dockerd
from dockerd import Dockerd
from fleet import Member, until
from needed import needs

FOLDER = Path("/run/etcd-of-docker")
PATIENCE = 120.0
"""How many seconds to wait for etcd to answer."""

needs_docker_fleet = needs("docker.io etcd-server busybox-static", *dockerd.NEEDED, "etcd")


class Etcd:
    """An etcd on MEMBER that keeps its data only as long as it runs."""

    def __init__(self, member: Member) -> None:
        self.url = f"http://{member.vtep[4]}:2379"
        # Docker uses version 2 of etcd's API, which is off by default.
        options = {
            "data-dir": FOLDER / "data",
            "listen-client-urls": self.url,
            "advertise-client-urls": self.url,
            "listen-peer-urls": "http://127.0.0.1:2380",
            "enable-v2": "true",
            "unsafe-no-fsync": "true",
        }
        with member.here():
            FOLDER.mkdir()
            with open(FOLDER / "log", "ab") as log:
                self._process = subprocess.Popen(
                    ["etcd", *(f"--{name}={value}" for name, value in options.items())], stdout=log, stderr=log
                )
        try:
            assert until(lambda: self._answers(member), PATIENCE), member.run("tail", str(FOLDER / "log")).stdout
        except BaseException:
            self.end()
            raise

    def _answers(self, member: Member) -> bool:
        return member.run("curl", "--silent", "--fail", f"{self.url}/v2/keys/", check=False).returncode == 0

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(20)


class DockerFleet:
    """A dockerd on each of MEMBERS, by the member's name. All of them have a network that one of them creates."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members
        self._etcd: Optional[Etcd] = None
        self.daemons: dict[str, Dockerd] = {}
        try:
            self._start()
        except BaseException:
            self.end()
            raise

    def _start(self) -> None:
        self._etcd = Etcd(self._members[0])
        for member in self._members:
            with member.here():
                daemon = self.daemons[member.name] = Dockerd(member.host, member.name)
                daemon.start(
                    **{
                        "cluster-store": self._etcd.url.replace("http:", "etcd:"),
                        "cluster-advertise": f"{member.vtep[4]}:2376",
                        "bip": f"172.30.{member.number}.1/24",
                    }
                )
                daemon.load_image()

    def command(self, member: Member, *arguments: str) -> str:
        """Return what the command docker prints for ARGUMENTS on MEMBER."""
        with member.here():
            return self.daemons[member.name].command(*arguments)

    def end(self) -> None:
        """Stop everything. The containers must have been removed."""
        for member in self._members:
            if member.name in self.daemons:
                with member.here():
                    self.daemons[member.name].end()
        if self._etcd is not None:
            self._etcd.end()
