# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Uplinks: which bridge an interface of the host is a port of."""

from __future__ import annotations

from typing import List, Sequence, Set

from ...model.errors import CnmError, KernelRefused
from ...resources.link import GROUP, VLAN_GROUP
from ...resources.plan import Step
from ...resources.resource import HOST, Key, Resource, only
from ...resources.uplink import Uplink, UplinkKey
from ..face import Face, Host
from ..refusals import Change, carry_out
from ..rtnl import interface, link_requests
from ..rtnl.interface import GONE, LEAVING

_OURS = (GROUP, VLAN_GROUP, LEAVING)


class Uplinks(Face):
    """Interfaces of the host that are ports."""

    def read(self, host: Host, keys: Sequence[Key]) -> List[Resource]:
        """Return the uplinks with KEYS that are ports of anything."""
        names: Set[str] = {key.name for key in only(UplinkKey, keys)}
        seen = host.look(HOST, names).interfaces
        ports = [seen[name] for name in sorted(names & set(seen)) if seen[name].master]
        masters = interface.find_indices(host.namespaces.at(HOST), {port.master for port in ports})
        return [
            Uplink(port.name, masters[port.master].name, masters[port.master].group not in _OURS)
            for port in ports
            if port.master in masters
        ]

    def remove(self, host: Host, resources: Sequence[Resource]) -> List[CnmError]:
        """Take the uplinks RESOURCES out of their bridges."""
        return carry_out(
            host.namespaces.at(HOST),
            [
                Change(f"take {each.name} out of its bridge", _port(each.name, 0), GONE, each.key)
                for each in only(Uplink, resources)
            ],
        )

    def make(self, host: Host, steps: Sequence[Step]) -> List[CnmError]:
        """Put the uplinks of STEPS into their bridges."""
        socket = host.namespaces.at(HOST)
        wanted = only(Uplink, [step.after for step in steps])
        there = interface.indices(socket, {name for each in wanted for name in (each.name, each.master)})
        errors: List[CnmError] = []
        changes: List[Change] = []
        for each in wanted:
            missing = next((name for name in (each.name, each.master) if name not in there), "")
            if missing:
                errors.append(KernelRefused(f"There is no interface '{missing}' for {each}.", each.key))
            else:
                message = _port(each.name, there[each.master])
                changes.append(Change(f"make {each}", message, about=each.key))
        return errors + carry_out(socket, changes)


def _port(name: str, master: int) -> bytes:
    """Return the request that makes the interface NAME a port of the one with the index MASTER; of none if it is 0."""
    return link_requests.setting(name, [("IFLA_MASTER", master)])
