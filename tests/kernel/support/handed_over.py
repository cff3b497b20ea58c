# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container whose interface its engine moves into it, as Docker does."""

from __future__ import annotations

from tasks import Tasks, link, listed

CONTAINER = "c"


class Container:
    """A container that has joined NETWORK before its namespace exists."""

    def __init__(self, tasks: Tasks, network: str) -> None:
        self._tasks, self._network, self.host = tasks, network, tasks.host
        tasks.ensure("endpoint", {"name": "e", "network": network})
        identifier = tasks.shown("endpoint")["e"]["Id"]
        self.waiting, self.end = f"cnm{identifier[:12]}", f"veth{identifier[:11]}"
        tasks.sandbox(CONTAINER, netns=f"/run/netns/{CONTAINER}", netns_awaited=True, no_default_route=True)
        self.join(self.waiting)
        self.address = tasks.address("e", network)

    def join(self, interface: str) -> bool:
        item = {
            "name": "e",
            "network": self._network,
            "state": "joined",
            "sandbox": CONTAINER,
            "interface_name": interface,
        }
        return self._tasks.ensure("endpoint", item).changed

    def start(self) -> None:
        """Make the namespace, and do with the interface what Docker does."""
        commands = (
            f"ip netns add {CONTAINER}",
            f"ip link set {self.waiting} netns {CONTAINER}",
            f"ip -n {CONTAINER} link set {self.waiting} name eth0",
            f"ip -n {CONTAINER} address add {self.address}/24 dev eth0",
            f"ip -n {CONTAINER} link set eth0 up",
        )
        for each in commands:
            self.host.out(each.split())

    def again(self) -> bool:
        """Let a restore and a task run; return whether one of them changes anything."""
        return self._tasks.restore().changed or self._tasks.network(self._network).changed

    def links(self) -> set[str]:
        """Return the names of the host's interfaces that are the container's."""
        return {each["ifname"] for each in listed(self.host, "ip", "link")} & {self.waiting, self.end}

    def state(self) -> object:
        """Return what the container has, and the host's end."""
        kinds = ("link", "address", "neighbour", "route")
        inside = [listed(self.host, "ip", kind, "show", place=CONTAINER) for kind in kinds]
        end = link(self.host, self.end)
        entries = [each for each in listed(self.host, "bridge", "fdb", "show") if each.get("ifname") == self.end]
        return inside, {key: end[key] for key in ("flags", "master", "mtu", "group", "ifindex")}, entries
