# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's playbook for fleets of several sizes. Each host has sandboxes on two overlays."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import module
from clock import Cost, process
from fleet import Fleet, Member
from host import on_a_fleet
from record import Key, Record

from . import Plan

SIZES = (3, 10, 30)
SANDBOXES = 20
_LARGE = 10
"""With more hosts than this, a round takes minutes, so there is only one."""
_RECAP = re.compile(r"^(h\d+) +: ok=(\d+) +changed=(\d+)", re.MULTILINE)
_PYTHON = """\
#!/bin/bash
{environment} nsenter --mount={mounts} --net={links} --wd="$PWD" -- {python} "$@"
status=$?
times >>{used}
exit $status
"""
"""The stand-in for Python on a host: runs Python on that host, and records the CPU time used."""


def run(plan: Plan, record: Record) -> None:
    """Measure a first run and one that has nothing to do: the whole run, and the modules' part of it."""
    if "ours" not in plan.peers:
        return
    for size in plan.sizes or SIZES:
        for _round in range(plan.rounds if size <= _LARGE else 1):
            for what, subject, cost in on_a_fleet(size, _measure):
                record.add(Key("play", what, size, subject), cost)


def _measure(fleet: Fleet) -> list[tuple[str, str, Cost]]:
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        for what, changed in (("first run", 1), ("second run", 0)):
            whole, hosts = _play(fleet, Path(folder), changed)
            costs += [(what, "play", whole), (what, "hosts", hosts)]
    return costs


def _play(fleet: Fleet, folder: Path, changed: int) -> tuple[Cost, Cost]:
    """Run the playbook; return its total costs, and the modules' part of them.

    :raises RuntimeError: unless each host has run two tasks, and CHANGED tasks on each have changed something
    """
    used = folder / "used"
    used.write_text("")
    inventory = folder / "hosts.json"
    inventory.write_text(json.dumps(_inventory(fleet, folder)))
    playbook = Path(sys.executable).with_name("ansible-playbook")
    whole, output = process([str(playbook), "--inventory", str(inventory), "cnm.linux.topology"])
    if sorted(_RECAP.findall(output)) != sorted((member.name, "2", str(changed)) for member in fleet.members):
        raise RuntimeError(output[-4000:])
    return whole, Cost(float("nan"), sum(_seconds(line) for line in used.read_text().splitlines()))


def _seconds(line: str) -> float:
    """Return the user and system time in a LINE of the output of bash's ``times``."""
    return sum(60 * float(minutes) + float(seconds) for minutes, seconds in re.findall(r"(\d+)m([\d.]+)s", line))


def _inventory(fleet: Fleet, folder: Path) -> dict[str, Any]:
    networks = [
        {"name": name, "driver": "overlay", "ipam_config": [{"subnet": f"10.{second}.0.0/16"}]}
        for name, second in (("blue", 9), ("red", 10))
    ]
    sandboxes = [
        {
            "name": f"s{{{{ number }}}}-{each}",
            "networks": [
                {
                    "name": networks[each % 2]["name"],
                    "ipv4_address": f"10.{9 + each % 2}.{{{{ number }}}}.{each + 2}",
                }
            ],
        }
        for each in range(SANDBOXES)
    ]
    return {
        "all": {
            "hosts": {member.name: _variables(member, folder) for member in fleet.members},
            "vars": {
                "ansible_connection": "local",
                "ansible_become": False,
                "cnm_host_number": "{{ number }}",
                "cnm_networks": networks,
                "cnm_sandboxes": sandboxes,
            },
        }
    }


def _variables(member: Member, folder: Path) -> dict[str, Any]:
    python = folder / f"python-{member.name}"
    mounts, links = (f"/proc/{os.getpid()}/fd/{each}" for each in (member.mounts, member.network))
    environment = " ".join(f"{name}={value}" for name, value in module.ENVIRONMENT.items())
    values = {"mounts": mounts, "links": links, "python": module.PYTHON, "environment": environment}
    python.write_text(_PYTHON.format(**values, used=folder / "used"))
    python.chmod(0o700)
    return {
        "number": member.number,
        "cnm_vtep_address": member.vtep[4],
        "ansible_python_interpreter": str(python),
    }
