# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker, used through its API, so that starting its command is not measured."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from clock import Cost, measured
from dockerd import FOLDER, IMAGE, Dockerd
from stand_in import Host

_POOL = "base=10.0.0.0/8,size=22"


class Engine:
    """A dockerd with its own data folder."""

    most = 20

    def __init__(self, host: Host) -> None:
        self.docker = Dockerd(host)
        self.start()

    def start(self) -> None:
        """Start the daemon, and wait until it answers."""
        self.docker.start(**{"default-address-pool": _POOL, "userland-proxy": "false", "live-restore": "false"})

    def prepare(self, number: int) -> None:
        """Create a network and NUMBER containers."""
        self.docker.load_image()
        self.request("POST", "/networks/create", {"Name": "bench"})
        for each in range(number):
            self.docker.command("run", "--detach", f"--name=s{each}", IMAGE, "sleep", "10000")

    def attach(self, first: int, number: int) -> Cost:
        def work() -> None:
            for each in range(first, first + number):
                self.request("POST", "/networks/bench/connect", {"Container": f"s{each}"})

        return self._with_daemon(measured(work))

    def detach(self, first: int, number: int) -> Cost:
        def work() -> None:
            for each in range(first, first + number):
                self.request("POST", "/networks/bench/disconnect", {"Container": f"s{each}"})

        return self._with_daemon(measured(work))

    def networks(self, number: int) -> Cost:
        def work() -> None:
            for each in range(number):
                self.request("POST", "/networks/create", {"Name": f"n{each}"})

        return self._with_daemon(measured(work))

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the API's answer.

        :raises RuntimeError: if it refuses
        """
        return request(str(FOLDER / "socket"), method, path, body)

    def _with_daemon(self, cost: Cost) -> Cost:
        """Leave out the CPU time, because the daemon does the work and its CPU time is unknown."""
        return Cost(cost.wall, float("nan"))

    def close(self) -> None:
        for container in self.request("GET", "/containers/json?all=1"):
            self.request("DELETE", f"/containers/{container['Id']}?force=1")
        self.docker.end()


def request(engine: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Return the answer of the API at the socket ENGINE.

    :raises RuntimeError: if it refuses
    """
    connection = http.client.HTTPConnection("docker")
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.connect(engine)
        text = json.dumps(body) if body is not None else None
        connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {content!r}")
        return json.loads(content) if content else None
    finally:
        connection.close()
