# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The costs of a play on the controller, up to a thousand hosts: each host returns a recorded answer at once."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from clock import Cost, process
from fleet import Fleet
from host import on_a_fleet
from record import Key, Record

from . import Plan

SIZES = (100, 300, 1000)
SANDBOXES = 20
_SLOW = 100
"""Above this number of hosts, there is one round, only with Ansible's default strategy."""
_WAYS: dict[str, dict[str, Any]] = {
    "linear": {},
    "serial": {"serial": 10},
    "free": {"strategy": "free"},
}
_NETWORKS = [
    {"name": name, "driver": "overlay", "ipam_config": [{"subnet": f"10.{second}.0.0/12"}]}
    for name, second in (("blue", 16), ("red", 32))
]


def run(plan: Plan, record: Record) -> None:
    """Measure the task, compared with a task that does nothing, for each way in which hosts can take turns."""
    if "ours" not in plan.peers:
        return
    answer = on_a_fleet(1, _answer)
    for size in plan.sizes or SIZES:
        for way, more in _WAYS.items() if size <= _SLOW else [("linear", _WAYS["linear"])]:
            for _round in range(plan.rounds if size <= _SLOW else 1):
                for task in ("cnm.linux.topology", "ansible.builtin.ping"):
                    with tempfile.TemporaryDirectory() as folder:
                        record.add(Key("controller", way, size, task), _play(Path(folder), size, task, more, answer))


def _answer(fleet: Fleet) -> str:
    """Return the module's answer on a real host."""
    (member,) = fleet.members
    sandboxes = [_sandbox(each, "1", f"10.{16 + 16 * (each % 2)}.1") for each in range(SANDBOXES)]
    objects = member.topology(_NETWORKS, sandboxes).objects
    return json.dumps({"changed": True, "networks": objects[: len(_NETWORKS)], "sandboxes": objects[len(_NETWORKS) :]})


def _sandbox(each: int, number: str, part: str) -> dict[str, Any]:
    """Return a sandbox of the host with NUMBER, with an address in PART of a subnet."""
    network = _NETWORKS[each % len(_NETWORKS)]["name"]
    return {"name": f"s{number}-{each}", "networks": [{"name": network, "ipv4_address": f"{part}.{each + 2}"}]}


def _play(folder: Path, size: int, task: str, more: dict[str, Any], answer: str) -> Cost:
    (folder / "answer").write_text(answer)
    python = folder / "python"
    python.write_text(f"#!/bin/sh\nexec cat {folder}/answer\n")
    python.chmod(0o700)
    parts = [f"10.{{{{ {16 + 16 * (each % 2)} + number // 256 }}}}.{{{{ number % 256 }}}}" for each in range(SANDBOXES)]
    inventory = {
        "all": {
            "hosts": {
                f"h{number}": {"number": number, "cnm_vtep_address": f"192.0.{number // 250}.{number % 250 + 1}"}
                for number in range(1, size + 1)
            },
            "vars": {
                "ansible_connection": "local",
                "ansible_python_interpreter": str(python),
                "cnm_host_number": "{{ number }}",
                "cnm_networks": _NETWORKS,
                "cnm_sandboxes": [_sandbox(each, "{{ number }}", part) for each, part in enumerate(parts)],
            },
        }
    }
    (folder / "hosts.json").write_text(json.dumps(inventory))
    (folder / "play.json").write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [{task: None}], **more}])
    )
    playbook = Path(sys.executable).with_name("ansible-playbook")
    cost, _output = process([str(playbook), "--inventory", str(folder / "hosts.json"), str(folder / "play.json")])
    return cost
