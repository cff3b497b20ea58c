# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is the same on two of our hosts, whatever tells them of each other."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from fleet import Fleet, Member
from stand_in import OUTSIDE
from steps import PREDEFINED, Step

ASK = 'for name; do (echo "$name" $(getent ahostsv4 "$name")) & done; wait'
"""All names at once, because an unknown name takes a while."""

_ADDRESS = re.compile(r"[0-9.]+")


def path(descriptor: int) -> str:
    """Return a path through which other processes can use this process's DESCRIPTOR."""
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def network(step: Step, **options: str) -> dict[str, Any]:
    """Return the item of the network that STEP creates, with driver OPTIONS."""
    asked = step.arguments
    return {
        "name": step.name,
        "driver": asked["driver"],
        "driver_options": options,
        "ipam_config": asked["pools"],
        "internal": asked["internal"],
        "state": "present",
    }


def sandbox(step: Step) -> dict[str, Any]:
    """Return the item of the sandbox that STEP runs."""
    ports = [f"{port['host']}:{port['container']}" for port in step.arguments.get("ports", ())]
    return {"name": step.name, "networks": [attachment(step)], "published_ports": ports, "state": "present"}


def attachment(step: Step) -> dict[str, Any]:
    """Return the entry of the network that STEP connects a sandbox to."""
    asked = step.arguments
    entry = {
        "name": step.network,
        "ipv4_address": asked.get("ip"),
        "ipv6_address": asked.get("ip6"),
        "aliases": asked.get("aliases"),
    }
    return {key: value for key, value in entry.items() if value}


class Side:
    """One host, with the interface that parity's view of containers needs."""

    def __init__(self, member: Member) -> None:
        self.member = member

    def containers(self) -> dict[str, dict[str, Any]]:
        return self.member.shown("sandbox")


class CnmHosts:
    """The hosts of FLEET. CONTROL is what tells each of them about the others."""

    by = "ours"
    control: str

    def __init__(self, fleet: Fleet) -> None:
        self._stack = ExitStack()
        self.hosts = {member.name: Side(member) for member in fleet.members}
        for member in fleet.members:
            with member.here():
                member.host.have_name_server()

    def entered(self, host: str) -> list[str]:
        """Return a command prefix that enters HOST."""
        member = self.hosts[host].member
        return ["nsenter", f"--mount={path(member.mounts)}", f"--net={path(member.network)}"]

    def networks(self, host: str) -> dict[str, dict[str, Any]]:
        """Return what inspect shows on HOST of the networks that users created, by name."""
        shown = self.hosts[host].member.shown("network")
        return {name: each for name, each in shown.items() if name not in PREDEFINED}

    def place(self, host: str, container: str) -> str:
        """Return the path of the network namespace of CONTAINER on HOST."""
        return self._opened(host, str(self.hosts[host].containers()[container]["SandboxKey"]))

    def outside(self, host: str) -> str:
        """Return the path of a network namespace outside, which only HOST reaches."""
        return self._opened(host, OUTSIDE)

    def _opened(self, host: str, name: str) -> str:
        """Return a path that is valid here for the path NAME on HOST."""
        with self.hosts[host].member.here():
            descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        self._stack.callback(os.close, descriptor)
        return path(descriptor)

    def resolved(self, host: str, container: str, names: Sequence[str]) -> dict[str, set[str]]:
        """Return the addresses that CONTAINER finds for each of NAMES."""
        command = ["ip", "netns", "exec", container, "sh", "-c", ASK, "sh", *names]
        done = subprocess.run([*self.entered(host), *command], capture_output=True, text=True, check=True)
        answers = (line.split() for line in done.stdout.splitlines())
        return {name: {each for each in answer if _ADDRESS.fullmatch(each)} for name, *answer in answers}

    def end(self) -> None:
        self._stack.close()
