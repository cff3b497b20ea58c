# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that only one object can have are chosen and checked after all items of a run have been read.

So an address, a subnet or a name can pass from one object to another within one run, whatever their order in the list.
Only what the run has changed is checked. If two objects want the same thing, the one that had it before keeps it, or
else the one listed first. The other one is reported.
"""

from __future__ import annotations

import os
from typing import Callable, Dict, Hashable, Iterable, Iterator, List, Optional, Sequence, Set, Tuple, TypeVar

from ..adopted import only_root_redirects
from ..composition.attachments import has_host_stack
from ..drivers import driver
from ..model.addresses import address_of
from ..model.endpoint import Endpoint
from ..model.network import DEFAULT, Network
from ..model.sandbox import NAMESPACES, Sandbox
from ..store.journal import Unit
from ..store.objects import SqliteStore
from .addresses import addressed, check_displaced, check_remotes, claim_addresses, forget_reported, has_own_mac
from .context import Context
from .free_addresses import FreeAddresses
from .interfaces import named

T = TypeVar("T", Network, Sandbox, Endpoint)


def assign_unique_values(context: Context, before: SqliteStore) -> None:
    """Choose what the items of a run have left open, and check that nothing is used twice.

    :param before: the store as it was before the run
    """
    claim_addresses(context)
    free: Dict[Tuple[str, int], FreeAddresses] = {}
    for (kind, identifier), subject in context.subjects.items():
        written = context.store.endpoint(identifier) if kind == "endpoint" else None
        network = context.store.network(written.network) if written is not None else None
        if written is None or network is None or not driver(network.driver).has_addresses:
            continue
        check_remotes(context, network, written, subject)
        with context.problems.about(subject):
            written = named(context, network, addressed(context, network, written, free))
            context.store.put_endpoint(written)
            forget_reported(context, network, written)
    if context.published:
        from .host_ports import assign_host_ports

        assign_host_ports(context)
    check_displaced(context)
    _Uniqueness(context, before).check()


class _Uniqueness:
    """The objects that a run has written, in the order of its items, and the store as it was before."""

    def __init__(self, context: Context, before: SqliteStore) -> None:
        self._context = context
        self._store = context.store
        self._before = before
        self._places = {unit: place for place, unit in enumerate(context.subjects)}

    def check(self) -> None:
        """Add to the problems what is used twice."""
        written = sorted(self._store.touched, key=lambda unit: (self._place(*unit), unit))
        sandboxes: Dict[str, None] = {}
        networks: Dict[str, None] = {}
        for kind, identifier in written:
            if kind == "network":
                networks[identifier] = None
            elif kind == "sandbox":
                sandboxes[identifier] = None
            else:
                endpoint = self._store.endpoint(identifier)
                if endpoint is not None and endpoint.sandbox is not None:
                    sandboxes[endpoint.sandbox] = None
        self._check_networks([each for each in map(self._store.network, networks) if each])
        self._check_namespaces([each for each in map(self._store.sandbox, sandboxes) if each])
        for identifier in sandboxes:
            sandbox = self._store.sandbox(identifier)
            if sandbox is not None:
                self._check_attachments(sandbox)
        self._check_endpoints([unit.id for unit in written if unit.kind == "endpoint"])

    def _place(self, kind: str, identifier: str) -> int:
        return self._places.get(Unit(kind, identifier), len(self._places))

    def _twice(self, kind: str, items: Iterable[T], key: Callable[[T], Optional[Hashable]]) -> Iterator[Tuple[T, T]]:
        """Yield each of ITEMS whose KEY another one already has, with that other one."""

        def order(item: T) -> Tuple[bool, int]:
            was = getattr(self._before, kind)(item.id)
            is_same = was is item or (was is not None and key(was) == key(item))
            # False sorts first: who had the value before keeps it.
            return not is_same, self._place(kind, item.id)

        holders: Dict[Hashable, T] = {}
        for item in sorted(items, key=order):
            value = key(item)
            if value is not None and holders.setdefault(value, item) is not item:
                yield item, holders[value]

    def _check_networks(self, networks: List[Network]) -> None:
        self._check_subnets(networks)
        for network in networks:
            was = self._before.network(network.id)
            # It was checked in the run that gave it its devices.
            if was is not None and _claim(was) == _claim(network):
                continue
            for device in driver(network.driver).devices(network):
                self._check_device(self._on_device(network, device))
        if any(driver(network.driver).scope == "global" for network in networks):
            from .overlay import check_holders, same_tunnel, tunnel

            for one, other in self._twice("network", self._store.networks(), tunnel):
                self._context.problems.add(f"{self._context.subject('network', one)}: {same_tunnel(one, other)}")
            for network in networks:
                check_holders(self._context, network)

    def _check_device(self, networks: List[Network]) -> None:
        """Check that NETWORKS can have the same device."""

        def order(network: Network) -> Tuple[bool, int]:
            was = self._before.network(network.id)
            return was is None or _claim(was) != _claim(network), self._place("network", network.id)

        # Who had it before keeps it.
        ordered = sorted(networks, key=order)
        for place, one in enumerate(ordered):
            sentences = (driver(one.driver).clash(one, other) for other in ordered[:place])
            sentence = next(filter(None, sentences), "")
            if sentence:
                self._context.problems.add(f"{self._context.subject('network', one)}: {sentence}")

    def _on_device(self, network: Network, device: str) -> List[Network]:
        """Return the networks that have DEVICE, which is one of NETWORK's: by their options or by their ids."""
        networks = self._store.networks_on_bridge(device) + self._store.networks_on_parent(device)
        # A device that is named after an id is found by that id, without reading all networks.
        digits = device.partition("-")[2]
        for other in (
            self._store.network_named(DEFAULT),
            self._store.find_network(digits) if len(digits) == 12 else None,
        ):
            if other is not None and _device(other) == device and other not in networks:
                networks.append(other)
        return networks

    def _check_subnets(self, networks: List[Network]) -> None:
        """Check that the subnets of networks do not overlap; those that existed before take precedence."""
        for version in (4, 6):
            moved = {one.id: one for one in networks if one.pool(version) and self._has_moved(one, version)}
            # The networks that have not had their turn do not count: the first in the list keeps a subnet.
            later = set(moved)
            for identifier, network in moved.items():
                pool = network.pool(version)
                other = self._store.network_over(pool.subnet, but=later) if pool else None
                if pool is None or other is None:
                    later.discard(identifier)
                    continue
                held = other.pool(version)
                self._context.problems.add(
                    f"{self._context.subject('network', network)}: subnet {pool.subnet} overlaps "
                    f"{held.subnet if held else ''} of network '{other.name}'."
                )

    def _has_moved(self, network: Network, version: int) -> bool:
        """Say whether NETWORK got its subnet of family VERSION in this run."""
        was, now = self._before.network(network.id), network.pool(version)
        held = was.pool(version) if was is not None else None
        return now is not None and (held is None or held.subnet != now.subnet)

    def _check_namespaces(self, sandboxes: List[Sandbox]) -> None:
        """Check that no two sandboxes use the same namespace, by the same path or by two paths."""
        adopting = [sandbox for sandbox in sandboxes if sandbox.netns is not None and self._may_be_other(sandbox)]
        if not adopting:
            return

        host = self._context.host

        def identity(sandbox: Sandbox) -> Optional[str]:
            return sandbox.identity or host.namespace_id(sandbox.path)

        adopters = {sandbox.id: sandbox for sandbox in adopting}
        alike = dict(adopters)
        for other in filter(None, map(self._store.sandbox, self._alike(adopting, set(map(identity, adopting))))):
            alike[other.id] = other
        for key in (_path, identity):
            for one, other in self._twice("sandbox", alike.values(), key):
                if one.id not in adopters:
                    # Its path leads where it led before.
                    one, other = other, one
                subject = self._context.subject("sandbox", one)
                text = f"{subject}: the namespace at '{one.path}' is already used by sandbox '{other.name}'."
                self._context.problems.add(text)

    def _alike(self, adopting: Sequence[Sandbox], identities: Set[Optional[str]]) -> Iterator[str]:
        """Yield the ids of sandboxes that may use the namespaces that ADOPTING adopt, which have IDENTITIES.

        Two paths lead to the same namespace if they are the same file. A file is found in a hundredth of the time that
        an identity takes, and a host may have a thousand.
        """
        paths = {sandbox.path for sandbox in adopting}
        files = {self._context.host.namespace_file(path) for path in paths} - {None}
        for identifier, path, identity in self._store.namespaces():
            if path in paths or (
                identity in identities if identity else self._context.host.namespace_file(path) in files
            ):
                yield identifier
        for folder, name in map(os.path.split, paths):
            stopped = self._store.sandbox_named(name) if folder == NAMESPACES else None
            if stopped is not None and stopped.path in paths:
                yield stopped.id

    def _may_be_other(self, sandbox: Sandbox) -> bool:
        """Say whether SANDBOX may use another namespace than when it was checked last."""
        was = self._before.sandbox(sandbox.id)
        if was is None or (was.path, was.identity) != (sandbox.path, sandbox.identity):
            return True
        return sandbox.running and sandbox.identity is None and not only_root_redirects(sandbox.path)

    def _check_attachments(self, sandbox: Sandbox) -> None:
        """Check that the endpoints of SANDBOX can be combined."""
        endpoints = self._store.endpoints_of_sandbox(sandbox.id)
        pairs = [(network, one) for one in endpoints for network in [self._store.network(one.network)] if network]
        by_id = {network.id: network for network, _one in pairs}
        for one, other in self._twice("endpoint", endpoints, lambda one: (one.sandbox, one.network)):
            self._add(
                one,
                f"sandbox '{sandbox.name}' is already on network '{by_id[one.network].name}', through endpoint "
                f"'{other.name}'.",
            )
        special = [network for network in by_id.values() if not driver(network.driver).has_addresses]
        if special and len(by_id) > 1:
            # Whoever joined last is refused, not those that were there.
            newest = max(endpoints, key=lambda one: (self._joined(one), self._place("endpoint", one.id)))
            names = " and ".join(f"'{name}'" for name in sorted(network.name for network in by_id.values()))
            self._add(
                newest,
                f"networks 'host' and 'none' cannot be combined with others, and sandbox '{sandbox.name}' would be on "
                f"{names}.",
            )
        if has_host_stack(pairs):
            self._check_host_stack(sandbox, endpoints[0])
        for one, _other in self._twice(
            "endpoint", endpoints, lambda one: one.interface and (one.sandbox, one.interface)
        ):
            self._add(one, f"sandbox '{sandbox.name}' already has an interface '{one.interface}'.")

    def _check_host_stack(self, sandbox: Sandbox, endpoint: Endpoint) -> None:
        if sandbox.netns is not None:
            self._add(endpoint, f"sandbox '{sandbox.name}' has a namespace of its own, so it cannot be on 'host'.")
        elif sandbox.running and self._joined(endpoint):
            programs = self._context.host.programs_in(sandbox.path)
            if programs:
                self._add(
                    endpoint,
                    f"sandbox '{sandbox.name}' cannot move to network 'host' while programs run in it, because they "
                    f"would lose their network: {', '.join(programs[:5])}. Stop them first.",
                )

    def _check_endpoints(self, endpoints: Sequence[str]) -> None:
        """Check that MAC addresses are unique on a network, and that its device has room for all endpoints."""
        endpoints_now = [one for one in map(self._store.endpoint, endpoints) if one is not None]
        for identifier in dict.fromkeys(one.network for one in endpoints_now):
            network = self._store.network(identifier)
            if network is None or not driver(network.driver).has_addresses:
                continue
            written = [one for one in endpoints_now if one.network == identifier]
            if any(map(has_own_mac, written)):
                self._check_macs(network, written)
            most, sentence = driver(network.driver).room(network)
            joining = [one for one in written if self._joined(one)]
            # Those that are already there stay, even if they are too many.
            if joining and self._store.joined(identifier) > most:
                self._add(joining[-1], sentence)

    def _check_macs(self, network: Network, written: Sequence[Endpoint]) -> None:
        pool = network.pool(4)
        for one in written:
            # A MAC address that is derived from an address is for whoever gets this address, now or later.
            follows_from = address_of(one.mac) if has_own_mac(one) else None
            if pool is not None and follows_from is not None and follows_from in pool.subnet:
                self._add(one, f"MAC address {one.mac} is reserved for the endpoint with address {follows_from}.")
        for one, other in self._twice("endpoint", self._store.endpoints_of_network(network.id), lambda one: one.mac):
            self._add(one, f"MAC address {one.mac} is taken: endpoint '{other.name}' has it.")

    def _joined(self, endpoint: Endpoint) -> bool:
        """Say whether ENDPOINT joined its sandbox in this run."""
        was = self._before.endpoint(endpoint.id)
        return endpoint.sandbox is not None and (was is None or was.sandbox != endpoint.sandbox)

    def _add(self, endpoint: Endpoint, problem: str) -> None:
        self._context.problems.add(f"{self._context.subject('endpoint', endpoint)}: {problem}")


def _device(network: Network) -> Optional[str]:
    return driver(network.driver).device(network)


def _claim(network: Network) -> Tuple[object, ...]:
    return driver(network.driver).immutable(network)


def _path(sandbox: Sandbox) -> str:
    return sandbox.path
