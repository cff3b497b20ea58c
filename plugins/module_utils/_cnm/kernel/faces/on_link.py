# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is on a link: addresses, routes, forwarding entries and neighbours. A namespace gets one batch of requests."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Sequence, Set, Tuple

from ...model.errors import CnmError
from ...resources.fdb import ANYBODY, FdbEntry, FdbEntryKey, Neighbour, NeighbourKey
from ...resources.kinds import Address, AddressKey, Route, RouteKey
from ...resources.plan import Step
from ...resources.resource import HOST, Key, Resource, kind_of, namespace_of, only
from ..face import Face, Host, read_by_namespace
from ..refusals import Change, carry_out
from ..rtnl import address, interface, readiness, route
from ..rtnl.socket import Socket

_Indices = Dict[str, int]
"""The numbers of links, by name."""


class _Kind(NamedTuple):
    """What differs from one kind to the other."""

    read: Callable[[Host, str, Socket, Sequence[Any]], Sequence[Resource]]
    """Returns what a namespace has of some keys."""
    changes: Callable[[Step, _Indices], List[Change]]
    """Returns the requests for a step that makes or changes."""
    removals: Callable[[Socket, Any, _Indices], List[Change]]
    """Returns the requests that remove a resource; none if they went with their link."""


def _read_addresses(host: Host, space: str, socket: Socket, keys: Sequence[AddressKey]) -> Sequence[Resource]:
    addresses = [Address(key.namespace, key.link, key.interface) for key in sorted(keys)]
    return address.read(socket, addresses, host.look(space, {one.link for one in addresses}).interfaces)


def _address_changes(step: Step, indices: _Indices) -> List[Change]:
    return [address.addition(one, indices[one.link]) for one in only(Address, [step.after])]


def _address_removals(_socket: Socket, gone: Address, indices: _Indices) -> List[Change]:
    return [address.removal(gone, indices[gone.link])] if gone.link in indices else []


def _read_routes(host: Host, space: str, socket: Socket, keys: Sequence[RouteKey]) -> Sequence[Resource]:
    destinations = {(key.destination, int(key.metric) if key.metric else None) for key in keys}
    known = host.seen[space].interfaces.values() if space in host.seen else ()
    interfaces = {each.index: each for each in known}
    return route.read(socket, space, destinations, interfaces, shared=not host.is_ours(space))


def _route_removals(_socket: Socket, gone: Route, indices: _Indices) -> List[Change]:
    return [route.removal(gone, indices.get(gone.link))]


def _read_fdb(host: Host, space: str, socket: Socket, keys: Sequence[FdbEntryKey]) -> Sequence[Resource]:
    """Return the entries of devices that are not read themselves; with a VXLAN device, all its entries are read."""
    wanted: Dict[str, Set[Tuple[str, bool]]] = {}
    for key in keys:
        if (space, key.link) not in host.listed and key.mac != ANYBODY and not key.astray:
            wanted.setdefault(key.link, set()).add((key.mac, key.way != "bridge"))
    if not wanted:
        return ()
    from ..rtnl import neighbour

    interfaces = host.look(space, wanted).interfaces
    return [
        entry
        for name, entries in wanted.items()
        if name in interfaces
        for entry in neighbour.read_some_fdb(socket, space, interfaces[name], sorted(entries))
    ]


def _read_neighbours(host: Host, space: str, socket: Socket, keys: Sequence[NeighbourKey]) -> Sequence[Resource]:
    from ..rtnl import neighbour

    asked = {(key.link, key.address) for key in keys}
    interfaces = host.look(space, {link for link, _address in asked}).interfaces
    return neighbour.read_neighbours(socket, space, asked, interfaces)


def _entry_changes(step: Step, indices: _Indices) -> List[Change]:
    from ..rtnl import neighbour

    entry = step.after
    return [neighbour.addition(entry, indices[entry.link])] if isinstance(entry, (FdbEntry, Neighbour)) else []


def _neighbour_removals(_socket: Socket, gone: Neighbour, indices: _Indices) -> List[Change]:
    from ..rtnl import neighbour

    return [neighbour.removal(gone, indices[gone.link])] if gone.link in indices else []


def _fdb_removals(socket: Socket, gone: FdbEntry, indices: _Indices) -> List[Change]:
    from ..rtnl import neighbour

    if gone.link not in indices:
        return []
    learned = neighbour.learned_removals(socket, gone, indices[gone.link]) if gone.mac == ANYBODY else []
    return [neighbour.removal(gone, indices[gone.link]), *learned]


_KINDS: Dict[str, _Kind] = {
    Address.kind: _Kind(_read_addresses, _address_changes, _address_removals),
    Route.kind: _Kind(_read_routes, route.changes, _route_removals),
    FdbEntry.kind: _Kind(_read_fdb, _entry_changes, _fdb_removals),
    Neighbour.kind: _Kind(_read_neighbours, _entry_changes, _neighbour_removals),
}
"""In the order in which they are made in a namespace."""


class OnLink(Face):
    """Addresses, routes, forwarding entries and neighbours."""

    def read(self, host: Host, keys: Sequence[Key]) -> List[Resource]:
        def read(space: str, group: Sequence[Key]) -> List[Resource]:
            socket = host.namespaces.at(space)
            keys_of = {name: [key for key in group if kind_of(key).kind == name] for name in _KINDS}
            return [
                each for name, own in keys_of.items() if own for each in _KINDS[name].read(host, space, socket, own)
            ]

        return read_by_namespace(host, keys, read)

    def remove(self, host: Host, resources: Sequence[Resource]) -> List[CnmError]:
        errors: List[CnmError] = []
        withdrawn: List[Neighbour] = []
        for space, steps in _by_namespace([Step(each, None) for each in resources]).items():
            group = [step.resource for step in steps]
            socket = host.namespaces.find(space)
            if socket is None:
                continue
            indices = _indices(socket, group)
            errors += carry_out(
                socket, [change for each in group for change in _KINDS[each.kind].removals(socket, each, indices)]
            )
            withdrawn += [each for each in only(Neighbour, group) if space == HOST and each.link in indices]
        if withdrawn:
            from ..rtnl.announcement import take_back

            errors += take_back(host.namespaces, withdrawn)
        return errors

    def make(self, host: Host, steps: Sequence[Step]) -> List[CnmError]:
        errors: List[CnmError] = []
        new: List[Tuple[Socket, Sequence[Address]]] = []
        for space, group in _by_namespace(steps).items():
            try:
                socket = host.namespaces.at(space)
            except CnmError as error:
                errors.append(error.of(group[0].resource.key))
                continue
            indices = _indices(socket, [each for step in group for each in step if each])
            able: Dict[str, List[Step]] = {kind: [] for kind in _KINDS}
            for step in group:
                name = _link(step.resource)
                if not name or name in indices:
                    able[step.resource.kind].append(step)
                else:
                    text = f"There is no link '{name}' for {step.resource}."
                    errors.append(CnmError(text, step.resource.key))
            changes = [change for kind in able for step in able[kind] for change in _KINDS[kind].changes(step, indices)]
            errors += carry_out(socket, changes)
            host.progress.add(len(group))
            addresses = only(Address, (step.after for step in able[Address.kind]))
            if any(":" in each.interface for each in addresses):
                new.append((socket, addresses))
        if errors:
            return errors
        if new:
            readiness.await_addresses(new)
        moves = [step for step in steps if isinstance(step.resource, Neighbour) and step.resource.namespace == HOST]
        if moves:
            from ..rtnl.announcement import announce

            errors += announce(host.namespaces, moves)
        return errors


def _by_namespace(steps: Iterable[Step]) -> Dict[str, List[Step]]:
    groups: Dict[str, List[Step]] = {}
    for step in steps:
        groups.setdefault(namespace_of(step.resource.key), []).append(step)
    return groups


def _link(resource: Resource) -> str:
    return str(getattr(resource, "link", ""))


def _indices(socket: Socket, resources: Iterable[Resource]) -> _Indices:
    names = {_link(each) for each in resources}
    return interface.indices(socket, sorted(names - {""}))
