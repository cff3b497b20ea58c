# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run reads on the host: the resources of some units, before and after, and their keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Iterable, Mapping, Set

from .resources.fdb import FdbEntry
from .resources.kinds import Sysctl
from .resources.link import Link
from .resources.resource import FIREWALL, HOST, Key, Obstacle, Resource, kind_of
from .store.journal import Unit


@dataclass
class Scope:
    """What a run reads."""

    known: Dict[Key, Resource] = field(default_factory=dict)
    wanted: Dict[Key, Resource] = field(default_factory=dict)
    unit_of: Dict[Key, Unit] = field(default_factory=dict)
    """The unit that wants a resource, or had it before."""
    keys: Set[Key] = field(default_factory=set)
    firewall: Dict[Key, Resource] = field(default_factory=dict)
    """The firewall's part of what was read last."""
    created: Set[Key] = field(default_factory=set)
    """What was to be made, and may exist by now."""
    left_out: Set[Unit] = field(default_factory=set)
    restored: Set[str] = field(default_factory=set)
    """Kernel settings of the host that are to get their original values back."""

    def leave_out(self, units: Set[Unit]) -> None:
        """Want only the rules of UNITS; of their other resources, read only those that this run has made.

        If even those cannot be removed, they stay.
        """
        for key, unit in self.unit_of.items():
            if unit in units and not is_of_firewall(key):
                self.wanted.pop(key, None)
                if unit in self.left_out or key not in self.created:
                    self.keys.discard(key)
        self.left_out |= units

    def concerned(self, present: Mapping[Key, Resource]) -> Dict[Key, Resource]:
        """Return the resources in PRESENT that belong to the run, with those that depend on them."""
        return {
            key: resource
            for key, resource in present.items()
            if (key in self.keys or not self.keys.isdisjoint(resource.within))
            and (key in self.unit_of or not isinstance(resource, Obstacle))
            and (key in self.keys or not isinstance(resource, Link) or self._is_hidden(resource))
            and (key in self.keys or not isinstance(resource, FdbEntry) or not self._is_shared(resource))
        }

    def _is_hidden(self, link: Link) -> bool:
        """Say whether LINK, which nobody asked for, is an interface of its sandbox under another name."""
        asked = (one for one in (*self.known.values(), *self.wanted.values()) if isinstance(one, Link) and one.lower)
        return link.lower is not None and any(
            one.namespace == link.namespace and one.lower is not None and one.lower.device == link.lower.device
            for one in asked
        )

    def _is_shared(self, entry: FdbEntry) -> bool:
        """Say whether somebody else also makes entries where ENTRY is, so that it may be theirs."""
        key = Link.at(entry.namespace, entry.link)
        link = self.wanted.get(key) or self.known.get(key)
        return isinstance(link, Link) and link.shared

    def owns(self, setting: Sysctl) -> bool:
        """Say whether SETTING is created and removed with something of ours."""
        if setting.namespace != HOST:
            return True
        key = Link.at(HOST, setting.link)
        link = self.wanted.get(key) or self.known.get(key)
        return link is not None and not link.adopted


def host_ends(resources: Iterable[Resource]) -> Set[Key]:
    """Return the keys of the host's ends of the links among RESOURCES.

    An unwanted end is removed by its own name, so a sandbox cannot keep it by changing the inner end.
    """
    return {resource.host_end for resource in resources if resource.host_end}


def is_of_firewall(key: Key) -> bool:
    """Say whether KEY is that of a rule. Rules are read by running programs, and loaded even for units left out."""
    return kind_of(key).subsystem in FIREWALL
