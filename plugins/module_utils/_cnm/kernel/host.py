# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host holds and how it is changed, for all kinds of resources together."""

from __future__ import annotations

from itertools import groupby
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple, Type, TypeVar, Union

from ..model.errors import CnmError, KernelRefused, raise_all
from ..resources.fdb import ANYBODY, Forwarding, Neighbour
from ..resources.kinds import (
    FIREWALL,
    HOST,
    NAMING,
    Address,
    Element,
    File,
    Key,
    Link,
    Namespace,
    Obstacle,
    Resource,
    Route,
    Sysctl,
)
from ..resources.plan import Step
from .facts import Facts
from .firewall.docker_user import DockerUser
from .namespace import Namespaces, is_left_over
from .refusals import Change, carry_out
from .rtnl import address, interface, link, readiness, route
from .system import sysctl, text_block

Run = Callable[[List[str], Optional[str]], Tuple[int, str, str]]
"""Runs a program with a text as its input; returns its exit status, output and error output."""

_ON_LINK = (Address, Route, Forwarding, Neighbour)
_ADDRESSING = frozenset(kind.kind for kind in _ON_LINK)

_Kind = TypeVar("_Kind", bound=Resource)


class Kernel:
    """The host's kernel, read by key and changed by step. Use it as a context manager, or close it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._namespaces = Namespaces()
        self._docker_user = DockerUser(run)
        self.facts = Facts(self._namespaces, run, self._docker_user)

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets."""
        self._namespaces.close()

    def hold(self, path: str) -> None:
        """Let PATH mean the namespace to which it leads now, wherever its owner may turn it."""
        self._namespaces.hold(path)

    def enter(self, path: str) -> None:
        """Let this process be in the namespace at PATH from now on.

        :raises KernelRefused: if there is none but the host's own
        """
        self._namespaces.enter(path)

    def bind(self, files: Sequence[Tuple[str, str]]) -> None:
        """Let this process alone see the first of each pair of FILES in place of the second.

        :raises KernelRefused: if it cannot
        """
        self._namespaces.bind(files)

    def read(self, keys: Iterable[Key]) -> Dict[Key, Resource]:
        """Return the resources with KEYS that the host has."""
        wanted: Dict[str, Dict[str, Set[Key]]] = {}
        firewall: List[Key] = []
        by_name: Dict[str, Set[str]] = {kind: set() for kind in (File.kind, *NAMING)}
        for key in keys:
            if key[0] in FIREWALL:
                firewall.append(key)
            elif key[0] in by_name:
                by_name[key[0]].add(key[1])
            else:
                wanted.setdefault(key[1], {}).setdefault(key[0], set()).add(key)
        found: List[Resource] = self._read_namespaces(wanted)
        found += [present for present in map(_read_file, sorted(by_name[File.kind])) if present]
        if any(by_name[kind] for kind in NAMING):
            from .system import name_server

            found += name_server.read(by_name)
        result = {resource.key: resource for resource in found}
        if firewall:
            from .firewall.table import Firewall

            result.update(Firewall(self._run, self._docker_user).read(firewall))
        return result

    def _read_namespaces(self, wanted: Dict[str, Dict[str, Set[Key]]]) -> List[Resource]:
        found: List[Resource] = []
        seen: Dict[str, link.Seen] = {}
        links = {space: {key[2] for key in keys.get(Link.kind, ())} for space, keys in wanted.items()}
        obstacles: List[Obstacle] = []
        for space, keys in wanted.items():
            try:
                found += self._read_namespace(space, keys, links[space], seen)
            except CnmError as error:
                if space == HOST:
                    raise
                obstacles += [Obstacle(key, str(error)) for kind in keys.values() for key in kind]
                seen.pop(space, None)
        return [*found, *link.resolve(self._namespaces, links, seen), *obstacles]

    def _read_namespace(
        self, space: str, keys: Dict[str, Set[Key]], links: Set[str], seen: Dict[str, link.Seen]
    ) -> List[Resource]:
        """Return what the namespace SPACE has of KEYS, but for LINKS: what is there of these is noted in SEEN."""
        found: List[Resource] = []
        socket = self._namespaces.find(space)
        if socket is None:
            return [Namespace(space, mounted=False)] if Namespace.kind in keys and is_left_over(space) else []
        ours = (Namespace.kind in keys or Route.kind in keys) and self._namespaces.is_ours(space, socket)
        if Namespace.kind in keys:
            found.append(Namespace(space, ours))
        addresses = [Address(key[1], key[2], key[3]) for key in sorted(keys.get(Address.kind, ()))]
        neighbours = {(key[2], key[3]) for key in keys.get(Neighbour.kind, ())}
        names = links | {item.link for item in addresses} | {name for name, _address in neighbours}
        if names:
            seen[space] = link.look(self._namespaces, socket, names)
        known = seen[space].interfaces if names else {}
        found += address.read(socket, addresses, known)
        tunnels = [known[name] for name in sorted(links & set(known)) if known[name].vxlan]
        if neighbours or tunnels:
            from .rtnl import neighbour

            found += neighbour.read_neighbours(socket, space, neighbours, known)
            for tunnel in tunnels:
                found += neighbour.read_forwarding(socket, space, tunnel)
        if Route.kind in keys:
            destinations = {(key[2], int(key[3]) if key[3:] else None) for key in keys[Route.kind]}
            interfaces = {item.index: item for item in known.values()}
            found += route.read(socket, space, destinations, interfaces, shared=not ours)
        if Sysctl.kind in keys:
            found += sysctl.read(self._namespaces, space, [key[2] for key in sorted(keys[Sysctl.kind])])
        return found

    def answered(self, wanted: Mapping[str, Iterable[str]]) -> Set[Tuple[str, str]]:
        """Return those of the addresses WANTED, by link of the host, which somebody beyond that link has."""
        from .rtnl.probing import answered

        return answered(wanted)

    def tentative(self) -> Dict[str, str]:
        """Return the ids of endpoints that may be on another host by now; a text if they are, which says so."""
        from . import tentative

        return tentative.read()

    def note_tentative(self, endpoints: Mapping[str, str]) -> None:
        """Let tentative() return ENDPOINTS from now on."""
        from . import tentative

        tentative.write(endpoints)

    def apply(self, steps: Sequence[Step]) -> None:
        """Carry STEPS out: the firewall, then the removals, to the end, then what is made and changed.

        :raises CnmError: what went wrong; a :class:`Collected` when it is more than one thing.
        """
        firewall = [step for step in steps if step.resource.kind in FIREWALL]
        if firewall:
            from .firewall.table import Firewall

            Firewall(self._run, self._docker_user).apply(firewall)
        rest = [step for step in steps if step.resource.kind not in FIREWALL]
        self._remove([step.before for step in rest if step.before and step.after is None])
        self._make([step for step in rest if step.after])
        naming = [step for step in rest if step.resource.kind in NAMING]
        if naming:
            from .system import name_server

            try:
                name_server.apply(self._run, naming)
            except CnmError as error:
                # There is one for all networks.
                raise_all([KernelRefused(str(error), step.resource.key) for step in naming])

    def end_stale_connections(self, removed: Sequence[Element], added: Sequence[Element]) -> None:
        """End the connections of published ports that go on as if elements REMOVED were there and ADDED were not."""
        from .firewall.table import end_stale_connections

        end_stale_connections(removed, added)

    def _remove(self, gone: Sequence[Resource]) -> None:
        errors: List[CnmError] = []
        for kind, group in groupby(gone, lambda resource: resource.kind):
            resources = list(group)
            try:
                if kind == Link.kind:
                    errors += link.remove(self._namespaces, _only(Link, resources))
                elif kind in _ADDRESSING:
                    errors += self._remove_addressing(resources)
                else:
                    errors += self._remove_each(resources)
            except CnmError as error:
                errors.append(error)
        raise_all(errors)

    def _remove_each(self, gone: Sequence[Resource]) -> List[CnmError]:
        errors: List[CnmError] = []
        namespaces = _only(Namespace, gone)
        if namespaces:
            from .system.mount_units import stop

            stop(self._run, [namespace.path for namespace in namespaces])
        for resource in gone:
            try:
                if isinstance(resource, Namespace):
                    self._namespaces.remove(resource.path)
                elif isinstance(resource, File):
                    text_block.remove(resource.path)
            except CnmError as error:
                errors.append(error.of(resource.key))
        return errors

    def _remove_addressing(self, gone: Sequence[Resource]) -> List[CnmError]:
        errors: List[CnmError] = []
        left: List[Neighbour] = []
        for space, group in _by_namespace(gone).items():
            socket = self._namespaces.find(space)
            if socket is None:
                continue
            indices = _indices(socket, group)
            changes = [route.removal(item, indices.get(item.link)) for item in _only(Route, group)]
            changes += [
                address.removal(item, indices[item.link]) for item in _only(Address, group) if item.link in indices
            ]
            others = [item for item in _entries(group) if item.link in indices]
            if others:
                from .rtnl import neighbour

                changes += [neighbour.removal(item, indices[item.link]) for item in others]
                if space == HOST:
                    left += _only(Neighbour, others)
                for item in others:
                    if isinstance(item, Forwarding) and item.mac == ANYBODY:
                        changes += neighbour.learnt_removals(socket, item, indices[item.link])
            errors += carry_out(socket, changes)
        if left:
            from .rtnl.announcement import take_back

            errors += take_back(self._namespaces, left)
        return errors

    def _make(self, steps: Sequence[Step]) -> None:
        after = [step.after for step in steps if step.after]
        self._namespaces.make([step.after for step in steps if isinstance(step.after, Namespace) and not step.before])
        link.apply(self._namespaces, [step for step in steps if isinstance(step.after, Link)])
        raise_all(sysctl.write(self._namespaces, _only(Sysctl, after)))
        self._make_addressing(steps)
        errors: List[CnmError] = []
        for wanted in _only(File, after):
            try:
                text_block.write(wanted)
            except CnmError as error:
                errors.append(error.of(wanted.key))
        raise_all(errors)

    def _make_addressing(self, steps: Sequence[Step]) -> None:
        addressing: Dict[Resource, Step] = {step.after: step for step in steps if isinstance(step.after, _ON_LINK)}
        new: List[Tuple[interface.Socket, Sequence[Address]]] = []
        errors: List[CnmError] = []
        for space, group in _by_namespace(list(addressing)).items():
            try:
                socket = self._namespaces.at(space)
            except CnmError as error:
                errors.append(error.of(group[0].key))
                continue
            before = [step.before for step in map(addressing.__getitem__, group) if step.before]
            indices = _indices(socket, [*group, *before])
            errors += [
                CnmError(f"There is no link '{item.link}' that could be given {item}.", item.key)
                for item in group
                if isinstance(item, _ON_LINK) and item.link and item.link not in indices
            ]
            group = [item for item in group if isinstance(item, _ON_LINK) and (not item.link or item.link in indices)]
            added = _only(Address, group)
            changes: List[Change] = [address.addition(item, indices[item.link]) for item in added]
            for item in _only(Route, group):
                changes += route.changes(addressing[item], indices)
            others = _entries(group)
            if others:
                from .rtnl import neighbour

                changes += [neighbour.addition(item, indices[item.link]) for item in others]
            errors += carry_out(socket, changes)
            if any(":" in item.interface for item in added):
                new.append((socket, added))
        raise_all(errors)
        if new:
            readiness.await_addresses(new)
        moves = [step for item, step in addressing.items() if isinstance(item, Neighbour) and item.namespace == HOST]
        if moves:
            from .rtnl.announcement import announce

            raise_all(announce(self._namespaces, moves))


def _read_file(path: str) -> Union[File, Obstacle, None]:
    try:
        return text_block.read(path)
    except CnmError as error:
        return Obstacle((File.kind, path), str(error))


def _only(kind: Type[_Kind], items: Iterable[Resource]) -> List[_Kind]:
    return [item for item in items if isinstance(item, kind)]


def _entries(items: Iterable[Resource]) -> List[Union[Forwarding, Neighbour]]:
    return [item for item in items if isinstance(item, (Forwarding, Neighbour))]


def _by_namespace(items: Iterable[Resource]) -> Dict[str, List[Resource]]:
    found: Dict[str, List[Resource]] = {}
    for item in items:
        found.setdefault(item.key[1], []).append(item)
    return found


def _indices(socket: interface.Socket, items: Iterable[Resource]) -> Dict[str, int]:
    names = {item.link for item in items if isinstance(item, _ON_LINK)}
    return {name: found.index for name, found in interface.find(socket, sorted(names - {""})).items()}
