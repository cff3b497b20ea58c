# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interface that an engine moves into its container itself, as Docker does."""

from __future__ import annotations

import pytest
from lab import pinged
from tasks import Tasks, link, listed

CONTAINER = "c"


class Container:
    """A container that has joined network 'n' before its namespace exists, and a sandbox 'own' there."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks, self.host = tasks, tasks.host
        tasks.network("n", "10.1.0.0/24")
        tasks.sandbox("own", "n")
        tasks.ensure("endpoint", {"name": "e", "network": "n"})
        identifier = tasks.shown("endpoint")["e"]["Id"]
        self.waiting, self.end = f"cnm{identifier[:12]}", f"veth{identifier[:11]}"
        tasks.sandbox(CONTAINER, netns=f"/run/netns/{CONTAINER}", netns_awaited=True, no_default_route=True)
        self.join(self.waiting)
        self.address = tasks.address("e", "n")

    def join(self, interface: str) -> bool:
        item = {"name": "e", "network": "n", "state": "joined", "sandbox": CONTAINER, "interface_name": interface}
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
        return self._tasks.restore().changed or self._tasks.network("n").changed

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


@pytest.fixture()
def container(tasks: Tasks) -> Container:
    return Container(tasks)


def test_it_waits_on_the_host_and_receives_nothing(container: Container) -> None:
    waiting, end = link(container.host, container.waiting), link(container.host, container.end)
    assert "UP" not in waiting["flags"]
    assert "UP" in end["flags"]
    assert (waiting["address"], waiting["link"], end["linkinfo"]["info_slave_kind"]) == (
        "02:42:0a:01:00:03",
        container.end,
        "bridge",
    )
    assert not container.again()


def test_runs_leave_it_alone_when_the_engine_has_taken_it(container: Container) -> None:
    container.start()
    assert pinged("own", container.address)
    before = container.state()
    assert not container.again()
    assert container.state() == before
    assert container.links() == {container.end}


def test_it_is_repaired_once_its_name_is_known(container: Container, tasks: Tasks) -> None:
    container.start()
    assert container.join("eth0")
    assert not container.again()
    container.host.out(["ip", "-n", CONTAINER, "address", "flush", "dev", "eth0"])
    assert container.again()
    assert pinged("own", container.address)
    assert pinged(CONTAINER, tasks.address("own", "n"))
    container.host.out(["ip", "link", "delete", container.end])
    assert container.again()
    assert pinged("own", container.address)


@pytest.mark.parametrize("taken", [False, True])
def test_leaving_leaves_nothing(container: Container, tasks: Tasks, taken: bool) -> None:
    if taken:
        container.start()
    tasks.ensure("sandbox", {"name": CONTAINER, "state": "absent"})
    assert container.links() == set()
    if taken:
        assert [each["ifname"] for each in listed(container.host, "ip", "link", place=CONTAINER)] == ["lo"]
    assert not container.again()


def test_a_container_that_dies_takes_the_pair_along(container: Container, tasks: Tasks) -> None:
    container.start()
    container.host.out(["ip", "netns", "delete", CONTAINER])
    tasks.ensure("sandbox", {"name": CONTAINER, "state": "absent"})
    assert container.links() == set()
