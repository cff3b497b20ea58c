# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and changes resources of all kinds on the host."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import Collection, Dict, Iterable, List, Mapping, Sequence, Set, Tuple, Union

from ..model.errors import CnmError, raise_all
from ..progress import Progress
from ..resources.kinds import Element
from ..resources.plan import Step
from ..resources.resource import Key, Resource
from . import registry
from .face import Host
from .facts import Facts
from .firewall.docker_user import DockerUser
from .firewall.listings import Listings
from .namespace import Namespaces
from .system.programs import Run

_KIND = attrgetter("kind")


class Kernel:
    """The host's kernel, read by key and changed by step. Use it as a context manager, or close it."""

    def __init__(self, run: Union[Run, Listings]) -> None:
        """Create it with what runs programs; the caller's Listings know what earlier runs in this process have read."""
        self._shares_listings = isinstance(run, Listings)
        self._listings = run if isinstance(run, Listings) else Listings(run)
        self._run = self._listings.run
        self._namespaces = Namespaces()
        self._docker_user = DockerUser(self._run)
        self.progress = Progress()
        self.facts = Facts(self._namespaces, self._run, self._docker_user)

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets."""
        self._namespaces.close()
        if not self._shares_listings:
            self._listings.close()

    def keep_listings(self) -> None:
        """Keep the programs' listings of the host's rules for later runs, as long as the rules do not change."""
        if not self._shares_listings:
            self._listings.keep()

    def hold(self, path: str) -> None:
        """Keep using the namespace that PATH leads to now, even if its owner redirects the path."""
        self._namespaces.hold(path)

    def enter(self, path: str) -> None:
        """Move this process into the namespace at PATH.

        :raises KernelRefused: if there is none, or if it is the host's own
        """
        self._namespaces.enter(path)

    def bind(self, files: Sequence[Tuple[str, str]]) -> None:
        """Mount, for this process only, the first of each pair of FILES over the second.

        :raises KernelRefused: if that is refused
        """
        from .private_mounts import bind

        bind(files)

    def read(self, keys: Iterable[Key]) -> Dict[Key, Resource]:
        """Return the resources with KEYS that the host has."""
        host = self._host()
        groups = registry.by_face(keys, _KIND)
        self.progress.begin("reads the host", sum(len(group) for _face, group in groups))
        present: Dict[Key, Resource] = {}
        done = 0
        for face, group in groups:
            present.update((resource.key, resource) for resource in face.read(host, group))
            done += len(group)
            self.progress.reach(done)
        return present

    def answered(self, wanted: Mapping[str, Iterable[str]]) -> Set[Tuple[str, str]]:
        """Return those of the addresses WANTED, by link of the host, that another host behind that link has."""
        from .rtnl.probing import answered

        return answered(wanted)

    def leases(self) -> Mapping[str, str]:
        """Return the addresses that DHCP servers have given last, by the ids of endpoints."""
        from .system.dhcp_leases import leases

        return leases()

    def await_leases(self, endpoints: Collection[str]) -> Mapping[str, str]:
        """Return the addresses that DHCP servers give to ENDPOINTS, by their ids, after waiting for them."""
        from .system.dhcp_client import await_leases

        self.progress.begin("waits for a DHCP server", len(endpoints))
        return await_leases(endpoints)

    def tentative(self) -> Dict[str, str]:
        """Return the ids of endpoints that may be on another host by now, each with the reason if it is."""
        from . import tentative

        return tentative.read()

    def note_tentative(self, endpoints: Mapping[str, str]) -> None:
        """Let tentative() return ENDPOINTS from now on."""
        from . import tentative

        tentative.write(endpoints)

    def apply(self, steps: Sequence[Step]) -> None:
        """Carry out STEPS: the firewall first, then all removals, then what is made and changed.

        Rules that protect what is removed are removed last.

        :raises CnmError: if something fails; a :class:`Collected` if several things do
        """
        host = self._host()
        done = 0
        self.progress.begin("changes the host", len(steps))
        last = _last(steps)
        steps = [step for step in steps if step not in last]
        groups = registry.by_face(steps, _kind)
        alone = [face for face, _group in groups if not face.together]
        for face, group in groups:
            if face in alone[:1]:
                # In the plan's order, all removals come before anything is made, except for the firewall.
                raise_all(_remove(host, steps))
                done += sum(step.after is None for each, part in groups if each in alone for step in part)
                self.progress.reach(done)
            changes = group if face.together else [step for step in group if step.after]
            if changes:
                raise_all(face.make(host, changes))
                done += len(changes)
                self.progress.reach(done)
        for face, group in registry.by_face(last, _kind):
            raise_all(face.make(host, group))

    def end_stale_connections(self, removed: Sequence[Element], added: Sequence[Element]) -> None:
        """End the connections of published ports that still use elements REMOVED, or do not use elements ADDED."""
        from .firewall.table import end_stale_connections

        end_stale_connections(removed, added)

    def _host(self) -> Host:
        return Host(self._run, self._namespaces, self._docker_user, self.progress)


def _last(steps: Sequence[Step]) -> List[Step]:
    """Return those of STEPS that remove what outlasts the rest, and do not make it again."""
    last = [step for step in steps if step.after is None and step.resource.outlasts]
    made = {step.after.key for step in steps if step.after} if last else set()
    return [step for step in last if step.resource.key not in made]


def _remove(host: Host, steps: Sequence[Step]) -> List[CnmError]:
    """Carry out those of STEPS that remove something, adjacent steps of one face together; return the errors."""
    errors: List[CnmError] = []
    faces = {kind: face for face, group in registry.by_face(steps, _kind) for kind in map(_kind, group)}
    removals = [step for step in steps if step.after is None and not faces[_kind(step)].together]
    for face, group in groupby(removals, lambda step: faces[_kind(step)]):
        try:
            errors += face.remove(host, [step.resource for step in group])
        except CnmError as error:
            errors.append(error)
    return errors


def _kind(step: Step) -> str:
    return step.resource.kind
