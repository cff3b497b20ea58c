# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers that an engine starts, on our network and on the engine's own."""

from __future__ import annotations

import functools
import itertools
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cnm_client
from clock import Cost, measured, median, used_alone_by, used_by
from dockerd import FOLDER, IMAGE, Dockerd
from engine import COMMAND
from host import on_its_own
from peers import SUBNET, cni, namespaces
from peers.ours import Ours
from podman import Podman
from record import Key, Record
from seed import stopped_sandboxes
from service import Service, service
from stand_in import Host

from . import Plan

SIZE = 50
"""How many containers start at once, and how many requests are measured."""
_EXISTING = 1000
"""How many other sandboxes the host has when requests to the service are measured."""
_PLUGIN = Path("/run/docker/plugins/cnm.sock")
_OUR_SUBNET = "10.9.0.0/16"
_PYTHON = "/usr/bin/python3"
"""With which the role installs the service."""
_PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
_BRIDGE = {
    "type": "bridge",
    "bridge": "cni0",
    "isGateway": True,
    "ipMasq": True,
    "ipam": {"type": "host-local", "ranges": [[{"subnet": SUBNET}]], "routes": [{"dst": "0.0.0.0/0"}]},
}
_CHAINS = {
    "ours": [(f"{COMMAND}/cnm-cni", {"type": "cnm", "capabilities": {"portMappings": True}})],
    "cni": [("bridge", _BRIDGE), ("portmap", _PORTMAP)],
}
"""Programs and their configuration, by whom they are of."""
Measured = Sequence[tuple[str, str, Cost]]
"""What was measured, of whom, and what it costs for each container."""


def run(plan: Plan, record: Record) -> None:
    """Measure Docker and Podman with our network and their own, then the plugins of CNI, each on its own host.

    Rules that one plugin changes would make another list them again.
    """
    (size,) = plan.sizes or (SIZE,)
    chains = [functools.partial(_cni, subject=subject) for subject in _CHAINS]
    for _round in range(plan.rounds):
        for part in (_docker, _podman, *chains, _requests):
            for what, subject, cost in on_its_own(functools.partial(part, size=size)):
                record.add(Key("containers", what, size, subject), cost)


def _docker(host: Host, size: int) -> Measured:
    host.have_name_server()
    docker = Dockerd(host)
    _PLUGIN.parent.mkdir(parents=True)
    ours = Ours(host)
    ours.task(verb="ensure", kind="network", items=[{"name": "blue", "ipam_config": [{"subnet": _OUR_SUBNET}]}])
    running = Service(_PLUGIN, "docker", f"--docker-api={FOLDER}/socket", python=_PYTHON)
    try:
        docker.start(**{"userland-proxy": "false", "live-restore": "false"})
        docker.load_image()
        docker.command("network", "create", "--driver=cnm", "--ipam-driver=cnm", f"--subnet={_OUR_SUBNET}", "ours")
        docker.command("network", "create", "docker")
        results: list[tuple[str, str, Cost]] = []
        starts = {
            network: functools.partial(docker.command, "run", "--rm", f"--network={network}", IMAGE, "sleep", "0")
            for network in ("ours", "docker")
        }
        results += _in_turn("docker run --rm", starts, size // 5)
        for network in starts:
            start = functools.partial(_at_once, functools.partial(_start, docker, network), size)
            results.append(("docker run, all at once", network, _wall(measured(start).wall / size)))
        results.append(("memory of the service", "ours", Cost(0, 0, _resident(running.pid))))
        return results
    finally:
        names = docker.command("ps", "--all", "--quiet").split()
        if names:
            docker.command("rm", "--force", *names)
        docker.end()
        running.kill()
        host.kill_name_server()


def _podman(host: Host, size: int) -> Measured:
    host.have_name_server()
    Ours(host).task(verb="ensure", kind="network", items=[{"name": "blue", "ipam_config": [{"subnet": _OUR_SUBNET}]}])
    podmans = {"ours": Podman(host, "blue"), "netavark": Podman(host, "podman", "netavark")}
    try:
        with service(python=_PYTHON):
            starts = {
                subject: functools.partial(podman.run, "one", "sh -c exit", "--rm")
                for subject, podman in podmans.items()
            }
            return _in_turn("podman run --rm", starts, size // 5)
    finally:
        for each in podmans.values():
            each.end()
        host.kill_name_server()


def _in_turn(what: str, starts: Mapping[str, Callable[[], object]], times: int) -> list[tuple[str, str, Cost]]:
    """Measure STARTS, in turn so that all meet the same noise, after one of each that makes what stays."""
    costs: dict[str, list[float]] = {subject: [] for subject in starts}
    for start in starts.values():
        start()
    for _time, (subject, start) in itertools.product(range(max(times, 1)), starts.items()):
        costs[subject].append(measured(start).wall)
    return [(what, subject, _wall(sum(each) / len(each))) for subject, each in costs.items()]


def _wall(seconds: float) -> Cost:
    """Return a cost whose CPU time is unknown, because daemons do the work."""
    return Cost(seconds, math.nan)


def _start(docker: Dockerd, network: str, _number: int) -> None:
    docker.command("run", "--detach", f"--network={network}", IMAGE, "sleep", "10000")


def _at_once(start: Callable[[int], None], size: int) -> None:
    with ThreadPoolExecutor(size) as pool:
        list(pool.map(start, range(size)))


def _resident(pid: int) -> float:
    """Return the memory that the process PID uses, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _cni(host: Host, size: int, subject: str) -> Measured:
    host.have_name_server()
    os.makedirs("/var/lib/cni", exist_ok=True)
    Ours(host).networks(1)
    namespaces.make(0, size + 1)
    chain = _CHAINS[subject]
    results: list[tuple[str, str, Cost]] = []
    try:
        with service(python=_PYTHON) as running:
            # The first one makes the bridge, and starts what stays.
            _call(chain, "ADD", 0)
            for command in ("ADD", "DEL"):
                before = used_by(running.pid)
                costs = [measured(functools.partial(_call, chain, command, number)) for number in range(1, size + 1)]
                cpu = sum(cost.cpu for cost in costs) + used_by(running.pid) - before
                results.append((f"CNI {command}", subject, Cost(sum(cost.wall for cost in costs) / size, cpu / size)))
        return results
    finally:
        host.kill_name_server()


def _requests(host: Host, size: int) -> Measured:
    """Measure the service alone, without the plugin that asks it: what an endpoint costs where there are many."""
    Ours(host).networks(1)
    stopped_sandboxes(_EXISTING)
    namespaces.make(0, 2)
    costs: dict[str, list[Cost]] = {"ADD": [], "DEL": []}
    with service(python=_PYTHON) as running:
        _ask("ADD", 0)
        for _time, (command, each) in itertools.product(range(size * 2), costs.items()):
            before = used_alone_by(running.pid)
            wall = measured(functools.partial(_ask, command, 1)).wall
            each.append(Cost(wall, used_alone_by(running.pid) - before))
    return [(f"service, {command}, {_EXISTING} others", "ours", median(each)) for command, each in costs.items()]


def _ask(command: str, number: int) -> None:
    text = json.dumps({"cniVersion": "1.1.0", "name": "n0", "type": "cnm"})
    words = [f"{name}={value}".encode() for name, value in cni.variables(command, number).items()]
    answer, _begun = cnm_client.ask(cnm_client.request(b"cni", text.encode(), [], words))
    if answer[:1] != [b"0"]:
        raise RuntimeError(answer)


def _call(chain: Sequence[tuple[str, dict[str, Any]]], command: str, number: int) -> None:
    """Call the plugins of CHAIN as an engine does, in the opposite order for DEL."""
    ports = {"portMappings": [{"hostPort": 20000 + number, "containerPort": 80, "protocol": "tcp"}]}
    result: Any = None
    for program, plugin in chain if command == "ADD" else reversed(chain):
        text = {"cniVersion": "0.4.0", "name": "n0", **plugin, "runtimeConfig": ports}
        result = cni.call(program, command, number, text if result is None else {**text, "prevResult": result})
