# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps on a real Docker, through its API."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import Any

import docker
from docker.errors import APIError, NotFound
from dockerd import IMAGE, Dockerd
from lab import at
from steps import PREDEFINED, Step

API = "1.41"
"""The version of Docker 20.10, the newest in Debian 12."""
PATIENCE = 0.3
"""Seconds until a name counts as unknown. Docker then asks other servers, and there are none here."""


class Theirs:
    """A Docker on its own host."""

    def __init__(self, daemon: Dockerd) -> None:
        self._daemon = daemon
        # Docker's client looks for proxies and credentials, but a socket needs neither.
        self._api = docker.APIClient(base_url=f"unix://{daemon.socket}", version=API, timeout=60)

    def close(self) -> None:
        self.reset()
        self._api.close()

    def do(self, step: Step) -> list[str]:
        """Carry out STEP; return why it was refused, or nothing."""
        try:
            getattr(self, f"_{step.verb}")(step)
        except (APIError, ValueError) as error:
            return [str(getattr(error, "explanation", None) or error)]
        return []

    def undo(self, step: Step) -> None:
        """Undo STEP, which created something."""
        back = {"create": "delete", "run": "remove", "connect": "disconnect", "start": "stop"}
        assert self.do(step._replace(verb=back[step.verb])) == [], step

    def reset(self) -> None:
        for each in self._api.containers(all=True):
            self._api.remove_container(each["Id"], force=True)
        for each in self._api.networks():
            if each["Name"] not in PREDEFINED:
                self._api.remove_network(each["Id"])

    def _create(self, step: Step) -> None:
        asked = step.arguments
        pools = [
            {
                "Subnet": pool["subnet"],
                **({"Gateway": pool["gateway"]} if "gateway" in pool else {}),
                **({"IPRange": pool["iprange"]} if "iprange" in pool else {}),
                **({"AuxiliaryAddresses": pool["aux_addresses"]} if "aux_addresses" in pool else {}),
            }
            for pool in asked.get("pools", ())
        ]
        self._api.create_network(
            step.name,
            driver=asked.get("driver", "bridge"),
            options=asked.get("options"),
            ipam={"Driver": "default", "Options": {}, "Config": pools},
            check_duplicate=True,
            internal=asked.get("internal", False),
            labels=asked.get("labels"),
            enable_ipv6=asked.get("ipv6", any(":" in pool["subnet"] for pool in asked.get("pools", ()))),
        )

    def _delete(self, step: Step) -> None:
        self._api.remove_network(step.name)

    def _run(self, step: Step) -> None:
        asked = step.arguments
        bindings: dict[str, list[dict[str, str]]] = {}
        for port in asked.get("ports", ()):
            key = f"{port['container']}/{port.get('protocol', 'tcp')}"
            bindings.setdefault(key, []).append({"HostIp": port.get("address", ""), "HostPort": port["host"]})
        attached = self._attachment(asked)
        config = {
            "Image": IMAGE,
            "Cmd": ["sleep", "10000"],
            "StopSignal": "KILL",
            "Labels": asked.get("labels"),
            "ExposedPorts": {key: {} for key in bindings},
            "HostConfig": {"NetworkMode": step.network, "PortBindings": bindings},
            "NetworkingConfig": {"EndpointsConfig": {step.network: attached}} if attached else None,
        }
        if "mac" in asked:
            config["MacAddress"] = asked["mac"]
        made = self._api.create_container_from_config(config, step.name)
        try:
            self._api.start(made["Id"])
        except APIError:
            self._api.remove_container(made["Id"], force=True)
            raise

    @staticmethod
    def _attachment(asked: dict[str, Any]) -> dict[str, Any]:
        fixed = {"IPv4Address": asked.get("ip"), "IPv6Address": asked.get("ip6")}
        fixed = {key: value for key, value in fixed.items() if value}
        options: dict[str, Any] = {"IPAMConfig": fixed} if fixed else {}
        if "aliases" in asked:
            options["Aliases"] = asked["aliases"]
        return options

    def _connect(self, step: Step) -> None:
        asked = step.arguments
        self._api.connect_container_to_network(
            step.name, step.network, asked.get("ip"), asked.get("ip6"), asked.get("aliases")
        )

    def _disconnect(self, step: Step) -> None:
        self._api.disconnect_container_from_network(step.name, step.network)

    def _stop(self, step: Step) -> None:
        self._api.stop(step.name)

    def _start(self, step: Step) -> None:
        self._api.start(step.name)

    def _restart(self, step: Step) -> None:
        self._api.restart(step.name)

    def _remove(self, step: Step) -> None:
        self._api.remove_container(step.name, force=True)

    def networks(self) -> dict[str, dict[str, Any]]:
        """Return ``docker network inspect`` of all networks, by name."""
        return {each["Name"]: self._api.inspect_network(each["Id"]) for each in self._api.networks()}

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return ``docker inspect`` of all containers, by name."""
        containers = {}
        for each in self._api.containers(all=True):
            with suppress(NotFound):
                inspected = self._api.inspect_container(each["Id"])
                containers[inspected["Name"].lstrip("/")] = inspected
        return containers

    def place(self, container: str) -> str:
        """Return the path of the network namespace of CONTAINER, or of the host if it is empty."""
        if not container:
            return self._daemon.place
        return f"/proc/{self._api.inspect_container(container)['State']['Pid']}/ns/net"

    @property
    def outside(self) -> str:
        """The path of the network namespace outside."""
        return self._daemon.outside

    def resolved(self, container: str, name: str) -> set[str]:
        """Return the IPv4 addresses for NAME from Docker's resolver at 127.0.0.11 in CONTAINER."""
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        question = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
        with at(self.place(container)):
            asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with asking:
            asking.settimeout(PATIENCE)
            asking.connect(("127.0.0.11", 53))
            asking.send(question)
            try:
                answer = asking.recv(512)
            except TimeoutError:
                return set()
        count = struct.unpack("!H", answer[6:8])[0]
        # Each answer consists of the name again, 10 bytes for type, class, lifetime and length, and the address.
        size = len(labels) + 1 + 10 + 4
        rest = answer[len(question) :]
        return {socket.inet_ntoa(rest[size * (number + 1) - 4 : size * (number + 1)]) for number in range(count)}
