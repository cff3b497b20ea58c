# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restoring everything in a store on a host whose kernel has lost it, as after a reboot."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from clock import Cost, measured
from dockerd import FOLDER as DOCKER
from host import on_its_own
from peers.docker import Engine
from peers.ours import Ours
from record import Key, Record
from stand_in import Host

from . import Plan

NETWORKS, ENDPOINTS = 230, 1000
_STORE = Path("/var/lib/cnm")


def run(plan: Plan, record: Record) -> None:
    """Create the store once, and restore it on a new host in each round. PLAN's sizes are networks and endpoints."""
    networks, endpoints = tuple(plan.sizes) if len(plan.sizes) == 2 else (NETWORKS, ENDPOINTS)
    with tempfile.TemporaryDirectory() as folder:
        if "ours" in plan.peers:
            on_its_own(lambda host: _fill(host, networks, endpoints, Path(folder)))
        for _round in range(plan.rounds):
            if "ours" in plan.peers:
                cost = on_its_own(lambda host: _restore(host, Path(folder)))
                record.add(Key("restore", f"{networks} networks with {endpoints} endpoints", networks, "ours"), cost)
            if "docker" in plan.peers:
                cost = on_its_own(lambda host: _restart(host, networks))
                record.add(Key("restore", f"{networks} networks with no endpoints", networks, "docker"), cost)


def _fill(host: Host, networks: int, endpoints: int, folder: Path) -> None:
    ours = Ours(host)
    ours.networks(networks)
    items = [{"name": f"s{each}", "networks": [{"name": f"n{each % networks}"}]} for each in range(endpoints)]
    ours.task(verb="ensure", kind="sandbox", items=items)
    shutil.copytree(_STORE, folder, dirs_exist_ok=True)


def _restore(host: Host, folder: Path) -> Cost:
    shutil.copytree(folder, _STORE, dirs_exist_ok=True)
    ours = Ours(host)
    cost = ours.task(verb="restore")
    if not ours.changed:
        raise RuntimeError("there was nothing to restore")
    return cost


def _restart(host: Host, networks: int) -> Cost:
    """Restart a dockerd with NETWORKS whose bridges and rules have been removed."""
    engine = Engine(host)
    try:
        engine.networks(networks)
        engine.docker.stop()
        links = [
            line.split(":")[1].strip() for line in host.out(["ip", "-o", "link", "show", "type", "bridge"]).splitlines()
        ]
        host.ip("".join(f"link delete {link}\n" for link in links))
        host.out(["nft", "flush", "ruleset"])
        (DOCKER / "pid").unlink(missing_ok=True)
        return Cost(measured(engine.start).wall, float("nan"))
    finally:
        engine.close()
