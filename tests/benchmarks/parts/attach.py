# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many endpoints on one network: created, requested again, one more, removed."""

from __future__ import annotations

from clock import Cost
from host import on_its_own
from peers import peer
from peers.ours import Ours
from record import Key, Record
from stand_in import Host

from . import Plan

SIZES = (1, 20, 200, 1000)


def run(plan: Plan, record: Record) -> None:
    """Measure the peers in turn, as often as PLAN says."""
    for size in plan.sizes or SIZES:
        for _round in range(plan.rounds):
            for name in plan.peers:
                if size <= peer(name).most:
                    for what, cost in on_its_own(lambda host, name=name, size=size: _measure(host, name, size)):
                        record.add(Key("attach", what, size, name), cost)


def _measure(host: Host, name: str, size: int) -> list[tuple[str, Cost]]:
    measured = peer(name)(host)
    try:
        measured.prepare(size)
        costs = [("attach", measured.attach(0, size))]
        if isinstance(measured, Ours):
            costs.append(("attach, whole process", measured.whole))
            costs.append(("second run", measured.attach(0, size)))
            if measured.changed:
                raise RuntimeError("the second run has changed something")
            costs.append(("second run, whole process", measured.whole))
        costs.append(("delete", measured.detach(0, size)))
        return costs
    finally:
        measured.close()
