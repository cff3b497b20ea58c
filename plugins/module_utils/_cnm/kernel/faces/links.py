# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network interfaces, with the forwarding entries that are on VXLAN devices."""

from __future__ import annotations

from typing import Dict, List, Sequence, Set

from ...model.errors import CnmError
from ...resources.link import Link, LinkKey
from ...resources.plan import Step
from ...resources.resource import HOST, Key, Resource, only
from ..face import Face, Host, read_by_namespace
from ..rtnl import link_reading


class Links(Face):
    """Network interfaces."""

    def read(self, host: Host, keys: Sequence[Key]) -> List[Resource]:
        """Return the links with KEYS. All lasting entries of a VXLAN device are ours, so they are read with it."""
        wanted: Dict[str, Set[str]] = {}

        def look(space: str, group: Sequence[LinkKey]) -> List[Resource]:
            names = {key.name for key in group}
            seen = host.look(space, names)
            if space != HOST:
                seen = host.seen[space] = seen._replace(ours=host.is_ours(space))
                hidden = link_reading.hidden(host.namespaces.at(space), seen, names)
                seen.interfaces.update(hidden)
                names.update(hidden)
            interfaces = seen.interfaces
            entries: List[Resource] = []
            tunnels = [interfaces[name] for name in sorted(names & set(interfaces)) if interfaces[name].vxlan]
            if tunnels:
                from ..rtnl import neighbour

                for tunnel in tunnels:
                    host.listed.add((space, tunnel.name))
                    entries += neighbour.read_fdb(host.namespaces.at(space), space, tunnel)
            wanted[space] = names
            return entries

        resources = read_by_namespace(host, only(LinkKey, keys), look)
        return [*resources, *link_reading.resolve(host.namespaces, wanted, host.seen)]

    def remove(self, host: Host, resources: Sequence[Resource]) -> List[CnmError]:
        from ..rtnl.link_removal import remove

        return remove(host.namespaces, only(Link, resources))

    def make(self, host: Host, steps: Sequence[Step]) -> List[CnmError]:
        from ..rtnl.link_steps import apply

        apply(host.namespaces, steps)
        return []
