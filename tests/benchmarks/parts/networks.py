# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many networks in one task."""

from __future__ import annotations

from clock import Cost
from host import on_its_own
from peers import peer
from record import Key, Record
from stand_in import Host

from . import Plan

SIZES = (1, 20, 200)
ABLE = ("ours", "docker", "ip-batch", "bare")


def run(plan: Plan, record: Record) -> None:
    """Measure the peers in turn, as often as PLAN says."""
    for size in plan.sizes or SIZES:
        for _round in range(plan.rounds):
            for name in plan.peers:
                if name in ABLE:
                    cost = on_its_own(lambda host, name=name, size=size: _measure(host, name, size))
                    record.add(Key("networks", "networks", size, name), cost)


def _measure(host: Host, name: str, size: int) -> Cost:
    measured = peer(name)(host)
    try:
        return measured.networks(size)
    finally:
        measured.close()
