# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts of which there is only what they do with etcd: the lease, the watch and the client of the agent."""

from __future__ import annotations

import ipaddress
import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partialmethod
from http.client import HTTPException
from itertools import repeat
from typing import Any, NamedTuple

from engine import COMMAND

sys.path.append(str(COMMAND))
import core_path

core_path.add()

from _cnm.etcd import cluster, layout, member, watch
from _cnm.etcd.client import Client, Listing
from _cnm.etcd.errors import Unavailable
from _cnm.etcd.settings import Settings
from _cnm.etcd.transaction import LARGEST, Put
from _cnm.etcd.watch import Lost, Watch
from _cnm.model.addresses import mac_of
from _cnm.model.overlay_peer import Remote
from cnm_agent import lease
from cnm_agent.known import Known
from cnm_agent.lease import Lease
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
_PATIENCE = 60
"""Seconds in which etcd has to answer, and for which a lease lasts."""
_STACK = 256 * 1024
"""Bytes of each thread's stack: there are three threads for each host."""


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
    """A simulated host."""

    def __init__(self, settings: Settings, number: int) -> None:
        self._number = number
        self._client = Client(settings)
        self._lease = Lease(settings, lambda: None)
        self.watch = Watch(settings, layout.NETWORKS)

    def publish(self, endpoints: Sequence[int]) -> float:
        """Publish ENDPOINTS, by their numbers; return the time at which this begins."""
        values = {}
        for each in endpoints:
            address = ipaddress.IPv4Address(address_of(self._number, each))
            item = Remote(name_of(self._number, each), address, None, mac_of(address)).item
            values[layout.publication(NETWORK, vtep(self._number), item["name"])] = layout.packed(item)
        missing = operations(Publication({vtep(self._number)}, values), [], self._lease.identifier)
        begin = time.perf_counter()
        self._client.transaction([], missing)
        return begin

    def start(self) -> None:
        """Get a lease, and keep it."""
        self._lease.start()
        while not self._lease.identifier:
            time.sleep(0.01)


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
        self._size = self._lost = 0
        self.process = context.Process(target=self._serve, daemon=True)
        self.process.start()

    def _serve(self) -> None:
        threading.stack_size(_STACK)
        # The hosts wait for each other, because they share the machine.
        cluster.ATTEMPT = watch.ATTEMPT = lease.TTL = _PATIENCE
        member.Stream.__iter__ = partialmethod(self._drained)
        Client.list = _latest
        try:
            while True:
                what, *arguments = self._there.recv()
                self._there.send(getattr(self, f"_{what}")(*arguments))
        except BaseException as error:
            self._there.send(error)

    def _start(self) -> None:
        self._hosts = {number: Host(self._settings, number) for number in self._numbers}
        for host in self._hosts.values():
            host.start()

    def _publish(self, numbers: Sequence[int], endpoints: Sequence[int]) -> dict[int, float]:
        which = [number for number in numbers if number in self._hosts]
        with ThreadPoolExecutor(_AT_ONCE) as publishers:
            begun = publishers.map(Host.publish, [self._hosts[number] for number in which], repeat(endpoints))
            return dict(zip(which, begun))

    def _follow(self) -> None:
        for host in self._hosts.values():
            begun = threading.Event()
            threading.Thread(target=self._follow_for, args=(host, begun), daemon=True).start()
            begun.wait()

    def _told(self) -> Told:
        told, self._size, self._lost = Told(self._size, self._lost), 0, 0
        return told

    def _follow_for(self, host: Host, begun: threading.Event) -> None:
        for update in host.watch.updates():
            self._lost += isinstance(update, Lost)
            begun.set()

    def _drained(self, stream: member.Stream) -> Iterator[dict[str, Any]]:
        try:
            while chunk := stream._response.read1(1 << 16):
                self._size += len(chunk)
                yield {}
        except (OSError, HTTPException) as error:
            raise Unavailable(str(error)) from error
        raise Unavailable("The connection was closed.")


def _latest(client: Client, key: str) -> Listing:
    """Return the revision of etcd, without the keys that begin with KEY."""
    counted = {**client.keys.below(key), "count_only": True}
    return Listing(int(client.cluster.ask("kv/range", counted)["header"]["revision"]), [])


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
