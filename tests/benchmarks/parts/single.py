# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One endpoint in one task: the module as Ansible sends it, compared with an empty module."""

from __future__ import annotations

import shutil

import module
from clock import Cost
from host import on_its_own
from record import Key, Record
from stand_in import Host

from . import Plan

_COPIES = "/var/cache/cnm"
"""The folder in which a host keeps the compiled core."""


def run(plan: Plan, record: Record) -> None:
    """Measure ping, a new endpoint with and without the compiled copy, and a task that has nothing to do, in turn."""
    if "ours" not in plan.peers:
        return
    for what, cost in on_its_own(lambda host: _rounds(host, max(plan.rounds, 5))):
        record.add(Key("single", what, 1, "ours"), cost)


def _rounds(host: Host, rounds: int) -> list[tuple[str, Cost]]:
    ping = module.build("ansible.builtin.ping", {})
    module.run(module.build("cnm.linux.cnm_network", {"name": "blue"}))
    costs = []
    for each in range(rounds):
        costs.append(("empty module", module.run(ping)))
        task = module.build("cnm.linux.cnm_sandbox", {"name": f"s{each}", "networks": [{"name": "blue"}]})
        costs.append(("new endpoint", module.run(task)))
        costs.append(("nothing to do", module.run(task)))
        shutil.rmtree(_COPIES, ignore_errors=True)
        task = module.build("cnm.linux.cnm_sandbox", {"name": f"t{each}", "networks": [{"name": "blue"}]})
        costs.append(("new endpoint, first task on a host", module.run(task)))
    return costs
