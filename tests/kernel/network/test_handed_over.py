# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interface that an engine moves into its container itself, as Docker does."""

from __future__ import annotations

import pytest
from handed_over import CONTAINER, Container
from lab import pinged
from tasks import Tasks, link, listed


@pytest.fixture()
def container(tasks: Tasks) -> Container:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("own", "n")
    return Container(tasks, "n")


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
