# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps on our host, as the tasks that a user would write for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab import HOST
from stand_in import OUTSIDE, Host
from steps import PREDEFINED, Step

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller, Result
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, InvalidInput

STATES = {"stop": "stopped", "start": "present", "restart": "restarted", "remove": "absent"}


class Ours:
    """Our host, and the playbook for it: the lists of networks of its sandboxes."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lists: dict[str, list[dict[str, Any]]] = {}
        self._first: dict[str, dict[str, Any]] = {}
        """The entry of each sandbox's first network, on which it is to have the same MAC address again: KEPT_MAC."""

    def do(self, step: Step) -> list[str]:
        """Carry out STEP; return why it was refused, or nothing."""
        try:
            getattr(self, f"_{step.verb}", self._state)(step)
        except InvalidInput as error:
            return list(error.problems)
        except (CnmError, LookupError) as error:
            return [str(error)]
        return []

    def undo(self, step: Step) -> None:
        """Undo STEP, which created something."""
        back = {"create": "delete", "run": "remove", "connect": "disconnect", "start": "stop"}
        assert self.do(step._replace(verb=back[step.verb])) == [], step

    def reset(self) -> None:
        for kind, objects in (("sandbox", self.containers()), ("network", self.networks())):
            names = [name for name in objects if name not in PREDEFINED]
            if names:
                self._task(kind, *({"name": name, "state": "absent"} for name in names))
        self._lists.clear()

    def _task(self, kind: str, *items: dict[str, Any]) -> Result:
        """Run a task twice; the second run must have nothing to do."""
        results = []
        for _time in range(2):
            with Kernel(self._host.program) as kernel:
                results.append(Controller(kernel, lambda _text: None).ensure(kind, items))
            if items[0].get("state") == "restarted":
                return results[0]
        assert not results[1].changed, items
        assert results[1].objects == results[0].objects
        return results[0]

    def _shown(self, kind: str) -> dict[str, dict[str, Any]]:
        with Kernel(self._host.program) as kernel:
            objects = Controller(kernel, lambda _text: None, True).describe(kind, lambda _store, _found: True)
        return {each["Name"]: each for each in objects}

    def _create(self, step: Step) -> None:
        asked = step.arguments
        if step.name in self._shown("network"):
            raise LookupError("It exists. A task would have changed it.")
        item = {
            "name": step.name,
            "driver": asked.get("driver"),
            "driver_options": asked.get("options"),
            "ipam_config": asked.get("pools"),
            "enable_ipv6": asked.get("ipv6"),
            "internal": asked.get("internal"),
            "labels": asked.get("labels"),
        }
        self._task("network", item)

    def _delete(self, step: Step) -> None:
        if step.name not in self._shown("network"):
            raise LookupError("There is none. A task would have had nothing to do.")
        self._task("network", {"name": step.name, "state": "absent"})

    def _run(self, step: Step) -> None:
        asked = step.arguments
        if step.name in self._lists:
            raise LookupError("It exists. A task would have changed it.")
        entry = {**self._entry(step), "mac_address": asked.get("mac")}
        ports = [
            ":".join(part for part in (port.get("address"), port["host"], port["container"]) if part)
            + f"/{port.get('protocol', 'tcp')}"
            for port in asked.get("ports", ())
        ]
        item = {"name": step.name, "networks": [entry], "labels": asked.get("labels"), "published_ports": ports}
        self._task("sandbox", item)
        self._lists[step.name] = [entry]
        self._first[step.name] = entry

    @staticmethod
    def _entry(step: Step) -> dict[str, Any]:
        asked = step.arguments
        return {
            "name": step.network,
            "ipv4_address": asked.get("ip"),
            "ipv6_address": asked.get("ip6"),
            "aliases": asked.get("aliases"),
        }

    def _relist(self, step: Step, entries: list[dict[str, Any]]) -> None:
        running = self._shown("sandbox")[step.name]["State"] == "running"
        self._task("sandbox", {"name": step.name, "state": "present" if running else "stopped", "networks": entries})
        self._lists[step.name] = entries

    def _connect(self, step: Step) -> None:
        first = self._first.get(step.name, {})
        again = {"mac_address": first["mac_address"]} if first.get("name") == step.network else {}
        self._relist(step, [*self._lists[step.name], {**self._entry(step), **again}])

    def _disconnect(self, step: Step) -> None:
        left = [entry for entry in self._lists[step.name] if entry["name"] != step.network]
        if len(left) == len(self._lists[step.name]):
            raise LookupError("It is not on that network. A task would have had nothing to do.")
        self._relist(step, left)

    def _state(self, step: Step) -> None:
        if step.name not in self._lists:
            raise LookupError("There is none. A task would have made it, or had nothing to do.")
        self._task("sandbox", {"name": step.name, "state": STATES[step.verb]})
        if step.verb == "remove":
            del self._lists[step.name]

    def networks(self) -> dict[str, dict[str, Any]]:
        """Return what cnm_network_info shows, by name."""
        return self._shown("network")

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return what cnm_sandbox_info shows, by name."""
        return self._shown("sandbox")

    def place(self, container: str) -> str:
        """Return the path of the network namespace of CONTAINER, or of the host if it is empty."""
        return str(self._shown("sandbox")[container]["SandboxKey"]) if container else HOST

    @property
    def outside(self) -> str:
        """The path of the network namespace outside."""
        return OUTSIDE

    def resolved(self, container: str, name: str) -> set[str]:
        """Return the IPv4 addresses for NAME in the hosts file of CONTAINER."""
        addresses = set()
        for line in Path("/etc/netns", container, "hosts").read_text().splitlines():
            address, *names = line.partition("#")[0].split() or [""]
            if name in names and "." in address:
                addresses.add(address)
        return addresses
