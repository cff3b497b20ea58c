# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks with up to a thousand hosts of twenty endpoints each, by what tells the hosts of each other's endpoints."""

from __future__ import annotations

import functools
from collections.abc import Callable

from clock import Cost
from fleet import Fleet
from host import on_a_fleet
from record import Key, Record
from scaling import etcd, evpn, inventory

from . import Plan

SIZES = (10, 50, 200, 1000)
"""Hosts."""
CONTROLS: dict[str, tuple[int, Callable[[Fleet, int], dict[str, float]]]] = {
    "inventory": (1, inventory.measure),
    "etcd": (2, etcd.measure),
    "evpn": (3, evpn.measure),
}
"""Each with the number of hosts that are not simulated, and what measures it."""
_UNKNOWN = float("nan")


def run(plan: Plan, record: Record) -> None:
    """Measure each number of hosts, which are the sizes. A figure is in the unit that its name ends with."""
    if "ours" not in plan.peers:
        return
    for _round in range(plan.rounds):
        for size in plan.sizes or SIZES:
            for control, (hosts, measure) in CONTROLS.items():
                for name, figure in on_a_fleet(hosts, functools.partial(measure, size=size)).items():
                    record.add(Key("scale", name, size, control), Cost(figure, _UNKNOWN))
