# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's own overlay, as it was before 23.0, used through the API of each host's daemon."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from docker_fleet import DockerFleet
from dockerd import FOLDER, IMAGE
from fleet import Fleet, Member
from peers.docker import request

from . import HOST, MOVING, SUBNET, Endpoint, Work, address


class Docker:
    """A dockerd on each host, and an etcd that they share."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._docker = DockerFleet(fleet.members)
        try:
            network = {"Name": "blue", "Driver": "overlay", "IPAM": {"Config": [{"Subnet": SUBNET}]}}
            self._ask(1, "POST", "/networks/create", network)
        except BaseException:
            self.close()
            raise

    def _ask(self, number: int, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return request(self._docker.daemons[f"h{number}"].socket, method, path, body)

    def endpoint(self, number: int) -> Endpoint:
        self.start(number)()
        container = self._ask(number, "GET", f"/containers/s{number}/json")
        return Endpoint(self._fleet.members[number - 1], f"/proc/{container['State']['Pid']}/ns/net", address(number))

    def namespaces(self, member: Member) -> Sequence[str]:
        """Return the namespaces of Docker's networks, which contain their bridge and VXLAN device."""
        with member.here():
            return (HOST, *map(str, (FOLDER / "exec" / "netns").glob("1-*")))

    def start(self, number: int) -> Work:
        return functools.partial(self._run, number, f"s{number}", address(number))

    def _run(self, number: int, name: str, fixed: str) -> None:
        body = {
            "Image": IMAGE,
            "Cmd": ["sleep", "10000"],
            "HostConfig": {"NetworkMode": "blue"},
            "NetworkingConfig": {"EndpointsConfig": {"blue": _fixed(fixed)}},
        }
        self._ask(number, "POST", f"/containers/create?name={name}", body)
        self._ask(number, "POST", f"/containers/{name}/start")

    def join(self, number: int) -> Work:
        body = {"Image": IMAGE, "Cmd": ["sleep", "10000"]}
        self._ask(number, "POST", f"/containers/create?name=s{number}", body)
        self._ask(number, "POST", f"/containers/s{number}/start")
        connection = {"Container": f"s{number}", "EndpointConfig": _fixed(address(number))}
        return functools.partial(self._ask, number, "POST", "/networks/blue/connect", connection)

    def move(self, old: int, new: int) -> Sequence[Work]:
        """The second daemon must wait for the first one, which holds the address."""
        self._run(old, "moving", MOVING)

        def work() -> None:
            self._ask(old, "DELETE", "/containers/moving?force=1")
            self._run(new, "moving", MOVING)

        return [work]

    def close(self) -> None:
        try:
            for member in self._fleet.members:
                for container in self._ask(member.number, "GET", "/containers/json?all=1"):
                    self._ask(member.number, "DELETE", f"/containers/{container['Id']}?force=1")
        finally:
            self._docker.end()


def _fixed(text: str) -> dict[str, Any]:
    return {"IPAMConfig": {"IPv4Address": text}}
