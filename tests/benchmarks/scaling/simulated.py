# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts of which there is only what they do with etcd, by the agent's code."""

from __future__ import annotations

import ipaddress
import multiprocessing
import selectors
import socket
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any, NamedTuple

from engine import COMMAND

sys.path.append(str(COMMAND))
import core_path

core_path.add()

from _cnm.etcd import cluster, layout
from _cnm.etcd.client import Client, Listing
from _cnm.etcd.settings import Settings
from _cnm.etcd.transaction import LARGEST, Put
from _cnm.etcd.watch import Lost, Watch
from _cnm.model.addresses import mac_of
from _cnm.model.overlay_peer import Remote
from cnm_agent.known import Known
from cnm_agent.publication import Publication, operations
from cnm_agent.records import parts

NETWORK = "blue"
ENDPOINTS = 20
"""On each host."""
SUBNET = "100.64.0.0/10"
"""Large enough for slices of more than a thousand hosts (RFC 6598)."""
GATEWAY = "100.64.0.1"
_SLICE = 2048
_PROCESSES = 4
_AT_ONCE = 4
"""How many hosts of each process publish at once."""
_PATIENCE, _TTL = 60, 600
"""Seconds in which etcd has to answer, and for which a lease lasts."""
_INTERVAL = 2.0
"""Seconds after which an agent keeps its lease, and asks the member again."""


class Told(NamedTuple):
    """What a crowd was told since it was asked last."""

    size: int
    """Bytes."""
    lost: int
    """How many watches have ended."""


def address_of(host: int, endpoint: int) -> str:
    """Return the address of an ENDPOINT of a HOST, by their numbers, of which the hosts' start at 1."""
    return str(ipaddress.IPv4Address("100.64.0.0") + host * _SLICE + endpoint)


def name_of(host: int, endpoint: int) -> str:
    """Return the name of an ENDPOINT of a HOST, by their numbers."""
    return f"e{host}-{endpoint}"


def vtep(host: int) -> str:
    """Return what the others call a HOST: the address of its VTEP."""
    return f"192.168.{host // 250}.{1 + host % 250}"


def join(settings: Settings, hosts: int) -> None:
    """Let HOSTS hosts have joined the network, each with a slice."""
    puts = []
    for number in range(1, hosts + 1):
        puts.append(Put(layout.members(NETWORK) + vtep(number), layout.packed(vtep(number))))
        puts.append(Put(layout.slices(NETWORK) + address_of(number, 0), layout.packed(vtep(number))))
    client = Client(settings)
    for first in range(0, len(puts), LARGEST):
        client.transaction([], puts[first : first + LARGEST])
    client.close()


class Host:
    """A simulated host. It sends what an agent sends, but one thread does it for many."""

    def __init__(self, settings: Settings, number: int) -> None:
        """Create the host with NUMBER, with a lease."""
        self._number = number
        self._publisher, self._keeper, self._guard = (Client(settings) for _connection in range(3))
        self._lease = self._keeper.grant(_TTL)

    def publish(self, endpoints: Sequence[int]) -> float:
        """Publish ENDPOINTS, by their numbers; return the time at which this begins."""
        values = {}
        for each in endpoints:
            address = ipaddress.IPv4Address(address_of(self._number, each))
            item = Remote(name_of(self._number, each), address, None, mac_of(address)).item
            values[layout.publication(NETWORK, vtep(self._number), item["name"])] = layout.packed(item)
        missing = operations(Publication({vtep(self._number)}, values), [], self._lease)
        begin = time.perf_counter()
        self._publisher.transaction([], missing)
        return begin

    def follow(self) -> socket.socket:
        """Begin to follow the network, as an agent does after its first listing; return where its messages come."""
        body = {"create_request": self._guard.keys.below(layout.NETWORKS)}
        connection: socket.socket = self._guard.cluster.stream("watch", body)._connection
        connection.setblocking(False)
        return connection

    def keep(self) -> None:
        """Do what an agent does every two seconds: keep the lease, and ask whether the watched member still answers."""
        self._keeper.keep_alive(self._lease)
        self._guard.cluster.ask("kv/range", {"key": "AA==", "serializable": True, "count_only": True})


class Crowd:
    """Many simulated hosts in a few processes. What etcd tells them is read, but not parsed."""

    def __init__(self, settings: Settings, hosts: int) -> None:
        """Start HOSTS hosts, each with a lease."""
        self._parts = [_Part(settings, range(first, hosts + 1, _PROCESSES)) for first in range(1, _PROCESSES + 1)]
        self._all("start")

    def publish(self, hosts: Sequence[int], endpoints: Sequence[int]) -> dict[int, float]:
        """Let HOSTS publish ENDPOINTS, all by their numbers; return when each began."""
        begun: dict[int, float] = {}
        for each in self._all("publish", hosts, endpoints):
            begun.update(each)
        return begun

    def follow(self) -> None:
        """Let each host follow the network from now on, as an agent does after its first listing."""
        self._all("follow")

    def pause(self, whether: bool) -> None:
        """Stop what hosts do regularly, or go on with it."""
        self._all("pause", whether)

    def told(self) -> Told:
        """Return what the hosts were told since the last call."""
        return Told(*map(sum, zip(*self._all("told"))))

    def end(self) -> None:
        """Kill all."""
        for each in self._parts:
            each.process.kill()
            each.process.join()

    def _all(self, what: str, *arguments: Any) -> list[Any]:
        for each in self._parts:
            each.pipe.send((what, *arguments))
        answers = [each.pipe.recv() for each in self._parts]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers


class _Part:
    """A process with some of the hosts."""

    def __init__(self, settings: Settings, numbers: Sequence[int]) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, self._there = context.Pipe()
        self._settings = settings
        self._numbers = numbers
        self._hosts: dict[int, Host] = {}
        self._messages = selectors.DefaultSelector()
        self._size = self._lost = 0
        self._paused = False
        self.process = context.Process(target=self._serve, daemon=True)
        self.process.start()

    def _serve(self) -> None:
        # The hosts wait for each other, because they share the machine.
        cluster.ATTEMPT = _PATIENCE
        try:
            while True:
                what, *arguments = self._there.recv()
                self._there.send(getattr(self, f"_{what}")(*arguments))
        except BaseException as error:
            self._there.send(error)

    def _start(self) -> None:
        self._hosts = {number: Host(self._settings, number) for number in self._numbers}
        threading.Thread(target=self._keep, daemon=True).start()

    def _publish(self, numbers: Sequence[int], endpoints: Sequence[int]) -> dict[int, float]:
        which = [number for number in numbers if number in self._hosts]
        with ThreadPoolExecutor(_AT_ONCE) as publishers:
            begun = publishers.map(Host.publish, [self._hosts[number] for number in which], repeat(endpoints))
            return dict(zip(which, begun))

    def _follow(self) -> None:
        for host in self._hosts.values():
            self._messages.register(host.follow(), selectors.EVENT_READ)
        threading.Thread(target=self._drain, daemon=True).start()

    def _pause(self, whether: bool) -> None:
        self._paused = whether

    def _told(self) -> Told:
        told, self._size, self._lost = Told(self._size, self._lost), 0, 0
        return told

    def _keep(self) -> None:
        while True:
            begin = time.monotonic()
            for number, host in enumerate(self._hosts.values(), 1):
                if not self._paused:
                    host.keep()
                time.sleep(max(begin + _INTERVAL * number / len(self._hosts) - time.monotonic(), 0))

    def _drain(self) -> None:
        while True:
            for key, _events in self._messages.select():
                try:
                    size = len(key.fileobj.recv(1 << 16))
                except OSError:
                    size = 0
                self._size += size
                if not size:
                    self._lost += 1
                    self._messages.unregister(key.fileobj)


class Follower:
    """A simulated host that takes over what it is told, as the agent does, and notes when."""

    def __init__(self, settings: Settings) -> None:
        """Begin to follow."""
        self._watch = Watch(settings, layout.NETWORKS)
        self._known = Known()
        self.heard: dict[str, float] = {}
        """When it has heard of each endpoint, by its name."""
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End it."""
        self._watch.end()
        self._thread.join()

    def _follow(self) -> None:
        for update in self._watch.updates():
            if isinstance(update, Lost):
                continue
            self._known.hear(update)
            now = time.perf_counter()
            for each in update.entries if isinstance(update, Listing) else update.changes:
                endpoint = parts(each.key)
                if endpoint is not None:
                    self.heard.setdefault(endpoint.endpoint, now)
