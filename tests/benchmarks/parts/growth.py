# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One more object when there are already many."""

from __future__ import annotations

import functools
import json
import sys
import time

from clock import Cost, used_by
from engine import COMMAND
from host import on_its_own
from peers import namespaces
from peers.ours import Ours, sandboxes
from record import Key, Record
from seed import stopped_sandboxes, unmade_networks
from service import service
from stand_in import Host

from . import Plan

sys.path.append(str(COMMAND))

import cnm_client

SIZES = (10, 100, 1000, 10000)
_CONTAINERS = 21
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
                ("container through the service, same network with DNS", _container),
                ("network", _network),
            ):
                if measure in (_endpoint_elsewhere, _network) or size <= _ON_ONE_NETWORK:
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


def _container(host: Host, size: int) -> Cost:
    """Return what a container costs the service, on average of several."""
    host.have_name_server()
    ours = Ours(host)
    ours.networks(1)
    ours.attach(0, size)
    # Sandboxes have the names of the namespaces before these.
    numbers = range(size, size + _CONTAINERS)
    namespaces.make(size, _CONTAINERS)
    try:
        with service() as running:
            # The first request costs more.
            _join(numbers[0])
            wall, cpu = time.perf_counter(), used_by(running.pid)
            for each in numbers[1:]:
                _join(each)
            return Cost(
                (time.perf_counter() - wall) / (_CONTAINERS - 1), (used_by(running.pid) - cpu) / (_CONTAINERS - 1)
            )
    finally:
        host.kill_name_server()


def _join(number: int) -> None:
    configuration = {"cniVersion": "1.1.0", "name": "n0", "type": "cnm"}
    variables = [
        "CNI_COMMAND=ADD",
        f"CNI_CONTAINERID=c{number}",
        f"CNI_NETNS={namespaces.path(number)}",
        "CNI_IFNAME=eth0",
    ]
    request = cnm_client.request(b"cni", json.dumps(configuration).encode(), [], [each.encode() for each in variables])
    answer, _begun = cnm_client.ask(request)
    if answer[:1] != [b"0"]:
        raise RuntimeError(f"the service answers {answer}")


def _network(host: Host, size: int) -> Cost:
    ours = Ours(host)
    ours.networks(1)
    unmade_networks(size)
    return ours.task(verb="ensure", kind="network", items=[{"name": "one-more"}])
