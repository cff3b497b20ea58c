# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans and carries out the changes of the host between two states of the store. An interruption loses nothing."""

from __future__ import annotations

from typing import AbstractSet, Dict, List, Optional, Sequence, Set, Tuple

from .composition.host_resources import APART_UNIT, HOST_UNIT, apart_element, later_bridges
from .composition.units import Composition
from .kernel.host import Kernel
from .model.errors import CnmError, Collected, KernelRefused
from .model.reported import Place, place_of
from .resources.kinds import FORWARDING, Element, Sysctl
from .resources.link import BRIDGE, Link, LinkKey
from .resources.plan import Step, plan
from .resources.resource import EVERYTHING, FIREWALL, HOST, NAMING, NETWORK, Key, Resource, kind_of, only
from .scope import Scope, host_ends
from .store import journal, schema
from .store.journal import Intent, Setting, Unit
from .store.objects import SqliteStore

ATTEMPTS = 3
"""How many attempts there are to reach the wanted state: the kernel completes some changes late, and removes more than
it was asked to."""

_MANY_REPORTS = 50
"""If more reports of a network change, all of it is read: that takes fewer requests."""


class Reconciliation:
    """Plans and carries out the changes of the host between two states of the store."""

    def __init__(
        self, store: SqliteStore, before: SqliteStore, kernel: Kernel, folder: str, check: bool, unfinished: Intent
    ) -> None:
        self._store = store
        self._kernel = kernel
        self._folder = folder
        self._check = check
        self._intent = unfinished
        self._after_a_kill = unfinished != Intent()
        self._earlier = before
        # Of what was before, only the keys count: the host is compared with what is wanted.
        self.before = Composition(before, kernel.facts, contents=False)
        self.after = Composition(store, kernel.facts)
        self._required: Set[Unit] = set()
        """The units that the run is about: if one of them cannot reach its state, nothing is done."""
        self.compared = False
        """Whether the host was compared with what is wanted."""
        self.left_out: Dict[Unit, List[CnmError]] = {}
        """The other units that are left out, with the reasons; none for a unit that depends on another one left out."""
        self._repairs: List[Step] = []
        """The first plan, without what renews sandboxes."""
        self._known: AbstractSet[Key] = frozenset()
        """The keys of what earlier runs have left on the part of the host that this one looks at."""
        self._released = {link.name for link in only(LinkKey, self._intent.lent)}
        self.before.host_resources.released = self.after.host_resources.released = self._released
        for name, setting in self._intent.settings.items():
            store.put_setting(name, setting)

    def differs(self) -> bool:
        """Say whether the transaction has changed any object."""
        return any(
            getattr(self._store, kind)(identifier) != getattr(self._earlier, kind)(identifier)
            for kind, identifier in self._store.touched
        )

    def drift(self) -> int:
        """Return how many resources were not on the host as earlier runs have left them.

        If this run also changes objects, only what is missing counts: what differs may differ because of the change. It
        does not count what is missing because this run makes again what it is in.
        """
        if self._after_a_kill:
            return 0
        if not self.differs():
            return len(self._repairs)
        replaced = {step.before.key for step in self._repairs if step.before is not None}
        missing = 0
        for step in self._repairs:
            key = step.resource.key
            if not replaced.isdisjoint(step.resource.within):
                replaced.add(key)
            elif step.before is None and key in self._known and key not in replaced:
                missing += 1
        return missing

    def reconcile(self, named: Set[Unit], renew: Set[str], insist: bool = True) -> List[Step]:
        """Bring the host into the state of the store; in check mode, only return the steps.

        :param named: the objects that the run is about, which are compared with the host even if unchanged
        :param renew: ids of sandboxes to create again
        :param insist: whether they must reach their state completely, even where something adopted is missing
        """
        units = named | self._affected(named)
        if units and not self._after_a_kill and all(unit.kind == "endpoint" for unit in units):
            # Outside of sandboxes, endpoints exist only in the store.
            if not self._check:
                self._commit()
                journal.clear(self._folder)
            return []
        self.compared = True
        if not self._intent.settings and self.after.host_resources.are_those_before(self._store.touched):
            self.before.host_resources = self.after.host_resources
        self._required = self.before.insisted = self.after.insisted = units if insist else set()
        units = units | set(self._intent.units) | {HOST_UNIT}
        try:
            scope, steps = self._planned(units, renew)
        except CnmError as error:
            if not self._check:
                self._load_table(error)
            raise
        self._repairs, self._known = ([] if renew else steps), scope.known.keys()
        if not self._check:
            self._carry_out(units, scope, steps)
        return steps

    def _planned(self, units: Set[Unit], renew: Set[str]) -> Tuple[Scope, List[Step]]:
        """Return the steps for UNITS; units that lose something by them are added to UNITS."""
        while True:
            scope = self._scope(units)
            steps = self._plan(scope, renew)
            more = self._consequences(steps, scope) - units
            if not more:
                return scope, steps
            units |= more

    def _affected(self, named: Set[Unit]) -> Set[Unit]:
        """Return the units affected by changes of the store and by the objects that the run is about."""
        units: Set[Unit] = set()
        changed: Set[str] = set()
        renamed: Set[str] = set()
        for kind, identifier in self._store.touched | named:
            for composition, store in ((self.before, self._earlier), (self.after, self._store)):
                if kind == "sandbox":
                    units |= composition.of_sandbox(identifier)
                elif kind == "endpoint":
                    endpoint = store.endpoint(identifier)
                    # One that is in no sandbox reserves addresses, and the host has nothing of it.
                    if endpoint is not None and endpoint.sandbox:
                        units |= composition.of_sandbox(endpoint.sandbox) | {Unit("network", endpoint.network)}
                    elif endpoint is not None and store.has_reports(endpoint.network):
                        # A report that has one of its addresses holds only without it.
                        units.add(Unit("network", endpoint.network))
        for kind, identifier in self._store.touched:
            was, now = getattr(self._earlier, kind)(identifier), getattr(self._store, kind)(identifier)
            if kind == "network" and was is not None and now is not None and was != now:
                # What other hosts report is nothing to the sandboxes here except for names.
                (renamed if was.unreported == now.unreported else changed).add(identifier)
            elif kind == "endpoint":
                renamed |= {
                    each.network
                    for each in (was, now)
                    if each is not None and (each.sandbox or self._store.has_reports(each.network))
                }
            elif kind == "sandbox" and (was is None or now is None or was.running != now.running):
                for store in (self._earlier, self._store):
                    renamed |= {endpoint.network for endpoint in store.endpoints_of_sandbox(identifier)}
        for identifier in self.after.withheld:
            endpoint = self._store.endpoint(identifier)
            if endpoint is not None and Unit("sandbox", str(endpoint.sandbox)) in named:
                # It has given way until now.
                renamed.add(endpoint.network)
        for composition in (self.before, self.after):
            for network in changed:
                units |= composition.on_network(network)
            for network in renamed - changed:
                units |= composition.names_on_network(network)
        for composition in (self.before, self.after):
            for kind, identifier in units | named:
                if kind == "network":
                    # Of two networks that need a device, the one that goes must not take it away.
                    units = units | composition.sharing(identifier)
        return units | self._reported()

    def _reported(self) -> Set[Unit]:
        """Return the units that are affected by changes of what agents report."""
        places: Dict[str, Set[Place]] = {}
        for kind, identifier in self._store.touched:
            if kind == "reported":
                place = place_of(identifier)
                places.setdefault(place.network, set()).add(place)
        units: Set[Unit] = set()
        for network, told in places.items():
            for composition in (self.before, self.after):
                units |= composition.of_reports(network)
            if len(told) > _MANY_REPORTS:
                units.add(Unit("network", network))
                continue
            for store in (self._earlier, self._store):
                reports = filter(None, map(store.report, told))
                rivals = store.reports_sharing(network, {key for each in reports for key in each.keys})
                told = told | {each.place for each in rivals}
            units |= {Unit("reported", each.id) for each in told}
        return units

    def _scope(self, units: Set[Unit]) -> Scope:
        scope = Scope()
        for unit in units:
            for resource in self.before.resources(unit):
                key = resource.key
                scope.known[key] = resource
                scope.unit_of.setdefault(key, self._owner(unit, resource))
            for resource in self.after.resources(unit):
                key = resource.key
                scope.wanted[key] = resource
                scope.unit_of[key] = self._owner(unit, resource)
        scope.keys = set(scope.known) | set(scope.wanted) | self._unfinished() | host_ends(scope.known.values())
        for unit in units:
            given_back = self.before.taken_ends(unit) - self.after.taken_ends(unit)
            for key in self.before.unused_ends(unit) | self.after.unused_ends(unit) | given_back:
                scope.keys.add(key)
                scope.unit_of.setdefault(key, unit)
        scope.keys -= host_ends(scope.wanted.values())
        self._release(scope)
        self._restore_settings(scope, units)
        scope.leave_out(set(self.left_out))
        return scope

    def _unfinished(self) -> Set[Key]:
        """Return what an interrupted run may have left, except where a path leads to another sandbox by now."""
        places = {key: getattr(key, "namespace", HOST) for key in self._intent.keys}
        astray = {place for place in set(places.values()) - {HOST} if self.after.leads_astray(place)}
        return {key for key, place in places.items() if place not in astray}

    def _owner(self, unit: Unit, resource: Resource) -> Unit:
        """Return the unit to leave out if RESOURCE of UNIT fails: a network works without its name server."""
        return Unit("dns", unit.id) if resource.subsystem == NAMING and unit not in self._required else unit

    def _leave_out(self, scope: Scope, error: CnmError) -> None:
        """Leave out the units that ERROR is about, and those that depend on them.

        What they had on the host stays as it is, and what this run has made of them is removed. Their rules stay.

        :raises CnmError: the ERROR, if it is about something that the run needs
        """
        causes: Dict[Unit, List[CnmError]] = {}
        for each in error.each():
            unit = scope.unit_of.get(each.about or ())
            if unit is None:
                raise error
            causes.setdefault(unit, []).append(each)
        for kind, identifier in list(causes):
            if kind == "network":
                causes.setdefault(Unit("dns", identifier), [])
                for unit in self.after.on_network(identifier):
                    if unit.kind == "sandbox":
                        causes.setdefault(unit, [])
        if not self._required.union({HOST_UNIT}).isdisjoint(causes):
            raise error
        for unit, errors in causes.items():
            self.left_out.setdefault(unit, errors)
        scope.leave_out(set(causes))

    def _load_table(self, error: CnmError) -> None:
        """Load the firewall's table if it is gone, although ERROR stops the run: the table separates the networks."""
        self.after = Composition(self._earlier, self._kernel.facts)
        self._required, self.left_out = set(), {}
        try:
            if any(step.resource.bearing == EVERYTHING for step in self._plan(self._scope({HOST_UNIT}))):
                steps = self._plan(self._scope(self.after.everything()))
                self._kernel.apply([step for step in steps if step.resource.subsystem in FIREWALL])
        except CnmError as other:
            raise Collected([error, other]) from error

    def _release(self, scope: Scope) -> None:
        """Release what was adopted and is no longer wanted."""
        adopted = {key: resource for key, resource in scope.known.items() if resource.adopted}
        for link in only(LinkKey, self._intent.lent):
            bridge = Link(link.namespace, link.name, BRIDGE, adopted=True)
            adopted[bridge.key] = bridge
        for key, resource in adopted.items():
            if key in scope.wanted:
                continue
            released = resource.released()
            scope.keys.discard(key)
            if released is not None:
                scope.wanted[key] = released
                scope.keys.add(key)

    def _restore_settings(self, scope: Scope, units: Set[Unit]) -> None:
        """Restore the original values of kernel settings that UNITS no longer need.

        Forwarding stays on if there are bridges that came later, because their owners may rely on it by now. A bridge
        that an interrupted run has released does not count.
        """
        settings, apart = {**self._intent.settings, **self._store.settings()}, self.after.host_resources.apart
        for name, setting in settings.items():
            key = Sysctl.at(HOST, name)
            if setting.unit == APART_UNIT and name not in apart:
                # The kernel changes this setting with the one of all interfaces.
                scope.restored.add(name)
                element = apart_element(name)
                scope.keys.update((element.key, *element.within))
            if setting.unit not in units or key in scope.wanted:
                continue
            scope.restored.add(name)
            version = 4 if name == FORWARDING[4] else 6
            bridges = self._kernel.facts.other_bridges() if setting.unit == HOST_UNIT else ()
            if later_bridges(settings, version, bridges) <= self._released:
                scope.wanted[key] = Sysctl(HOST, name, setting.original)
                scope.keys.add(key)

    def _plan(
        self, scope: Scope, renew: AbstractSet[str] = frozenset(), leave: AbstractSet[str] = frozenset()
    ) -> List[Step]:
        """Return the steps that are to be done.

        :param leave: subsystems of the firewall whose rules are as they were read before; reading them runs programs
        """
        renewed = frozenset(
            key
            for key, unit in scope.unit_of.items()
            if unit.kind == "sandbox" and unit.id in renew and kind_of(key).renewed
        )
        present = {key: resource for key, resource in scope.firewall.items() if resource.subsystem in leave}
        present.update(self._kernel.read(key for key in scope.keys if kind_of(key).subsystem not in leave))
        scope.firewall = {key: resource for key, resource in present.items() if resource.subsystem in FIREWALL}
        for name in scope.restored:
            key = Sysctl.at(HOST, name)
            if key not in present:
                scope.wanted.pop(key, None)
        while True:
            try:
                return self._told(plan(scope.wanted, scope.concerned(present), renewed))
            except CnmError as error:
                self._leave_out(scope, error)

    def _told(self, steps: List[Step]) -> List[Step]:
        """Return STEPS; those that end DHCP clients say whether the addresses are given back."""
        if all(step.resource.kind != "dhcp-client" for step in steps):
            return steps
        from .leases import ending

        return ending(self._store, steps)

    def _consequences(self, steps: Sequence[Step], scope: Scope) -> Set[Unit]:
        """Return the units that lose something because STEPS replace resources.

        With the last address of a family, the kernel removes a link's neighbours (fib_disable_ip in net/ipv4).
        """
        units: Set[Unit] = set()
        for step in steps:
            if step.after is None or not (step.before is None or step.before.forgets(step.after)):
                continue
            if step.after.bearing == EVERYTHING:
                return self.after.everything()
            unit = scope.unit_of.get(step.resource.key)
            if step.after.bearing == NETWORK and unit is not None and unit.kind == "network":
                for one in {unit} | self.after.sharing(unit.id):
                    units |= self.after.on_network(one.id)
        return units

    def _carry_out(self, units: Set[Unit], scope: Scope, steps: List[Step]) -> None:
        unfinished = self._intent.published
        self._note(units, scope, steps)
        try:
            self._converge(scope, steps)
            scope = self._with_leases(units, scope)
            self._end_stale_connections(unfinished, scope)
            self._commit(scope.restored)
        except CnmError as error:
            self._store.rollback()
            self._recover(units, error)
            raise
        journal.clear(self._folder)

    def _note(self, units: Set[Unit], scope: Scope, steps: Sequence[Step]) -> None:
        """Note what STEPS are about to touch, and the values that kernel settings have before."""
        if steps:
            for step in steps:
                if isinstance(step.before, Sysctl) and not scope.owns(step.before):
                    unit = scope.unit_of.get(step.before.key, HOST_UNIT)
                    self._store.put_setting(step.before.name, Setting(step.before.value, unit))
            for name in self.after.host_resources.apart:
                self._store.put_setting(name, Setting("0", APART_UNIT))
            self._intent = self._intended(units, scope, steps)
            journal.write(self._folder, self._intent)

    def _with_leases(self, units: Set[Unit], scope: Scope) -> Scope:
        """Wait for the addresses that DHCP servers give, and add them; return the scope of the run with them.

        :raises CnmError: if a server gives none, or one that cannot be used, to an endpoint that the run is about
        """
        if all(key[0] != "dhcp-client" for key in scope.wanted):
            return scope
        from . import leases

        clients = leases.waiting(self._store, scope.wanted.values())
        if not clients:
            return scope
        given = self._kernel.await_leases([client.endpoint for client in clients])
        with schema.explained(self._folder):
            errors = leases.record(self._store, clients, given)
            if errors:
                self._leave_out(scope, errors[0] if len(errors) == 1 else Collected(errors))
                self._converge(scope, self._plan(scope))
            self.after = self.after.again()
            again = self._scope(units | self._affected(set()))
            again.created |= scope.created
            steps = self._plan(again)
            self._note(units, again, steps)
            self._converge(again, steps)
        return again

    def _commit(self, restored: AbstractSet[str] = frozenset()) -> None:
        """Commit the transaction, without the kernel settings that were RESTORED.

        :raises CnmError: if the store cannot be written
        """
        with schema.explained(self._folder):
            for name in restored:
                self._store.delete_setting(name)
            self._store.commit()

    def _intended(self, units: Set[Unit], scope: Scope, steps: Sequence[Step]) -> Intent:
        adopted = {key: resource for key, resource in (*scope.known.items(), *scope.wanted.items()) if resource.adopted}
        changed = [step.resource for step in steps]
        keys = {resource.key for resource in changed} | host_ends(changed) | self._intent.keys
        touched = [one for step in steps for one in (step.before, step.after)]
        return Intent(
            frozenset(units),
            frozenset(keys - set(adopted)),
            frozenset(key for key, resource in adopted.items() if resource.released() is not None),
            self._store.settings(),
            self._intent.published | {one for one in touched if isinstance(one, Element) and one.translates},
        )

    def _converge(self, scope: Scope, steps: List[Step]) -> None:
        """Carry out STEPS, read the host again, and do what is still missing.

        :raises CnmError: if the host does not reach the wanted state
        """
        attempts = ATTEMPTS
        while steps:
            scope.created |= {step.resource.key for step in steps if step.before is None and not step.resource.adopted}
            try:
                if not attempts:
                    raise _not_converged(scope, steps)
                self._kernel.apply(steps)
                attempts -= 1
            except CnmError as error:
                self._leave_out(scope, error)
                attempts = max(attempts, 1)
            # An nft process of an interrupted run may still have been changing the rules when they were read.
            changed = FIREWALL if self._after_a_kill else {each for step in steps for each in step.resource.shows_in}
            steps = self._plan(scope, leave=set(FIREWALL).difference(changed))

    def _end_stale_connections(self, published: AbstractSet[Element], scope: Scope) -> None:
        """End connections that use rules changed by an interrupted run, which may not have ended them."""
        if published:
            now = {one for one in published if scope.wanted.get(one.key) == one}
            self._kernel.end_stale_connections(sorted(published - now, key=str), sorted(now, key=str))

    def _recover(self, units: Set[Unit], error: CnmError) -> None:
        """Undo the changes of the host after ERROR; what cannot be undone is left to the next run."""
        self.after = Composition(self._earlier, self._kernel.facts)
        self._required = units - set(self.left_out)
        scope = self._scope(units)
        try:
            self._converge(scope, self._plan(scope))
        except CnmError as other:
            raise Collected([error, other]) from error
        journal.clear(self._folder)


def _not_converged(scope: Scope, steps: Sequence[Step]) -> CnmError:
    """Return the error that says, for each unit, which of STEPS are still to be done."""
    left: Dict[Optional[Unit], List[Resource]] = {}
    for step in steps:
        left.setdefault(scope.unit_of.get(step.resource.key), []).append(step.resource)
    errors: List[CnmError] = []
    for resources in left.values():
        what = ", ".join(sorted(set(map(str, resources)))[:5])
        text = f"The host is not in the expected state: {what}. Something else may be changing it."
        errors.append(KernelRefused(text, resources[0].key))
    return errors[0] if len(errors) == 1 else Collected(errors)
