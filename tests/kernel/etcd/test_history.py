# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that share the addresses of a network, while members of etcd are killed, stopped and cut off.

The hosts are pretended, each with a store of its own. etcd and the client are real.
"""

from __future__ import annotations

import ipaddress
import itertools
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from etcd_cluster import Cluster, cluster, needs_etcd
from fleet import Fleet, until
from history import History

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller
from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL, SLICES
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd import connection
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, InvalidInput
from ansible_collections.cnm.linux.tests.unit.plugins.module_utils.pretend import PretendKernel

pytestmark = needs_etcd
HOSTS = {"blue": 8, "red": 3}
"""How many hosts each network has."""
SUBNETS = {"blue": "10.9.0", "red": "10.10.0"}
"""Networks of 64 addresses.

Blue has eight slices of eight addresses, six of them for hosts: so two hosts have none, and the others use theirs up.
The hosts of red have no slices.
"""
SECONDS = 8.0
FAULT, PAUSE = 1.2, 0.8
"""Seconds: longer than an election."""
PATIENCE, BRIEF = 4.0, 0.5


class Host:
    """A host that starts and stops sandboxes at random, in a thread of its own."""

    def __init__(self, number: int, network: str, seed: int, folder: str, history: History) -> None:
        self.name = f"h{number}"
        self.network = network
        self._random = random.Random(f"{seed} {number}")
        self._folder = f"{folder}/{number}"
        self._kernel = PretendKernel()
        self._kernel.facts.ends = {f"192.0.2.{number}": ("eth0", 1500)}
        self._history = history
        self._holds: dict[str, set[str]] = {}
        self._has_joined = False
        self._numbers = itertools.count()
        self.outcomes: Counter[str] = Counter()

    def controller(self, check: bool = False) -> Controller:
        return Controller(self._kernel, lambda _text: None, check, self._folder)  # type: ignore[arg-type]

    def act(self) -> None:
        """Do something at random, and note what it holds afterwards."""
        choice = self._random.random()
        if not self._has_joined:
            self._join()
        elif choice < 0.03:
            self._leave()
        elif choice < 0.6 and len(self._holds) < 12:
            self._start(f"{self.name}-{next(self._numbers)}")
        elif self._holds:
            self._stop(self._random.choice(sorted(self._holds)))

    def end(self) -> None:
        """Make up for what it has given up, and leave."""
        assert until(lambda: self.controller().give_up(), 20)

    def single(self) -> set[str]:
        """Return the addresses that it has in its store outside of its slice, with their endpoints."""
        networks = self.controller().describe("network", lambda _store, one: one.name == self.network)
        ranges = [pool.get("IPRange") for each in networks for pool in each["IPAM"]["Config"]]
        return {address for held in self._holds.values() for address in held if not _within(address, ranges)}

    def _run(self, what: str, kind: str, item: dict[str, Any]) -> bool:
        try:
            self.controller().ensure(kind, [item])
        except InvalidInput:
            self.outcomes[f"{what} refused"] += 1
        except CnmError:
            self.outcomes[f"{what} failed"] += 1
        else:
            self.outcomes[f"{what} done"] += 1
            return True
        return False

    def _join(self) -> None:
        options = {CONTROL: "etcd", SLICES: str(self.network == "blue")}
        pools = [{"subnet": f"{SUBNETS[self.network]}.0/26"}]
        item = {"name": self.network, "driver": "overlay", "driver_options": options, "ipam_config": pools}
        self._has_joined = self._run("join", "network", item)

    def _leave(self) -> None:
        self._note({})
        self._run("leave", "network", {"name": self.network, "state": "absent", "force": True})
        self._has_joined = False

    def _start(self, name: str) -> None:
        attachment: dict[str, Any] = {"network": self.network, "name": name}
        if self._random.random() < 0.5:
            attachment["ipv4_address"] = f"{SUBNETS[self.network]}.{self._random.randrange(2, 63)}"
        if self._run("start", "endpoint", attachment):
            endpoints = self.controller().describe("endpoint", lambda _store, one: one.name == name)
            self._note({**self._holds, name: {each["IPv4Address"].partition("/")[0] for each in endpoints}})

    def _stop(self, name: str) -> None:
        self._note({each: held for each, held in self._holds.items() if each != name})
        self._run("stop", "endpoint", {"network": self.network, "name": name, "state": "absent"})

    def _note(self, holds: dict[str, set[str]]) -> None:
        for name in {*self._holds, *holds}:
            self._history.got(name, holds.get(name, set()))
        self._holds = holds


def _within(address: str, ranges: list[Any]) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(each) for each in ranges if each)


@contextmanager
def fault(fleet: Fleet, etcd: Cluster, chance: random.Random) -> Iterator[None]:
    """Let something at random be wrong with etcd during the block."""
    number = chance.randrange(3)
    member, others = etcd.members[number], etcd.others(etcd.members[number])
    kind = chance.choice(("kill", "stop", "cut off", "no quorum"))
    if kind == "kill":
        member.kill()
    elif kind == "cut off":
        fleet.plug(number + 1, False)
    else:
        for each in others if kind == "no quorum" else [member]:
            each.stop()
    try:
        yield
    finally:
        if kind == "kill":
            member.start()
        elif kind == "cut off":
            fleet.plug(number + 1, True)
        else:
            for each in others if kind == "no quorum" else [member]:
                each.resume()


def test_no_address_is_held_twice(fleet: Fleet, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History()
    chance = random.Random(seed)
    over = threading.Event()
    with cluster(fleet_members=fleet.members) as etcd, tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        etcd.leader()
        with fleet.switch.here():
            fleet._ip("address add 10.99.5.100/24 dev sw\n")
            monkeypatch.setattr(
                connection,
                "_client",
                lambda _why, brief: ("", etcd.client(patience=BRIEF if brief else PATIENCE)),
            )
            networks = [name for name, count in HOSTS.items() for _number in range(count)]
            hosts = [Host(number, name, seed, folder, history) for number, name in enumerate(networks, 1)]
            broken: list[BaseException] = []
            threads = [threading.Thread(target=work, args=(each, over, broken)) for each in hosts]
            for each in threads:
                each.start()
            deadline = time.monotonic() + SECONDS
            time.sleep(PAUSE)
            while time.monotonic() < deadline and not broken:
                with fault(fleet, etcd, chance):
                    time.sleep(FAULT)
                time.sleep(PAUSE)
            over.set()
            for each in threads:
                each.join()
            assert broken == []
            by = {name: sum((each.outcomes for each in hosts if each.network == name), Counter()) for name in HOSTS}
            assert history.conflicts() == [], by
            # Everything happened, and what was refused or failed has left nothing.
            for outcomes in by.values():
                assert outcomes["start done"] > 20 and outcomes["start refused"], by
            assert by["blue"]["leave done"], by
            for each in hosts:
                each.end()
            left = {each.key.rpartition("/")[2] for each in etcd.client().list("addresses/").entries}
            assert left == set().union(*(each.single() for each in hosts)), by


def work(host: Host, over: threading.Event, broken: list[BaseException]) -> None:
    try:
        while not over.is_set():
            host.act()
    except BaseException as error:
        broken.append(error)
