# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The story on two of our hosts: an inventory, and a play for each act."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fleet import Fleet, Member
from ours import STATES
from stand_in import OUTSIDE
from steps import PREDEFINED, Step
from story import Move

PLAYBOOK = Path(__file__).parents[2] / "playbooks" / "topology.yml"
ASK = 'for name; do (echo "$name" $(getent ahostsv4 "$name")) & done; wait'
"""All names at once, because an unknown name takes a while."""


_ADDRESS = re.compile(r"[0-9.]+")


def _path(descriptor: int) -> str:
    """Return a path through which other processes can use this process's DESCRIPTOR."""
    return f"/proc/{os.getpid()}/fd/{descriptor}"


class Side:
    """One host, with the interface that parity's view of containers needs."""

    def __init__(self, member: Member) -> None:
        self.member = member

    def containers(self) -> dict[str, dict[str, Any]]:
        return self.member.shown("sandbox")


class CnmHosts:
    by = "ours"

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.hosts = {member.name: Side(member) for member in fleet.members}
        self._networks: dict[str, dict[str, Any]] = {}
        self._sandboxes: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in self.hosts}
        for member in fleet.members:
            with member.here():
                member.host.have_name_server()

    def _entered(self, host: str) -> list[str]:
        """Return a command prefix that enters HOST."""
        member = self.hosts[host].member
        return ["nsenter", f"--mount={_path(member.mounts)}", f"--net={_path(member.network)}"]

    def _interpreter(self, host: str) -> str:
        """Create the interpreter through which Ansible runs on HOST, which has no sshd; return its path."""
        program = self._folder / f"python-on-{host}"
        program.write_text(f'#!/bin/sh\nexec {" ".join(self._entered(host))} {sys.executable} "$@"\n')
        program.chmod(0o755)
        return str(program)

    def do(self, moves: Sequence[Move]) -> list[str]:
        """Declare what MOVES ask for, and play; return why it was refused, or nothing."""
        before = copy.deepcopy((self._networks, self._sandboxes))
        for move in moves:
            getattr(self, f"_{move.step.verb}", self._state)(move.host, move.step)
        problems = self._play()
        if problems:
            self._networks, self._sandboxes = before
        for items in (self._networks, *self._sandboxes.values()):
            for name in [name for name, item in items.items() if item["state"] == "absent"]:
                del items[name]
        return problems

    def _create(self, _host: str, step: Step) -> None:
        asked = step.arguments
        self._networks[step.name] = {
            "name": step.name,
            "driver": asked["driver"],
            "ipam_config": asked["pools"],
            "internal": asked["internal"],
            "state": "present",
        }

    def _delete(self, _host: str, step: Step) -> None:
        self._networks[step.name] = {"name": step.name, "state": "absent"}

    def _run(self, host: str, step: Step) -> None:
        ports = [f"{port['host']}:{port['container']}" for port in step.arguments.get("ports", ())]
        item = {"name": step.name, "networks": [], "published_ports": ports, "state": "present"}
        self._sandboxes[host][step.name] = item
        self._connect(host, step)

    def _connect(self, host: str, step: Step) -> None:
        asked = step.arguments
        entry = {
            "name": step.network,
            "ipv4_address": asked.get("ip"),
            "ipv6_address": asked.get("ip6"),
            "aliases": asked.get("aliases"),
        }
        self._sandboxes[host][step.name]["networks"].append({key: value for key, value in entry.items() if value})

    def _state(self, host: str, step: Step) -> None:
        self._sandboxes[host][step.name]["state"] = STATES[step.verb]

    def _play(self) -> list[str]:
        hosts = {
            name: {
                "ansible_become": False,
                "ansible_connection": "local",
                "ansible_pipelining": True,
                "ansible_python_interpreter": self._interpreter(name),
                "cnm_vtep_address": side.member.vtep[4],
                "cnm_host_number": side.member.number,
                "cnm_networks": [*self._networks.values()],
                "cnm_sandboxes": [*self._sandboxes[name].values()],
            }
            for name, side in self.hosts.items()
        }
        inventory = self._folder / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
        command = ["ansible-playbook", "--inventory", str(inventory), str(PLAYBOOK)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        refused = [line for line in done.stdout.splitlines() if line.startswith("fatal: ")]
        assert bool(done.returncode) == bool(refused), done.stdout + done.stderr
        return refused

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

    def _opened(self, host: str, path: str) -> str:
        """Return a path that is valid here for PATH on HOST."""
        with self.hosts[host].member.here():
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._stack.callback(os.close, descriptor)
        return _path(descriptor)

    def resolved(self, host: str, container: str, names: Sequence[str]) -> dict[str, set[str]]:
        """Return the addresses that CONTAINER finds for each of NAMES."""
        command = ["ip", "netns", "exec", container, "sh", "-c", ASK, "sh", *names]
        done = subprocess.run([*self._entered(host), *command], capture_output=True, text=True, check=True)
        answers = (line.split() for line in done.stdout.splitlines())
        return {name: {each for each in answer if _ADDRESS.fullmatch(each)} for name, *answer in answers}

    def end(self) -> None:
        self._stack.close()
