# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The story on two of our hosts that share an etcd: a task on one host for each move, as with Docker."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cnm_hosts
from cnm_hosts import CnmHosts
from etcd_cluster import PREFIX, cluster
from fleet import Fleet
from ours import STATES
from service import SOCKET, Service
from steps import Step
from story import Move

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL, SLICES, VTEP
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError

SETTINGS = Path("/etc/cnm/etcd.json")


class EtcdHosts(CnmHosts):
    """Hosts that know of each other only what is in etcd. It runs on the first of them, as Docker's does."""

    control = "etcd"

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet)
        self._sandboxes: dict[str, dict[str, Any]] = {}
        try:
            etcd = self._stack.enter_context(cluster(fleet_members=fleet.members[:1]))
            for member in fleet.members:
                with member.here():
                    SETTINGS.parent.mkdir(exist_ok=True)
                    SETTINGS.touch(0o600)
                    SETTINGS.write_text(json.dumps({"endpoints": [etcd.members[0].url], "prefix": PREFIX}))
                    agent = Service(SOCKET, "engines", "--etcd", str(SETTINGS))
                self._stack.callback(self._end, member, agent)
        except BaseException:
            self.end()
            raise

    @staticmethod
    def _end(member: Any, agent: Service) -> None:
        with member.here():
            agent.end()

    def do(self, moves: Sequence[Move]) -> list[str]:
        """Carry out MOVES; return why they were refused, or nothing."""
        problems = []
        for host, step in moves:
            try:
                getattr(self, f"_{step.verb}", self._state)(host, step)
            except CnmError as error:
                problems.append(str(error))
        return problems

    def _ensure(self, host: str, kind: str, item: dict[str, Any]) -> None:
        self.hosts[host].member.ensure(kind, item)

    def _options(self, host: str) -> dict[str, str]:
        return {CONTROL: "etcd", VTEP: self.hosts[host].member.vtep[4]}

    def _others(self, host: str) -> list[str]:
        return [name for name in self.hosts if name != host]

    def _create(self, host: str, step: Step) -> None:
        self._ensure(host, "network", cnm_hosts.network(step, **self._options(host), **{SLICES: "false"}))
        for other in self._others(host):
            # It joins the network by its name, and chooses addresses as the first host has said, as Docker does.
            joined = {"name": step.name, "driver": step.arguments["driver"], "driver_options": self._options(other)}
            self._ensure(other, "network", joined)

    def _delete(self, host: str, step: Step) -> None:
        for each in (host, *self._others(host)):
            self._ensure(each, "network", {"name": step.name, "state": "absent"})

    def _run(self, host: str, step: Step) -> None:
        item = cnm_hosts.sandbox(step)
        self._ensure(host, "sandbox", item)
        self._sandboxes[step.name] = item

    def _connect(self, host: str, step: Step) -> None:
        item = self._sandboxes[step.name]
        more = {**item, "networks": [*item["networks"], cnm_hosts.attachment(step)]}
        self._ensure(host, "sandbox", more)
        self._sandboxes[step.name] = more

    def _state(self, host: str, step: Step) -> None:
        self._ensure(host, "sandbox", {"name": step.name, "state": STATES[step.verb]})
