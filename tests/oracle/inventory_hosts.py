# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The story on two of our hosts: an inventory, and a play for each act."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cnm_hosts
from cnm_hosts import CnmHosts
from fleet import Fleet
from ours import STATES
from steps import Step
from story import Move

PLAYBOOK = Path(__file__).parents[2] / "playbooks" / "topology.yml"


class InventoryHosts(CnmHosts):
    """Hosts that the playbook ``topology`` tells of each other."""

    control = "inventory"

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        super().__init__(fleet)
        self._folder = folder
        self._networks: dict[str, dict[str, Any]] = {}
        self._sandboxes: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in self.hosts}

    def _interpreter(self, host: str) -> str:
        """Create the interpreter through which Ansible runs on HOST, which has no sshd; return its path."""
        program = self._folder / f"python-on-{host}"
        program.write_text(f'#!/bin/sh\nexec {" ".join(self.entered(host))} {sys.executable} "$@"\n')
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
        self._networks[step.name] = cnm_hosts.network(step)

    def _delete(self, _host: str, step: Step) -> None:
        self._networks[step.name] = {"name": step.name, "state": "absent"}

    def _run(self, host: str, step: Step) -> None:
        self._sandboxes[host][step.name] = cnm_hosts.sandbox(step)

    def _connect(self, host: str, step: Step) -> None:
        self._sandboxes[host][step.name]["networks"].append(cnm_hosts.attachment(step))

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
