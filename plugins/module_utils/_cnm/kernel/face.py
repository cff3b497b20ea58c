# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface between a kind of resource and the kernel: read, remove and make."""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Sequence, Set, Tuple, TypeVar

from ..model.errors import CnmError
from ..progress import Progress
from ..resources.plan import Step
from ..resources.resource import HOST, Key, Obstacle, Resource, namespace_of
from .firewall.docker_user import DockerUser
from .namespace import Namespaces
from .rtnl.link_reading import Seen, look
from .system.programs import Run

_Key = TypeVar("_Key", bound=Key)


class Host:
    """The host during one reading or one plan. It keeps what one face has read for the faces after it."""

    def __init__(self, run: Run, namespaces: Namespaces, docker_user: DockerUser, progress: Progress) -> None:
        self.run = run
        self.namespaces = namespaces
        self.docker_user = docker_user
        self.progress = progress
        self.seen: Dict[str, Seen] = {}
        """What look() has read so far, by namespace."""
        self.listed: Set[Tuple[str, str]] = set()
        """The VXLAN devices whose forwarding entries have all been read, each with its namespace."""
        self._asked: Dict[str, Set[str]] = {}
        self._ours: Dict[str, bool] = {}

    def look(self, space: str, names: Iterable[str]) -> Seen:
        """Return the interfaces that have been looked up in the namespace SPACE, including those called NAMES.

        :raises KernelRefused: if there is no such namespace
        """
        asked = self._asked.setdefault(space, set())
        new = set(names) - asked
        if new or space not in self.seen:
            seen = look(self.namespaces, self.namespaces.at(space), new)
            known = self.seen[space].interfaces if space in self.seen else {}
            self.seen[space] = seen._replace(interfaces={**known, **seen.interfaces})
            asked |= new
        return self.seen[space]

    def is_ours(self, space: str) -> bool:
        """Say whether we made the namespace SPACE, which must exist."""
        if space not in self._ours:
            self._ours[space] = self.namespaces.is_ours(space, self.namespaces.at(space))
        return self._ours[space]


class Face:
    """How the resources of some kinds are read, removed and made."""

    together = False
    """Whether removals and other changes are one transaction: make() gets them all, and remove() is not called."""

    def read(self, host: Host, keys: Sequence[Key]) -> List[Resource]:
        """Return the resources with KEYS that HOST has, and an Obstacle for each key that cannot be read."""
        raise NotImplementedError

    def remove(self, host: Host, resources: Sequence[Resource]) -> List[CnmError]:
        """Remove all RESOURCES, even if some cannot be removed, and return the errors."""
        raise NotImplementedError

    def make(self, host: Host, steps: Sequence[Step]) -> List[CnmError]:
        """Carry out STEPS, which make and change resources, and return the errors."""
        raise NotImplementedError


def _by_namespace(keys: Iterable[_Key]) -> Dict[str, List[_Key]]:
    groups: Dict[str, List[_Key]] = {}
    for key in keys:
        groups.setdefault(namespace_of(key), []).append(key)
    return groups


def read_by_namespace(
    host: Host, keys: Iterable[_Key], read: Callable[[str, List[_Key]], Sequence[Resource]]
) -> List[Resource]:
    """Return what READ returns for each namespace that exists, and an Obstacle for each of KEYS where it fails.

    :raises CnmError: if it fails in the host's own namespace
    """
    resources: List[Resource] = []
    for space, group in _by_namespace(keys).items():
        try:
            if host.namespaces.find(space) is not None:
                resources += read(space, group)
        except CnmError as error:
            if space == HOST:
                raise
            resources += [Obstacle(key, str(error)) for key in group]
        host.progress.add(len(group))
    return resources
