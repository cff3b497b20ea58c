# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""New connections from outside through a published port, with more ports and more networks on the host."""

from __future__ import annotations

import functools
import socket
import statistics
import struct
import time
from collections.abc import Sequence

from clock import Cost
from dockerd import IMAGE
from host import on_its_own
from lab import OUTSIDE4, UPLINK4, at, endpoint
from peers.docker import Engine
from peers.ours import Ours
from record import Key, Record
from stand_in import OUTSIDE, Host

from . import Plan

PORTS, NETWORKS = (1, 100, 1000), (1, 100, 500)
CONNECTIONS = 2000
FIRST_PORT = 8000
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: without it, closed connections would soon fill all ports with TIME_WAIT."""


def run(plan: Plan, record: Record) -> None:
    """Measure the peers in turn. The Cost is for one connection, with the median latency instead of CPU time."""
    for what, sizes in (("ports", PORTS), ("networks", NETWORKS)):
        for size in plan.sizes or sizes:
            for _round in range(plan.rounds):
                for name in ("ours", "docker"):
                    if name in plan.peers:
                        ports, networks = (size, 1) if what == "ports" else (1, size)
                        work = functools.partial(_measure, name=name, ports=ports, networks=networks)
                        record.add(Key("datapath", what, size, name), on_its_own(work))


def _measure(host: Host, name: str, ports: int, networks: int) -> Cost:
    host.ip("link delete uplink\n")
    host.ip(f"link add uplink type veth peer name wan netns {OUTSIDE}\naddress add {UPLINK4}/24 dev uplink\n")
    host.ip(f"address add {OUTSIDE4}/24 dev wan\nlink set wan up\n", OUTSIDE)
    host.ip(f"link set uplink up\nroute add default via {OUTSIDE4}\n")
    last = FIRST_PORT + ports - 1
    published = f"{FIRST_PORT}-{last}:{FIRST_PORT}-{last}"
    if name == "ours":
        ours = Ours(host)
        ours.networks(networks)
        item = {"name": "server", "networks": [{"name": "n0"}], "published_ports": [published]}
        ours.task(verb="ensure", kind="sandbox", items=[item])
        return _connect("server", last)
    engine = Engine(host)
    try:
        engine.docker.load_image()
        engine.networks(networks)
        engine.docker.command(
            "run", "--detach", "--name=server", "--network=n0", f"--publish={published}", IMAGE, "sleep", "10000"
        )
        pid = engine.docker.command("inspect", "--format={{.State.Pid}}", "server")
        return _connect(f"/proc/{pid}/ns/net", last)
    finally:
        engine.close()


def _connect(place: str, port: int) -> Cost:
    """Connect from outside to PORT of the host, which leads to a server at PLACE."""
    with endpoint(place, "tcp", "0.0.0.0", port) as server, at(OUTSIDE):
        server.listen(64)
        latencies: list[float] = []
        _some(server, port, 100, [])
        begin = time.perf_counter()
        _some(server, port, CONNECTIONS, latencies)
        return Cost((time.perf_counter() - begin) / CONNECTIONS, statistics.median(latencies))


def _some(server: socket.socket, port: int, number: int, latencies: list[float]) -> Sequence[float]:
    for _each in range(number):
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.settimeout(5)
            begin = time.perf_counter()
            client.connect((UPLINK4, port))
            latencies.append(time.perf_counter() - begin)
            server.accept()[0].close()
    return latencies
