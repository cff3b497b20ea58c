# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an interrupted run has left under the names of links that are to be created."""

from __future__ import annotations

from typing import Dict, List, Sequence, Set

from ...model.errors import CnmError, Conflict, raise_all
from ...resources.link import GROUP, Link
from ...resources.plan import Step
from ...resources.resource import HOST
from ..namespace import Namespaces
from . import interface
from .interface import LEAVING
from .link_reading import read
from .link_removal import remove


def make_way(namespaces: Namespaces, links: Sequence[Link]) -> List[Step]:
    """Remove what an interrupted run left under the names of LINKS.

    Return, for those LINKS that exist with the right type and ends, the steps that change them.

    :raises Conflict: if something that is not ours has one of these names
    """
    wanted: Dict[str, Set[str]] = {}
    for link in links:
        wanted.setdefault(link.namespace, set()).add(link.name)
    present = {link.key: link for link in read(namespaces, wanted)}
    ends = interface.find(namespaces.at(HOST), [link.peer.name for link in links if link.peer])
    changes: List[Step] = []
    stale: List[Link] = []
    conflicts: List[CnmError] = []
    for link in links:
        there = present.get(link.key)
        end = ends.get(link.peer.name) if link.peer else None
        if (there and there.foreign) or (end and end.group not in (GROUP, LEAVING)):
            name = str(there) if there and there.foreign else f"interface '{end.name}'" if end else ""
            text = f"A {name} that was not made by us is in the place of {link}. Remove or rename it."
            conflicts.append(Conflict(text, link.key))
            continue
        same_pair = link.peer is None or (there and there.peer and there.peer.name == link.peer.name)
        if there and (there.type, there.base) == (link.type, link.base) and same_pair:
            changes.append(Step(there, link))
            continue
        # The inner end and the end on the host may be of different pairs.
        if there:
            stale.append(there)
        if end:
            stale.append(Link(HOST, end.name, end.type))
    raise_all(conflicts or remove(namespaces, stale))
    return changes
