# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long it takes until all hosts know, through etcd, what has happened on one of them."""

from __future__ import annotations

import functools
import json
import os
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from asking import Resolver
from clock import Cost, percentile, used_by
from etcd_cluster import PREFIX, cluster
from fleet import Fleet, Member
from host import on_a_fleet
from record import Key, Record
from service import SOCKET, Service

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import FOLDER, schema

from . import Plan

HOSTS = 3
TIMES = 100
"""How often something starts, stops and moves."""
DEATHS = 3
MANY = 1000
PERCENTILES = ("p50", "p99", "max")
_SETTINGS = Path("/etc/cnm/etcd.json")
_UNKNOWN = float("nan")


def run(plan: Plan, record: Record) -> None:
    """Measure agents of three hosts, each with a member of etcd. The first size is how often something changes."""
    if "ours" not in plan.peers:
        return
    times = plan.sizes[0] if plan.sizes else TIMES
    for _round in range(plan.rounds):
        for what, found, cpu in on_a_fleet(HOSTS, functools.partial(_measure, times=times)):
            for name, seconds in zip(PERCENTILES, _percentiles(found)):
                record.add(Key("know", what, len(found), name), Cost(seconds, cpu))


def _percentiles(found: Sequence[float]) -> tuple[float, float, float]:
    return statistics.median(found), percentile(found, 0.99), max(found)


def _measure(fleet: Fleet, times: int) -> list[tuple[str, list[float], float]]:
    """Return what was measured: the seconds of each time, and the CPU time of agents and etcd together, if known."""
    one, two, three = fleet.members
    with ExitStack() as stack:
        etcd = stack.enter_context(cluster(fleet_members=fleet.members))
        for member in fleet.members:
            with member.here():
                member.host.have_name_server()
                _SETTINGS.parent.mkdir(exist_ok=True)
                _SETTINGS.touch(0o600)
                _SETTINGS.write_text(json.dumps({"endpoints": [each.url for each in etcd.members], "prefix": PREFIX}))
        fleet.network("blue", ["10.9.0.0/16"], driver_options={CONTROL: "etcd"})
        fleet.sandboxes("blue")
        services = {each.name: _agent(each) for each in fleet.members}
        resolvers = [stack.enter_context(Resolver(each, f"/run/netns/s{each.number}")) for each in fleet.members]
        _until_all(resolvers, {f"s{each.number}": f"10.9.{each.number}.0" for each in fleet.members})
        found: dict[str, list[float]] = {"start": [], "move": [], "stop": []}
        for number in range(times):
            name = f"t{number}"
            found["start"].append(_known(resolvers, one, name, f"10.9.1.{1 + number % 250}"))
            _stop(one, name)
            found["move"].append(_known(resolvers, two, name, f"10.9.2.{1 + number % 250}"))
            found["stop"].append(_forgotten(resolvers, two, name))
        died = []
        for _death in range(DEATHS):
            begin = time.perf_counter()
            with three.here():
                services[three.name].kill()
            died.append(max(each.forgets("s3", 60) for each in resolvers[:2]) - begin)
            services[three.name] = _agent(three)
            _until_all(resolvers, {"s3": "10.9.3.0"})
        on, names = [{"name": "blue"}], [f"m{number}" for number in range(MANY)]
        one.ensure("sandbox", *({"name": name, "networks": on} for name in names))
        processes = [*(each.pid for each in services.values()), *(each.pid for each in etcd.members)]
        begin, before = _committed(one), sum(map(used_by, processes))
        many = max(each.knows_all(names, 60) for each in resolvers[1:]) - begin
        cpu = sum(map(used_by, processes)) - before
        for each in fleet.members:
            with each.here():
                services[each.name].end()
    return [
        *((what, seconds, _UNKNOWN) for what, seconds in found.items()),
        ("host dies", died, _UNKNOWN),
        (f"{MANY} at once", [many], cpu),
    ]


def _committed(member: Member) -> float:
    """Return the ``time.perf_counter()`` at which the last run on MEMBER has committed."""
    with member.here():
        # SQLite removes the log of a store that nobody has open, and copies it into the store before that.
        status = os.stat(schema.path(FOLDER))
    return time.perf_counter() - (time.time() - status.st_mtime)


def _agent(member: Member) -> Service:
    with member.here():
        return Service(SOCKET, "engines", "--etcd", str(_SETTINGS))


def _until_all(resolvers: Sequence[Resolver], names: dict[str, str]) -> None:
    for each in resolvers:
        for name, address in names.items():
            each.knows(name, address, 60)


def _known(resolvers: Sequence[Resolver], member: Member, name: str, address: str) -> float:
    """Start the sandbox NAME on MEMBER; return after how many seconds all others know that it has ADDRESS."""
    member.ensure("sandbox", {"name": name, "networks": [{"name": "blue", "ipv4_address": address}]})
    begin = time.perf_counter()
    others = [each for each in resolvers if each.member is not member]
    return max(max(each.knows(name, address, 60) for each in others) - begin, 0.0)


def _stop(member: Member, name: str) -> None:
    member.ensure("sandbox", {"name": name, "state": "absent"})


def _forgotten(resolvers: Sequence[Resolver], member: Member, name: str) -> float:
    """Remove the sandbox NAME from MEMBER; return after how many seconds no other knows it."""
    _stop(member, name)
    begin = time.perf_counter()
    others = [each for each in resolvers if each.member is not member]
    return max(max(each.forgets(name, 60) for each in others) - begin, 0.0)
