# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of verbs: under the lock, in one transaction, from the wanted objects to the changed host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple, TypeVar

from . import docker_shapes
from .adopted import lost_namespace
from .drivers import driver
from .items import id_of, in_turn, twice
from .kernel.host import Kernel
from .kernel.registry import named
from .model.errors import CnmError, Incomplete, InvalidInput, Problems, printable
from .model.ids import check_name, is_text
from .model.network import Network
from .model.reported import place_of
from .model.sandbox import Sandbox
from .observation import Run, observed
from .progress import Progress
from .resources.plan import Step
from .run import Reconciliation
from .sharing import Overtaken, Sharing, give_up
from .store import FOLDER, journal
from .store.journal import Unit
from .store.lock import PATIENCE, note
from .store.objects import SqliteStore
from .store.sqlite_connections import SqliteConnections
from .transactions import Transactions
from .verbs.context import Context, Host, quoted
from .verbs.uniqueness import assign_unique_values

T = TypeVar("T")
_ATTEMPTS = 20
"""How often a run begins again because another host has taken in etcd what it had chosen."""
_OFTEN = 10
"""After how many of these it chooses apart from the others."""
_NOTED = 1.0
"""Seconds between the notes about how far a run is, which another process may read."""
Groups = Sequence[Tuple[str, Sequence[Mapping[str, Any]]]]
"""Kinds of objects, each with the items that describe the objects."""
Choose = Callable[[SqliteStore, Host], Optional[Groups]]
"""Chooses what a run has to do."""


@dataclass
class Result:
    """What a run did, or would do."""

    changed: bool = False
    objects: List[Dict[str, Any]] = field(default_factory=list)
    """An object for each item, in Docker's shape; empty if the object does not exist afterwards."""
    differences: List[Dict[str, Any]] = field(default_factory=list)
    """The states before and after, for ``--diff``; empty if they were not asked for."""
    left_out: List[str] = field(default_factory=list)
    """Names of running sandboxes that could not be restored, because what they or their networks adopted is missing."""
    given_way: List[str] = field(default_factory=list)
    """Names of sandboxes that were left out or taken off a network because another host has their addresses."""
    failures: List[str] = field(default_factory=list)
    """A sentence for each object that could not be restored for another reason."""
    reports: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    """What this host reports to the other hosts of a network, by the name of each network whose item tells of them."""


class Controller:
    """All operations on the networks, endpoints and sandboxes of a host."""

    def __init__(
        self,
        kernel: Kernel,
        warn: Callable[[str], None],
        check: bool = False,
        folder: str = FOLDER,
        diff: bool = True,
        elsewhere: bool = True,
        patience: float = PATIENCE,
        connections: Optional[SqliteConnections] = None,
    ) -> None:
        """Create a controller for the host behind KERNEL.

        :param warn: called with each warning for the user
        :param check: whether this is a dry run
        :param diff: whether to return differences, which may be many megabytes
        :param elsewhere: whether to show the parts of networks that are on other hosts, which may be as large
        :param patience: seconds to wait for other runs to end
        :param connections: those to the store that this process keeps open; without them, each run opens its own
        """
        self._kernel = kernel
        self._warn: Callable[[str], None] = lambda text: warn(printable(text))
        self._check = check
        self._folder = folder
        self._transactions = Transactions(folder, check, self._predefine, kernel.keep_listings, patience, connections)
        self._diff = diff
        self._elsewhere = elsewhere
        if not check:
            kernel.progress.observe(lambda text: note(folder, text), _NOTED)

    def ensure(self, kind: str, items: Sequence[Mapping[str, Any]]) -> Result:
        """Bring the objects of KIND into the states that ITEMS describe, as ensure_all() does."""
        return self.ensure_all([(kind, items)])

    def ensure_all(self, groups: Groups) -> Result:
        """Bring the objects of GROUPS into the states that the items describe, in this order.

        :raises InvalidInput: with all mistakes in the items; nothing was changed
        :raises Incomplete: if this was done, but other objects that needed repair could not be repaired
        :raises CnmError: if the host refused a change; the host is as before, or the next run makes it so
        """
        return self.ensure_chosen(lambda _store, _host: groups)

    def ensure_chosen(self, choose: Choose) -> Result:
        """Do what ensure_all() does with the groups that CHOOSE returns, given the store and the facts about the host.

        CHOOSE is called under the lock, so no other run changes anything between its decisions and this run. What it
        raises ends the run before anything is touched. If it returns None, there is nothing to do, and the host is not
        looked at.
        """
        with observed("ensure", self._check) as observation:
            for attempt in range(_ATTEMPTS):
                sharing = Sharing(self._folder, self._check, self._warn)
                try:
                    return self._ensure_chosen(choose, sharing, observation, attempt >= _OFTEN)
                except Overtaken:
                    if attempt + 1 == _ATTEMPTS:
                        raise
                finally:
                    sharing.close()
        raise AssertionError

    def _ensure_chosen(self, choose: Choose, sharing: Sharing, observation: Run, overtaken_often: bool) -> Result:
        with self._transactions.writing() as (store, before):
            groups = choose(store, self._kernel.facts)
            if groups is None:
                return Result()
            self._take_over_leases(store)
            context = self._context(store)
            context.shared, context.overtaken_often = sharing.asked, overtaken_often
            _write_items(groups, context, before, self._kernel.progress)
            pairs = [(kind, item) for kind, items in groups for item in items]
            identifiers = [id_of(store, kind, item) for kind, item in pairs]
            earlier = [id_of(before, kind, item) for kind, item in pairs]
            for problem in twice(pairs, earlier, identifiers):
                context.problems.add(problem)
            context.problems.check()
            named = {
                Unit(kind, identifier)
                for (kind, _item), was, now in zip(pairs, earlier, identifiers)
                for identifier in (was, now)
                if identifier
            }
            run = Reconciliation(store, before, self._kernel, self._folder, self._check, context.unfinished)
            tentative = self._kernel.tentative()
            run.after.withheld = {identifier: why for identifier, why in tentative.items() if why}
            with sharing.claiming(context, before):
                steps = run.reconcile(named, context.renew)
            if tentative and not self._check:
                from .restoration import confirm

                confirm(self._kernel, store, run.after.insisted, tentative)
            result = Result(bool(steps) or run.differs())
            _note(observation, run, result.changed)
            for (kind, item), was, now in zip(pairs, earlier, identifiers):
                self._add_object(result, kind, item, (before, was), (store, now))
            result.differences = self._diff_of_host(steps) + result.differences
            self._warn_of_unreachable_endpoints(store, {identifier for kind, identifier in named if kind == "network"})
            if run.compared and run.after.host_resources.in_use:
                self._warn_of_foreign_policies()
            failures = _failures(run, store, before)
        if failures:
            raise Incomplete(" ".join([*failures, "Everything else was done."]))
        return result

    def exchange(self, reports: Mapping[str, Mapping[str, Any]], own: str) -> Result:
        """Store what hosts have reported of the networks that exist here, unless agents tell of these.

        :param reports: by network and host
        :param own: the name of this host
        """

        def groups(store: SqliteStore, _host: Host) -> Groups:
            from .verbs.reports import is_exchanged

            items = []
            for name, told in reports.items():
                network = store.network_named(name)
                if network is not None and network.underlay is not None and is_exchanged(network):
                    others = {host: each for host, each in told.items() if host != own}
                    items.append({"name": name, "reports": others})
            return [("network", items)]

        return self.ensure_chosen(groups)

    def give_up(self) -> bool:
        """Remove from etcd what this host has given up while etcd did not answer; return whether nothing is left."""
        with self._transactions.writing() as (store, _before):
            return give_up(self._folder, store)

    def follow(self, change: Callable[[SqliteStore], None], networks: Sequence[str] = ()) -> bool:
        """Let CHANGE write what agents report to the store; bring the host into this state, and say whether it changed.

        Endpoints here that were restored, and that no run has named since, give way to older reports.

        :param networks: the ids of networks that are also compared with the host
        :raises Incomplete: as ensure_all()
        :raises CnmError: as ensure_all()
        """
        with observed("follow", self._check) as observation, self._transactions.writing() as (store, before):
            change(store)
            if not store.touched and not networks:
                return False
            run = self._reconciliation(store, before)
            units = {Unit("network", each) for each in networks}
            tentative = self._kernel.tentative()
            if tentative:
                from .restoration import give_way

                units |= give_way(self._kernel, store, before, run.after, tentative)
            steps = run.reconcile(units, set(), insist=False)
            failures = _failures(run, store, before)
            _note(observation, run, bool(steps))
        if failures:
            raise Incomplete(" ".join([*failures, "Everything else was done."]))
        return bool(steps)

    def restore(self) -> Result:
        """Restore everything in the store on the host, for example after a reboot.

        Other programs may create their part later than this, as at boot. So a sandbox in a missing adopted namespace,
        or on a missing adopted bridge, is left out, and an overlay without its underlay works on this host only; each
        with a warning, until a later run. In an overlay whose hosts learn, other hosts may have taken over sandboxes
        in the meantime. They are asked before a sandbox can reach them, and by each later restore until a run has
        named the sandbox.
        """
        with observed("restore", self._check) as observation:
            result = self._restore(observation)
            observation.incomplete = bool(result.failures or result.given_way)
            return result

    def _restore(self, observation: Run) -> Result:
        from . import restoration

        with self._transactions.writing() as (store, before):
            self._take_over_leases(store)
            run = self._reconciliation(store, before)
            doubtful = [] if self._check else restoration.hold_back(self._kernel, run.after)
            steps = run.reconcile(run.after.everything(), set(), insist=False)
            _note(observation, run, bool(steps))
            failures = _failures(run, store, before)
            if not doubtful:
                return self._restored(store, run, steps, failures)
        taken = restoration.ask(self._kernel, doubtful)
        with self._transactions.writing() as (store, before):
            run = self._reconciliation(store, before)
            restoration.decide(self._kernel, run.after, doubtful, taken)
            units = {Unit(kind, one.sandbox) for one in doubtful for kind in ("sandbox", "names")}
            steps += run.reconcile(units, set(), insist=False)
            _note(observation, run, bool(steps))
            failures += [text for text in _failures(run, store, before) if text not in failures]
            return self._restored(store, run, steps, failures)

    def _restored(self, store: SqliteStore, run: Reconciliation, steps: Sequence[Step], failures: List[str]) -> Result:
        """Return the result of a restore, and warn of what it lacks."""
        from .restoration import lacking

        lack = lacking(store, run.after, self._kernel.facts)
        for sentence in lack.warnings:
            self._warn(sentence)
        differences = self._diff_of_host(steps)
        return Result(bool(steps), [], differences, lack.left_out, lack.given_way, failures)

    def _take_over_leases(self, store: SqliteStore) -> None:
        """Write to STORE what DHCP servers have given to endpoints since the last run."""
        given = self._kernel.leases()
        if given:
            from .leases import take_over

            take_over(store, given, self._kernel.facts.lost_leases(), self._warn)

    def _reconciliation(self, store: SqliteStore, before: SqliteStore) -> Reconciliation:
        return Reconciliation(store, before, self._kernel, self._folder, self._check, journal.read(self._folder, named))

    def describe(self, kind: str, keep: Callable[[SqliteStore, Any], bool]) -> List[Dict[str, Any]]:
        """Return the objects of KIND for which KEEP returns true, in Docker's shape, by name."""
        with self._transactions.reading() as store:
            lists: Dict[str, Callable[[], Sequence[Any]]]
            lists = {"network": store.networks, "endpoint": store.endpoints, "sandbox": store.sandboxes}
            try:
                objects = [each for each in lists[kind]() if keep(store, each)]
            except ValueError as error:
                raise InvalidInput([str(error)]) from error
            shown = [_shape(kind)(store, each) for each in objects]
            if kind == "endpoint":
                for each, shape in zip(objects, shown):
                    if each.leased and each.sandbox and each.id in self._kernel.facts.lost_leases():
                        shape["State"] = "lost"
            if kind == "sandbox":
                for each, shape in zip(objects, shown):
                    # The store says what was wanted. A program or the administrator may have removed it since then.
                    if each.running and shape["SandboxKey"] and self._is_lost(each):
                        shape["State"] = "lost"
            return shown

    def _is_lost(self, sandbox: Sandbox) -> bool:
        """Say whether the namespace of SANDBOX is missing although the sandbox should be running."""
        try:
            if sandbox.netns is None:
                return not self._kernel.facts.has_own_namespace(sandbox.path)
            return bool(lost_namespace(sandbox, self._kernel.facts))
        except CnmError:
            return True

    def compare(self, objects: Iterable[Tuple[str, str]]) -> List[Step]:
        """Return the steps that would bring OBJECTS, pairs of a kind and an id, into the state of the store.

        The host is only read, if this is a dry run.

        :raises CnmError: if something is in the way that is not ours, or something adopted is gone
        """
        with self._transactions.writing() as (store, before):
            return self._reconciliation(store, before).reconcile({Unit(*each) for each in objects}, set())

    def foreign_policies(self) -> List[str]:
        """Return a sentence for each firewall of somebody else that drops the traffic of our networks."""
        return self._kernel.facts.foreign_policies()

    def passes_host(self, kind: str) -> bool:
        """Say whether what sandboxes send on networks with the driver KIND passes the host, where rules can see it."""
        return driver(kind).passes_host

    def uplink(self, identifier: str) -> Optional[str]:
        """Return the interface of the host, made by others, by which a network reaches a LAN; None if there is none."""
        with self._transactions.reading() as store:
            network = store.network(identifier)
        borrowed = driver(network.driver).borrowed(network) if network else None
        return borrowed.device if borrowed and borrowed.carries else None

    def look(self, at: Callable[[SqliteStore], T]) -> T:
        """Return what AT returns, given the store, which it only reads."""
        with self._transactions.reading() as store:
            return at(store)

    def given_way(self) -> Set[str]:
        """Return the ids of endpoints that are not made, because other hosts have their addresses."""
        return {identifier for identifier, why in self._kernel.tentative().items() if why}

    def lost_leases(self) -> Set[str]:
        """Return the ids of endpoints that do not have their addresses, because no DHCP server renews them."""
        return self._kernel.facts.lost_leases()

    def bind(self, files: Sequence[Tuple[str, str]]) -> str:
        """Mount, for this process only, the first of each pair of FILES over the second; return an empty text."""
        self._kernel.bind(files)
        return ""

    def enter(self, identifier: str, files: Sequence[Tuple[str, str]]) -> str:
        """Move this process into the namespace of a sandbox, and mount FILES as bind() does.

        :return: why the adopted namespace is missing; empty if it exists, or if it is ours
        :raises KernelRefused: if there is no namespace
        """
        with self._transactions.reading() as store:
            sandbox = store.sandbox(identifier)
        if sandbox is None:
            return ""
        self._kernel.hold(sandbox.path)
        lost = lost_namespace(sandbox, self._kernel.facts)
        if not lost:
            self._kernel.enter(sandbox.path)
            self._kernel.bind(files)
        return lost

    def _warn_of_unreachable_endpoints(self, store: SqliteStore, networks: Set[str]) -> None:
        """Warn of endpoints that other hosts cannot reach, on NETWORKS and on the networks of changed endpoints."""
        changed = (store.endpoint(identifier) for kind, identifier in store.touched if kind == "endpoint")
        for identifier in sorted(networks | {endpoint.network for endpoint in changed if endpoint is not None}):
            network = store.network(identifier)
            if network is not None and network.underlay is not None:
                from .verbs.overlay import unreachable_endpoints

                sentence = unreachable_endpoints(store, network)
                if sentence:
                    self._warn(sentence)

    def _warn_of_foreign_policies(self) -> None:
        try:
            for sentence in self._kernel.facts.foreign_policies():
                self._warn(sentence)
        except CnmError as error:
            self._warn(f"Whether another firewall drops forwarded traffic could not be determined. {error}")

    def _add_object(
        self,
        result: Result,
        kind: str,
        item: Mapping[str, Any],
        before: Tuple[SqliteStore, Optional[str]],
        after: Tuple[SqliteStore, Optional[str]],
    ) -> None:
        """Add to RESULT the object of KIND that ITEM describes.

        :param before: the store before the run, and the object's id in it
        :param after: the same, after the run
        """
        store, identifier = after
        shown = self._shown(store, kind, identifier)
        result.objects.append(shown)
        # Only the items of the module topology say what the inventory declares, which reports leave out.
        network = store.network(identifier) if kind == "network" and identifier and "declared" in item else None
        if network is not None and network.underlay is not None:
            from .verbs.reports import is_exchanged, report

            if is_exchanged(network):
                result.reports[network.name] = report(store, network, item["chosen"], item["declared"])
        if self._diff:
            earlier, was = before
            result.differences.append(_diff_of_object(kind, item["name"], self._shown(earlier, kind, was), shown))

    def _shown(self, store: SqliteStore, kind: str, identifier: Optional[str]) -> Dict[str, Any]:
        item = getattr(store, kind)(identifier) if identifier else None
        if isinstance(item, Network):
            return docker_shapes.network(store, item, self._elsewhere)
        return _shape(kind)(store, item) if item is not None else {}

    def _diff_of_host(self, steps: Sequence[Step]) -> List[Dict[str, Any]]:
        if not self._diff:
            return []
        from .resources.diff_output import of_host

        return of_host(steps)

    def _context(self, store: SqliteStore) -> Context:
        return Context(
            store,
            self._kernel.facts,
            self._kernel.facts.machine_id(),
            self._check,
            self._warn,
            Problems(),
            journal.read(self._folder, named),
        )

    def _predefine(self, store: SqliteStore) -> None:
        from .verbs.network import predefine

        context = self._context(store)
        predefine(context)
        context.problems.check()


def _write_items(groups: Groups, context: Context, before: SqliteStore, progress: Progress) -> None:
    """Write what the items of GROUPS describe to the store, and add to the problems what is not possible.

    :param before: the store as it was before the run
    :param progress: is told of each item
    """
    progress.begin("checks what it was asked for", sum(len(items) for _kind, items in groups))
    for kind, items in groups:
        verb = _verb(kind)
        for item in in_turn(kind, items):
            progress.add()
            if item["name"] is None:
                context.problems.add(f"A {kind} has no name: its 'name' is null.")
            elif not is_text(item["name"]):
                with context.problems.about(kind.capitalize()):
                    check_name(item["name"])
            else:
                verb(context, item)
    assign_unique_values(context, before)
    overlays = [item["name"] for kind, items in groups if kind == "network" for item in items if _informs(item)]
    if overlays:
        from .verbs.overlay import settle_learning

        for name in overlays:
            settle_learning(context, name)
    touched = [context.store.network(identifier) for kind, identifier in context.store.touched if kind == "network"]
    if any(network is not None and network.underlay is not None for network in touched):
        from .verbs.overlay import check_controls, check_ranges

        check_controls(context)
        check_ranges(context, before)


def _informs(item: Mapping[str, Any]) -> bool:
    """Say whether ITEM tells what the inventory declares on other hosts, or what they report."""
    return "declared" in item or "reports" in item


def _note(observation: Run, run: Reconciliation, changed: bool) -> None:
    """Note in OBSERVATION what RUN has done before its transaction ends."""
    if observation.counts:
        observation.changed = observation.changed or changed
        observation.drift += run.drift()


def _failures(run: Reconciliation, store: SqliteStore, before: SqliteStore) -> List[str]:
    """Return a sentence for each object that RUN has left out."""
    sentences = []
    for (kind, identifier), errors in run.left_out.items():
        table = "network" if kind in ("network", "dns", "reported") else "sandbox"
        identifier = place_of(identifier).network if kind == "reported" else identifier
        item = getattr(store, table)(identifier) or getattr(before, table)(identifier)
        what = f"{table} '{item.name if item else identifier}'"
        what = f"The names of {what} were" if kind in ("names", "dns") else f"{what[0].upper()}{what[1:]} was"
        if errors:
            reasons = " ".join(dict.fromkeys(map(str, errors)))
            sentences.append(f"{what} left out{_also(run, store, identifier) if kind == 'network' else ''}: {reasons}")
    return sentences


def _also(run: Reconciliation, store: SqliteStore, network: str) -> str:
    """Return the part of a message that names the sandboxes left out with NETWORK; empty if there are none."""
    on_it = {endpoint.sandbox for endpoint in store.running_endpoints(network)}
    sandboxes = [each for each in store.sandboxes() if each.id in on_it and ("sandbox", each.id) in run.left_out]
    return f", and with it its sandboxes {quoted(sandboxes)}" if sandboxes else ""


def _diff_of_object(kind: str, name: str, before: Dict[str, Any], after: Dict[str, Any]) -> Dict[str, Any]:
    from .resources.diff_output import of_objects

    return of_objects(kind, name, before, after)


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
    shapes = {"network": docker_shapes.network, "endpoint": docker_shapes.endpoint, "sandbox": docker_shapes.sandbox}
    return shapes[kind]
