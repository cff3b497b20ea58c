# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent on a pretended host, with a pretended etcd."""

from __future__ import annotations

import json
import queue
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import pytest

# As core_path.py does.
sys.path += [str(Path(__file__).resolve().parents[3] / part) for part in ("command", "plugins/module_utils")]

from _cnm.etcd.client import Listing
from _cnm.etcd.entries import Entry, Removed
from _cnm.etcd.errors import LeaseGone
from _cnm.etcd.settings import Settings
from _cnm.etcd.settings_file import HostSettings
from _cnm.etcd.transaction import Operation, Outcome, Put
from _cnm.etcd.watch import Changes, Lost, Update
from cnm_agent import agent as agent_module
from cnm_agent import lease as lease_module
from cnm_agent.agent import Agent
from cnm_service.turns import Turns

from ..engines.conftest import Engine
from ..plugins.module_utils.pretend_etcd import PretendEtcd

CONTROL, VTEP = "cnm.overlay.control", "cnm.overlay.vtep_address"


class Etcd(PretendEtcd):
    """A pretended etcd. It is at once the client and the watch of the agent."""

    def __init__(self) -> None:
        super().__init__("_cnm")
        self.leases: List[int] = []
        self.transactions: List[List[Operation]] = []
        self.delayed: Optional[List[Update]] = None
        """What the watch does not tell yet; None if it tells everything at once."""
        self._updates: "queue.Queue[Optional[Update]]" = queue.Queue()

    # What tests do

    def put(self, key: str, value: Optional[bytes] = None, **item: Any) -> None:
        """Let another host publish an endpoint; with a VALUE, do what the client does."""
        if value is not None:
            super().put(key, value)
        else:
            self.put_all({key: item})

    def put_all(self, items: Dict[str, Dict[str, Any]]) -> None:
        self._write([Put(f"networks/{key}", json.dumps(item).encode(), 99) for key, item in items.items()])

    def remove(self, *keys: str) -> None:
        self._remove([f"networks/{key}" for key in keys])

    def join(self, network: str, host: str, address: str) -> None:
        """Let another host join a network."""
        self._write([Put(f"networks/{network}/members/{host}", json.dumps(address).encode())])

    def leave(self, network: str, host: str) -> None:
        """Let another host leave a network."""
        self._remove([f"networks/{network}/members/{host}"])

    def expire(self) -> None:
        """Let the agent's lease expire, with its keys."""
        gone = self.leases.pop()
        self._remove([key for key, entry in self.entries.items() if entry.lease == gone])

    def lose(self) -> None:
        """Let the watch end."""
        self._updates.put(Lost("It is gone."))

    def tell_all(self) -> None:
        """Let the watch begin, with a listing."""
        self._updates.put(Listing(self.revision, list(self.entries.values())))

    def tell_delayed(self) -> None:
        """Let the watch tell what it has not told yet."""
        delayed, self.delayed = self.delayed or [], None
        for each in delayed:
            self._updates.put(each)

    def own(self) -> Dict[str, Any]:
        """Return the values that the agent has published, by key."""
        kept = {key: entry for key, entry in self.entries.items() if entry.lease in self.leases}
        return {key.partition("/")[2]: json.loads(entry.value) for key, entry in kept.items()}

    # What the agent calls

    def transaction(self, conditions: List[Any], then: List[Operation], otherwise: Any = ()) -> Outcome:
        if any(isinstance(each, Put) and each.lease and each.lease not in self.leases for each in then):
            self._answer()
            raise LeaseGone("There is no such lease.")
        outcome: Outcome = super().transaction(conditions, then, otherwise)
        if any(each.key.split("/")[2:3] == ["hosts"] for each in then):
            self.transactions.append(then)
        return outcome

    def grant(self, _seconds: int) -> int:
        self._answer()
        self.leases.append(len(self.transactions) + 100)
        return self.leases[-1]

    def keep_alive(self, lease: int) -> int:
        self._answer()
        if lease not in self.leases:
            raise LeaseGone("There is no such lease.")
        return 8

    def updates(self) -> Iterator[Update]:
        while (update := self._updates.get()) is not None:
            yield update

    def end(self) -> None:
        self._updates.put(None)

    def _write(self, puts: List[Put]) -> None:
        super()._write(puts)
        self._tell([self.entries[each.key] for each in puts])

    def _remove(self, keys: List[str]) -> None:
        super()._remove(keys)
        self._tell([Removed(key, self.revision) for key in keys])

    def _tell(self, changes: "List[Union[Entry, Removed]]") -> None:
        if changes and self.delayed is not None:
            self.delayed.append(Changes(self.revision, changes))
        elif changes:
            self._updates.put(Changes(self.revision, changes))


class Told(Engine):
    """A host, which is h1 at 192.0.2.1, with the overlay 'green' and two peers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.overlay("green")

    def overlay(self, name: str, *numbers: int, control: str = "etcd", **more: Any) -> None:
        peers = [{"name": f"h{number}", "address": f"192.0.2.{number}"} for number in numbers or (2, 3)]
        subnet = {"green": "10.9.0.0/16", "blue": "10.8.0.0/16"}[name]
        options = {CONTROL: control, VTEP: "192.0.2.1"}
        pool = {"subnet": subnet, "iprange": subnet.replace("/16", "/24")}
        item = {"name": name, "driver": "overlay", "ipam_config": [pool], "peers": peers}
        self.ensure("network", {**item, "driver_options": options, **more})

    def sandbox(self, name: str, network: str = "green", state: str = "started", **attachment: Any) -> None:
        self.ensure("sandbox", {"name": name, "state": state, "networks": [{"name": network, **attachment}]})

    def known(self, network: str = "green") -> Dict[str, str]:
        """Return the endpoints on other hosts, each with its address and its host."""
        endpoints = self.listed("network")[network]["Containers"].values()
        return {each["Name"]: f"{each['IPv4Address'][:-3]} {each['Host']}" for each in endpoints if "Host" in each}

    def knows(self, **endpoints: str) -> bool:
        """Return whether it soon knows exactly ENDPOINTS."""
        return eventually(lambda: self.known() == endpoints)


@pytest.fixture()
def told(tmp_path: Path, etcd: Etcd) -> Told:
    return Told(tmp_path)


@pytest.fixture()
def etcd(monkeypatch: pytest.MonkeyPatch) -> Etcd:
    made = Etcd()
    made.install(monkeypatch)
    monkeypatch.setattr(agent_module, "Client", lambda _settings: made)
    monkeypatch.setattr(agent_module, "Watch", lambda _settings, _key: made)
    monkeypatch.setattr(lease_module, "Client", lambda _settings: made)
    for name in ("_TICK", "_PAUSE", "_ECHO"):
        monkeypatch.setattr(agent_module, name, 0.05)
    monkeypatch.setattr(lease_module, "_INTERVAL", 60.0)
    return made


@contextmanager
def running(told: Told, etcd: Etcd, host: str = "") -> Iterator[None]:
    """Let the agent of TOLD, which the others call HOST, work during the block."""
    turns = Turns()
    made = Agent(HostSettings(Settings([], ""), host), told.core, turns.do, told.warnings.append, told.folder)
    made.start()
    etcd.tell_all()
    try:
        yield
    finally:
        begun = time.monotonic()
        made.end()
        assert time.monotonic() - begun < 2
        turns.end()


@pytest.fixture()
def agent(told: Told, etcd: Etcd) -> Iterator[None]:
    """The agent of TOLD, which works."""
    with running(told, etcd):
        yield


def eventually(holds: Callable[[], Any]) -> bool:
    deadline = time.monotonic() + 20
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
