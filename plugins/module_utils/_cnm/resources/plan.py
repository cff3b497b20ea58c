# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wanted minus present: the plan that brings a host into the wanted state."""

from __future__ import annotations

from typing import Any, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple

from ..model.errors import CnmError, Conflict, raise_all
from .resource import Key, Obstacle, Resource


class Step(NamedTuple):
    """One change of the host. No ``before`` is a creation, no ``after`` a removal, both a change in place."""

    before: Optional[Resource]
    after: Optional[Resource]

    @property
    def resource(self) -> Resource:
        """The resource of the step, as it will be or, for a removal, as it was."""
        resource = self.after or self.before
        if resource is None:
            raise ValueError("a step is about something")
        return resource


def index(resources: Iterable[Resource]) -> Mapping[Key, Resource]:
    """Return RESOURCES by key."""
    return {resource.key: resource for resource in resources}


def plan(
    wanted: Mapping[Key, Resource], present: Mapping[Key, Resource], renew: FrozenSet[Key] = frozenset()
) -> List[Step]:
    """Return the steps from PRESENT to WANTED, in order: removals, then creations and changes.

    The contents of a thing that must be created again count as absent, and what the kernel removes with its parent has
    no step of its own. Things that are not ours are not changed.

    :param renew: keys of things to create again although they are in the wanted state
    :raises CnmError: if something that is not ours is in the way, or something adopted is gone; each Conflict is about
        one resource
    """
    gone: Set[Key] = set()
    obstacles = [resource for resource in present.values() if isinstance(resource, Obstacle)]
    conflicts: List[CnmError] = [Conflict(obstacle.reason, obstacle.key) for obstacle in obstacles]
    removals: List[Step] = []
    arrivals: List[Step] = []
    for key, resource in sorted(present.items(), key=_turn):
        after = wanted.get(key)
        if isinstance(resource, Obstacle):
            continue
        if resource.foreign and not (after and after.adopted):
            if after:
                text = f"A {resource} that was not made by us is in the way. Remove or rename it."
                conflicts.append(Conflict(text, key))
            continue
        if after and after.adopted and _needs_replacement(after, resource):
            conflicts.append(Conflict(f"The {resource} cannot be adopted: a {after} is needed.", key))
            continue
        lost = bool(gone) and not gone.isdisjoint(resource.within)
        if lost and resource.goes_with_parent:
            gone.add(key)
        elif after is None and not resource.removable:
            continue
        elif lost or after is None or (key in renew and not after.adopted) or _needs_replacement(after, resource):
            gone.add(key)
            removals.append(Step(resource, None))
    left = [(key, one) for key, one in wanted.items() if key in gone or not _is_there(one, present.get(key))]
    for key, resource in sorted(left, key=_turn):
        before = None if key in gone else present.get(key)
        if isinstance(before, Obstacle):
            continue
        if before is None and resource.adopted and resource.foreign:
            continue  # It was to be released, and its owner has already removed it.
        if before is None and resource.adopted:
            text = f"The {resource}, which was adopted, is gone. Bring it back, or remove what uses it."
            conflicts.append(Conflict(text, key))
        else:
            arrivals.append(Step(before, resource))
    raise_all(conflicts)
    return removals[::-1] + arrivals


def _turn(item: Tuple[Key, Resource]) -> Tuple[Any, ...]:
    """Return when the resource of ITEM is made among all: the lower first; removed the other way round."""
    key, resource = item
    return resource.rank, resource.turn, key


def _is_there(wanted: Resource, present: Optional[Resource]) -> bool:
    return present is not None and not isinstance(present, Obstacle) and wanted.satisfied_by(present)


def _needs_replacement(wanted: Resource, present: Resource) -> bool:
    for name in wanted.immutable:
        value = getattr(wanted, name)
        if value is not None and value != getattr(present, name):
            return True
    return False
