# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs as one run: under the lock, in one transaction, from what is wanted to what the host then has."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import AbstractSet, Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

from . import difference, inspect
from .endpoint import Endpoint
from .errors import CnmError, Collected, InvalidInput, KernelRefused, Problems
from .kernel.host import Kernel
from .network import Network
from .reconcile import Step, plan
from .resources import HOST, Key, Link, Namespace, Resource, Sysctl
from .sandbox import Sandbox
from .store import FOLDER, journal
from .store.journal import Intent, Unit
from .store.lock import held
from .store.sqlite import SqliteStore
from .topology import HOST_UNIT, Topology
from .verbs import Context
from .verbs.network import predefine

ATTEMPTS = 3
"""How often the host is brought nearer to what is wanted, before we give up: the kernel does some things later
than it says, and takes away more than it was asked to."""


@dataclass
class Result:
    """What a run did, or would do."""

    changed: bool = False
    objects: List[Dict[str, Any]] = field(default_factory=list)
    """One for each item asked for, in Docker's shape; empty for one that is gone."""
    differences: List[Dict[str, Any]] = field(default_factory=list)


class Controller:
    """Everything that can be done to the networks, endpoints and sandboxes of a host."""

    def __init__(
        self,
        kernel: Kernel,
        warn: Callable[[str], None],
        check: bool = False,
        folder: str = FOLDER,
    ) -> None:
        self._kernel = kernel
        self._warn = warn
        self._check = check
        self._folder = folder

    def ensure(self, kind: str, items: Sequence[Mapping[str, Any]]) -> Result:
        """Make the objects of KIND that ITEMS describe as they say.

        :raises InvalidInput: with all that is wrong in ITEMS; nothing was touched then
        :raises CnmError: if the host would not have it; it is as it was then, or the next run makes it so
        """
        verb = _verb(kind)
        with self._transaction() as (store, before):
            context = self._context(store)
            for item in items:
                verb(context, item)
            context.problems.check()
            identifiers = [_identifier(store, kind, item) for item in items]
            earlier = [_identifier(before, kind, item) for item in items]
            named = {(kind, found) for found in (*identifiers, *earlier) if found}
            run = _Run(store, before, self._kernel, self._folder, self._check)
            steps = run.reconcile(named, context.renew)
            result = Result(bool(steps) or run.differs())
            for item, was, found in zip(items, earlier, identifiers):
                shown = _shown(store, kind, found)
                result.objects.append(shown)
                result.differences.append(difference.of_objects(kind, item["name"], _shown(before, kind, was), shown))
            result.differences += difference.of_host(steps)
            for sentence in self._kernel.facts.foreign_policies() if run.after.in_use() else ():
                self._warn(sentence)
        return result

    def restore(self) -> Result:
        """Make the host hold all that the store remembers, after the kernel has forgotten it."""
        with self._transaction() as (store, before):
            run = _Run(store, before, self._kernel, self._folder, self._check)
            steps = run.reconcile(run.after.everything(), set())
            return Result(bool(steps), [], difference.of_host(steps))

    def describe(self, kind: str, keep: Callable[[SqliteStore, Any], bool]) -> List[Dict[str, Any]]:
        """Return the objects of KIND for which KEEP holds, in Docker's shape, by name."""
        store = self._open(write=False)
        try:
            lists: Dict[str, Callable[[], Sequence[Any]]]
            lists = {"network": store.networks, "endpoint": store.endpoints, "sandbox": store.sandboxes}
            return [_shape(kind)(store, found) for found in lists[kind]() if keep(store, found)]
        except ValueError as error:
            raise InvalidInput([str(error)]) from error
        finally:
            store.close()

    def _open(self, write: bool) -> SqliteStore:
        """Open the store; one that is to be read only, and is not there, is made up."""
        if os.path.exists(SqliteStore.path(self._folder)):
            store = SqliteStore.open(self._folder)
        elif write:
            SqliteStore.create(self._folder)
            store = SqliteStore.open(self._folder)
        else:
            store = SqliteStore.memory()
        if store.network_named("bridge") is None:
            store.begin(write=True)
            context = self._context(store)
            predefine(context)
            context.problems.check()
            store.commit()
        return store

    def _context(self, store: SqliteStore) -> Context:
        return Context(store, self._kernel.facts, self._kernel.facts.machine_id(), self._check, self._warn, Problems())

    @contextmanager
    def _transaction(self) -> Iterator[Tuple[SqliteStore, SqliteStore]]:
        """Yield the store in a transaction of ours, and the store as it was before."""
        if not self._check:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
        with held(self._folder) if not self._check else _nothing():
            store = self._open(write=not self._check)
            before = self._open(write=False)
            try:
                before.begin(write=False)
                store.begin(write=True)
                yield store, before
                store.rollback()
            finally:
                store.close()
                before.close()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


class _Run:
    """From two states of the store to what has to be done on the host, and doing it."""

    def __init__(self, store: SqliteStore, before: SqliteStore, kernel: Kernel, folder: str, check: bool) -> None:
        self._store = store
        self._kernel = kernel
        self._folder = folder
        self._check = check
        self._intent = journal.read(folder)
        self._earlier = before
        self.before = Topology(before, kernel.facts)
        self.after = Topology(store, kernel.facts)
        for name, original in self._intent.settings.items():
            store.put_setting(name, original)

    def differs(self) -> bool:
        """Say whether the transaction has changed any object."""
        return any(
            getattr(self._store, kind)(identifier) != getattr(self._earlier, kind)(identifier)
            for kind, identifier in self._store.touched
        )

    def reconcile(self, named: Set[Unit], renew: Set[str]) -> List[Step]:
        """Bring the host from what it has to what the store says, in check mode only in thought.

        :param named: the objects that the run is about, whose state on the host is looked at even if unchanged
        :param renew: ids of sandboxes to make anew
        """
        units = named | self._affected(named) | set(self._intent.units) | {HOST_UNIT}
        scope = self._scope(units)
        steps = self._plan(scope, renew)
        while True:
            more = self._consequences(steps, scope) - units
            if not more:
                break
            units |= more
            scope = self._scope(units)
            steps = self._plan(scope, renew)
        if not self._check:
            self._carry_out(units, scope, steps)
        return steps

    def _affected(self, named: Set[Unit]) -> Set[Unit]:
        """Return the units that a change of the store, and the objects that the run is about, bear upon."""
        units: Set[Unit] = set()
        changed: Set[str] = set()
        renamed: Set[str] = set()
        for kind, identifier in self._store.touched | named:
            for topology, store in ((self.before, self._earlier), (self.after, self._store)):
                if kind == "sandbox":
                    units |= topology.of_sandbox(identifier)
                elif kind == "endpoint":
                    endpoint = store.endpoint(identifier)
                    if endpoint is not None:
                        units.add(("network", endpoint.network))
                        units |= topology.of_sandbox(endpoint.sandbox) if endpoint.sandbox else set()
        for kind, identifier in self._store.touched:
            was, now = getattr(self._earlier, kind)(identifier), getattr(self._store, kind)(identifier)
            if kind == "network" and was is not None and now is not None and was != now:
                changed.add(identifier)
            elif kind == "endpoint":
                renamed |= {found.network for found in (was, now) if found is not None}
            elif kind == "sandbox" and (was is None or now is None or was.running != now.running):
                for store in (self._earlier, self._store):
                    renamed |= {endpoint.network for endpoint in store.endpoints_of_sandbox(identifier)}
        for topology in (self.before, self.after):
            for network in changed:
                units |= topology.on_network(network)
            for network in renamed - changed:
                units |= topology.names_on_network(network)
        return units

    def _scope(self, units: Set[Unit]) -> "_Scope":
        scope = _Scope()
        for unit in units:
            for resource in self.before.resources(unit):
                scope.known[resource.key] = resource
            for resource in self.after.resources(unit):
                scope.wanted[resource.key] = resource
                scope.unit_of[resource.key] = unit
        scope.keys = set(scope.known) | set(scope.wanted) | set(self._intent.keys)
        lent = {key: resource for key, resource in scope.known.items() if resource.lent}
        lent.update((key, Link(HOST, key[2], "bridge", adopted=True)) for key in self._intent.lent)
        for key, resource in lent.items():
            if key in scope.wanted:
                continue
            released = resource.released()
            scope.keys.discard(key)
            if released is not None:
                scope.wanted[key] = released
                scope.keys.add(key)
        return scope

    def _plan(self, scope: "_Scope", renew: AbstractSet[str] = frozenset()) -> List[Step]:
        anew = frozenset(
            key
            for key, unit in scope.unit_of.items()
            if unit[0] == "sandbox" and unit[1] in renew and key[0] in (Namespace.kind, Link.kind)
        )
        return plan(scope.wanted, self._kernel.read(scope.keys), anew)

    def _consequences(self, steps: Sequence[Step], scope: "_Scope") -> Set[Unit]:
        """Return the units that lose something by what STEPS make anew."""
        units: Set[Unit] = set()
        for step in steps:
            if step.after is None or step.before is not None:
                continue
            if step.resource.kind == "ruleset":
                return self.after.everything()
            unit = scope.unit_of.get(step.resource.key)
            if step.resource.kind == Link.kind and unit is not None and unit[0] == "network":
                units |= self.after.on_network(unit[1])
        return units

    def _carry_out(self, units: Set[Unit], scope: "_Scope", steps: List[Step]) -> None:
        if steps:
            for step in steps:
                if isinstance(step.before, Sysctl) and step.before.namespace == HOST and not step.before.link:
                    self._store.put_setting(step.before.name, step.before.value)
            journal.write(self._folder, self._intended(units, scope, steps))
        try:
            self._settle(scope, steps)
        except CnmError as error:
            self._store.rollback()
            self._recover(units, scope, error)
            raise
        if not self.after.in_use():
            self._store.delete_settings()
        self._store.commit()
        journal.clear(self._folder)

    def _intended(self, units: Set[Unit], scope: "_Scope", steps: Sequence[Step]) -> Intent:
        lent = {key for key, resource in (*scope.known.items(), *scope.wanted.items()) if resource.lent}
        keys = {step.resource.key for step in steps} | set(self._intent.keys)
        return Intent(
            frozenset(units),
            frozenset(keys - lent),
            frozenset(key for key in lent if key[0] == Link.kind),
            self._store.settings(),
        )

    def _settle(self, scope: "_Scope", steps: List[Step]) -> None:
        """Carry STEPS out, look again, and do what is still missing.

        :raises KernelRefused: if the host does not come to be as it ought to
        """
        for _attempt in range(ATTEMPTS):
            if not steps:
                return
            self._kernel.apply(steps)
            steps = self._plan(scope)
        if steps:
            left = ", ".join(sorted({str(step.resource) for step in steps})[:5])
            raise KernelRefused(f"The host did not come to be as it should: {left}. Something else may be changing it.")

    def _recover(self, units: Set[Unit], scope: "_Scope", error: CnmError) -> None:
        """Make the host again as it was, after ERROR; what cannot be done is left to the next run."""
        self.after = self.before
        undone = self._scope(units)
        undone.keys |= scope.keys
        try:
            self._settle(undone, self._plan(undone))
        except CnmError as other:
            raise Collected([error, other]) from error
        journal.clear(self._folder)


@dataclass
class _Scope:
    """What a run looks at."""

    known: Dict[Key, Resource] = field(default_factory=dict)
    wanted: Dict[Key, Resource] = field(default_factory=dict)
    unit_of: Dict[Key, Unit] = field(default_factory=dict)
    keys: Set[Key] = field(default_factory=set)


def _verb(kind: str) -> Callable[[Context, Mapping[str, Any]], Optional[str]]:
    if kind == "network":
        from .verbs.network import ensure
    elif kind == "endpoint":
        from .verbs.endpoint import ensure
    else:
        from .verbs.sandbox import ensure
    return ensure


def _shape(kind: str) -> Callable[[SqliteStore, Any], Dict[str, Any]]:
    shapes: Dict[str, Callable[[SqliteStore, Any], Dict[str, Any]]]
    shapes = {"network": inspect.network, "endpoint": inspect.endpoint, "sandbox": inspect.sandbox}
    return shapes[kind]


def _identifier(store: SqliteStore, kind: str, item: Mapping[str, Any]) -> Optional[str]:
    """Return the id of the object that ITEM is about, None if there is none."""
    found: Union[Network, Sandbox, Endpoint, None]
    if kind == "network":
        found = store.network_named(item["name"])
    elif kind == "sandbox":
        found = store.sandbox_named(item["name"])
    elif item.get("network"):
        network = store.find_network(item["network"])
        found = store.endpoint_on(network.id, item["name"]) if network is not None else None
    else:
        named = store.endpoints_named(item["name"])
        found = named[0] if len(named) == 1 else None
    return found.id if found is not None else None


def _shown(store: SqliteStore, kind: str, identifier: Optional[str]) -> Dict[str, Any]:
    found = getattr(store, kind)(identifier) if identifier else None
    return _shape(kind)(store, found) if found is not None else {}
