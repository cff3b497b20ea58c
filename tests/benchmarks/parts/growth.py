# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One more object when there are already many."""

from __future__ import annotations

import functools

from clock import Cost
from host import on_its_own
from peers.ours import Ours, sandboxes
from record import Key, Record
from seed import stopped_sandboxes, unmade_networks
from stand_in import Host

from . import Plan

SIZES = (10, 100, 1000, 10000)
_ON_ONE_NETWORK = 1000
"""A Linux bridge has 1023 ports."""


def run(plan: Plan, record: Record) -> None:
    """Measure one more endpoint and one more network, with others on other networks and on the same network."""
    if "ours" not in plan.peers:
        return
    for size in plan.sizes or SIZES:
        for _round in range(plan.rounds):
            for what, measure in (
                ("endpoint, others elsewhere", _endpoint_elsewhere),
                ("endpoint, same network", _endpoint_beside),
                ("endpoint, same network with DNS", _endpoint_beside_with_dns),
                ("network", _network),
            ):
                if measure not in (_endpoint_beside, _endpoint_beside_with_dns) or size <= _ON_ONE_NETWORK:
                    record.add(Key("growth", what, size, "ours"), on_its_own(functools.partial(measure, size=size)))


def _endpoint_elsewhere(host: Host, size: int) -> Cost:
    ours = Ours(host)
    ours.networks(1)
    stopped_sandboxes(size)
    return ours.task(verb="ensure", kind="sandbox", items=sandboxes(0, 1))


def _endpoint_beside(host: Host, size: int) -> Cost:
    ours = Ours(host)
    ours.networks(1)
    ours.attach(0, size)
    return ours.attach(size, 1)


def _endpoint_beside_with_dns(host: Host, size: int) -> Cost:
    host.have_name_server()
    try:
        return _endpoint_beside(host, size)
    finally:
        host.kill_name_server()


def _network(host: Host, size: int) -> Cost:
    ours = Ours(host)
    ours.networks(1)
    unmade_networks(size)
    return ours.task(verb="ensure", kind="network", items=[{"name": "one-more"}])
