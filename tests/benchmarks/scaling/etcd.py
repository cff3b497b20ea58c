# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One etcd with many hosts: one host is real, all others are simulated."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from asking import Resolver
from clock import percentile, used_by
from etcd_cluster import PREFIX, cluster
from fleet import Fleet, Member, until
from service import SOCKET, Service

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL, VTEP
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system.name_server_process import PID

from .load import memory, traffic
from .simulated import (
    ENDPOINTS,
    GATEWAY,
    NETWORK,
    SUBNET,
    Client,
    Crowd,
    Follower,
    Settings,
    address_of,
    join,
    layout,
    name_of,
)

FOLLOWERS = 2
CHANGES = 50
AT_ONCE = 100
"""How many hosts, at most, publish at the same time."""
LISTINGS = 5
IDLE = 8.0
"""Seconds: as long as a lease."""
_LAST = 1000
"""An endpoint that no host has yet."""
_QUIET = 1e5
"""Bytes a second that a crowd is told while nothing happens."""
_PATIENCE = 240.0
_SETTINGS = Path("/etc/cnm/etcd.json")


class Spent(NamedTuple):
    """What a block has cost."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of etcd."""
    traffic: float
    """MB to and from etcd."""


def measure(fleet: Fleet, size: int) -> dict[str, float]:
    """Return the figures of SIZE hosts, besides the first of FLEET, which is real. The second one has etcd."""
    real, server = fleet.members
    figures: dict[str, float] = {}
    with ExitStack() as stack:
        etcd = stack.enter_context(cluster(fleet_members=[server])).members[0]
        settings = Settings([etcd.url], PREFIX, patience=60.0)
        load = functools.partial(_load, server, etcd.pid)
        with real.here():
            real.host.have_name_server()
            _SETTINGS.parent.mkdir(exist_ok=True)
            _SETTINGS.touch(0o600)
            _SETTINGS.write_text(json.dumps({"endpoints": [etcd.url], "prefix": PREFIX}))
        options = {CONTROL: "etcd", VTEP: real.vtep[4]}
        item = {"name": NETWORK, "driver": "overlay", "driver_options": options, "ipam_config": [{"subnet": SUBNET}]}
        real.ensure("network", item)
        with fleet.switch.here():
            fleet._ip("address add 10.99.5.100/24 dev sw\n")
            join(settings, size)
        real.ensure("network", item)
        real.ensure("sandbox", {"name": "here", "networks": [{"name": NETWORK}]})
        resolver = stack.enter_context(Resolver(real, "/run/netns/here", GATEWAY))
        with fleet.switch.here():
            crowd = Crowd(settings, size)
            stack.callback(crowd.end)
            crowd.publish(range(1, size + 1), range(1, ENDPOINTS))
            figures |= _listings(settings, load)
            empty = memory(etcd.pid)
            crowd.follow()
            figures["memory of etcd per host that follows, KB"] = 1000 * (memory(etcd.pid) - empty) / size
            with load() as spent:
                time.sleep(IDLE)
            idle = spent()
            figures["idle: CPU of etcd, cores"] = idle.cpu / idle.wall
            figures["idle: traffic, MB/s"] = idle.traffic / idle.wall
            followers = [Follower(settings) for _number in range(FOLLOWERS)]
        begin = time.perf_counter()
        with real.here():
            service = Service(SOCKET, "engines", "--etcd", str(_SETTINGS))
        known = resolver.knows_all([name_of(host, 1) for host in range(1, size + 1)], _PATIENCE)
        figures["first run of an agent: known to the name server, s"] = known - begin
        figures["first run of an agent: CPU, s"] = used_by(service.pid)
        figures |= _at_once(size, crowd, followers, resolver)
        figures |= _cost(size, crowd, followers, load)
        figures |= _changes(crowd, followers, resolver, service.pid, _name_server(real))
        figures["watches that ended"] = crowd.told().lost
        figures["memory of etcd, MB"] = memory(etcd.pid)
        figures["memory of the agent, MB"] = memory(service.pid)
        for each in followers:
            each.end()
        with real.here():
            service.end()
    return figures


def _at_once(size: int, crowd: Crowd, followers: Sequence[Follower], resolver: Resolver) -> dict[str, float]:
    """Let many hosts publish one more endpoint at once."""
    hosts = range(1, min(size, AT_ONCE) + 1)
    begun = crowd.publish(hosts, [0])
    _until_heard(followers, {name_of(host, 0) for host in hosts})
    known = resolver.knows_all([name_of(host, 0) for host in hosts], _PATIENCE) - min(begun.values())
    took = [each.heard[name_of(host, 0)] - begun[host] for each in followers for host in hosts]
    return {
        f"up to {AT_ONCE} at once: heard, p50, ms": 1000 * percentile(took, 0.5),
        f"up to {AT_ONCE} at once: heard, p99, ms": 1000 * percentile(took, 0.99),
        f"up to {AT_ONCE} at once: known to the name server, s": known,
    }


def _cost(size: int, crowd: Crowd, followers: Sequence[Follower], load: Callable[[], Any]) -> dict[str, float]:
    """Let hosts publish more endpoints, while nothing else uses etcd."""
    hosts = range(1, min(size, AT_ONCE) + 1)
    rounds = range(_LAST, _LAST + AT_ONCE // len(hosts))
    crowd.pause(True)
    with load() as spent:
        for endpoint in rounds:
            crowd.publish(hosts, [endpoint])
        _until_heard(followers, {name_of(host, endpoint) for host in hosts for endpoint in rounds})
        while crowd.told().size > _QUIET:
            time.sleep(1)
    crowd.pause(False)
    cost = spent()
    return {
        "change: CPU of etcd, ms": 1000 * cost.cpu / AT_ONCE,
        "change: traffic of etcd, KB": 1000 * cost.traffic / AT_ONCE,
    }


def _until_heard(followers: Sequence[Follower], names: AbstractSet[str]) -> None:
    assert until(lambda: all(names <= each.heard.keys() for each in followers), _PATIENCE)


def _name_server(member: Member) -> int:
    """Return the pid of the name server of MEMBER."""
    with member.here():
        return int(Path(PID).read_text())


def _changes(
    crowd: Crowd,
    followers: Sequence[Follower],
    resolver: Resolver,
    agent: int,
    name_server: int,
) -> dict[str, float]:
    """Let one host after the other publish one more endpoint."""
    heard, known = [], []
    before, served = used_by(agent), used_by(name_server)
    for number in range(CHANGES):
        host, endpoint = 1 + number % 10, ENDPOINTS + number // 10
        begin = crowd.publish([host], [endpoint])[host]
        known.append(resolver.knows(name_of(host, endpoint), address_of(host, endpoint), 60) - begin)
        assert until(lambda: all(name_of(host, endpoint) in each.heard for each in followers))  # noqa: B023
        heard += [each.heard[name_of(host, endpoint)] - begin for each in followers]
    return {
        "change: heard, p50, ms": 1000 * percentile(heard, 0.5),
        "change: heard, p99, ms": 1000 * percentile(heard, 0.99),
        "change: known to the name server, p50, ms": 1000 * percentile(known, 0.5),
        "change: known to the name server, slowest, ms": 1000 * max(known),
        "change: CPU of the agent, ms": 1000 * (used_by(agent) - before) / CHANGES,
        "change: CPU of the name server, ms": 1000 * (used_by(name_server) - served) / CHANGES,
    }


def _listings(settings: Settings, load: Callable[[], Any]) -> dict[str, float]:
    """Read everything, as each host does when its watch has ended."""
    client = Client(settings)
    with load() as spent:
        for _number in range(LISTINGS):
            client.list(layout.NETWORKS)
    cost = spent()
    client.close()
    return {
        "listing: CPU of etcd, ms": 1000 * cost.cpu / LISTINGS,
        "listing: traffic, MB": cost.traffic / LISTINGS,
    }


@contextmanager
def _load(server: Member, pid: int) -> Iterator[Callable[[], Spent]]:
    """Yield what returns, after the block, what it has cost the process PID on SERVER."""
    wall, cpu, before = time.perf_counter(), used_by(pid), traffic(server)
    spent: list[Spent] = []
    yield lambda: spent[0]
    spent.append(Spent(time.perf_counter() - wall, used_by(pid) - cpu, traffic(server) - before))
