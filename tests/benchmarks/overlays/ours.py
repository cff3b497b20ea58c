# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our overlay, through the modules as Ansible sends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import module
from fleet import Fleet, Member

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import LEARNING

from . import HOST, MOVING, SUBNET, Endpoint, Work, address


class Declared:
    """Everything is declared, as by ``cnm.linux.topology`` if all addresses are fixed."""

    learning = False

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        for member in fleet.members:
            member.ensure("network", self._network(member))

    def _network(self, member: Member, moving: int = 1) -> dict[str, Any]:
        """Return the item for the network that MEMBER gets while the moving endpoint is on host MOVING."""
        endpoints = {
            each.name: [{"name": f"s{each.number}", "ipv4_address": address(each.number)}]
            for each in self._fleet.members
        }
        endpoints[f"h{moving}"].append({"name": "moving", "ipv4_address": MOVING})
        options = {LEARNING: self.learning}
        return self._fleet.item(member, "blue", [SUBNET], endpoints=endpoints, driver_options=options)

    def endpoint(self, number: int) -> Endpoint:
        member = self._fleet.members[number - 1]
        member.ensure("sandbox", _sandbox(f"s{number}", address(number)))
        return Endpoint(member, f"/run/netns/s{number}", address(number))

    def namespaces(self, member: Member) -> Sequence[str]:
        return (HOST,)

    def start(self, number: int) -> Work:
        return _task(self._fleet.members[number - 1], "cnm_sandbox", _sandbox(f"s{number}", address(number)))

    def join(self, number: int) -> Work:
        self._fleet.members[number - 1].ensure("sandbox", {"name": f"s{number}", "networks": []})
        return self.start(number)

    def move(self, old: int, new: int) -> Sequence[Work]:
        for member in self._fleet.members:
            member.ensure("network", self._network(member, old))
        self._fleet.members[old - 1].ensure("sandbox", _sandbox("moving", MOVING))
        works = []
        for member in self._fleet.members:
            sandboxes: list[dict[str, Any]] = []
            if member.number == old:
                sandboxes = [{"name": "moving", "state": "absent"}]
            elif member.number == new:
                sandboxes = [_sandbox("moving", MOVING)]
            works.append(_task(member, "topology", {"networks": [self._network(member, new)], "sandboxes": sandboxes}))
        return works

    def close(self) -> None:
        """There is nothing to stop."""


class Learning(Declared):
    """Hosts learn addresses, which is necessary if some addresses are chosen."""

    learning = True


def _sandbox(name: str, fixed: str) -> dict[str, Any]:
    return {"name": name, "networks": [{"name": "blue", "ipv4_address": fixed}]}


def _task(member: Member, name: str, arguments: dict[str, Any]) -> Work:
    with member.here():
        path = module.build(f"cnm.linux.{name}", arguments)

    def work() -> None:
        with member.here():
            module.run(path)

    return work
