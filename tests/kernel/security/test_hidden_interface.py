# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox that hides its interface still leaves a network, and gets a new interface while it is to be on it."""

from __future__ import annotations

import pytest
from lab import command, pinged
from tasks import Tasks, listed

WAYS = {
    "renamed": "link set eth0 down\nlink set eth0 name mine\nlink set mine up\n",
    "moved": "netns add inner-{name}\nlink set eth0 netns inner-{name}\n",
    "ungrouped": "link set eth0 group 0\n",
    "leaving": "link set eth0 group 2020830573\n",
    "replaced": "link set eth0 name mine\nlink add eth0 type veth peer name peer0\n",
}
"""What a program in the sandbox does."""
ENDS = {
    "off": {"networks": []},
    "elsewhere": {"networks": [{"name": "other"}]},
    "stopped": {"state": "stopped"},
    "absent": {"state": "absent"},
}
"""What the playbook then says."""


def ports(tasks: Tasks, network: str = "lan") -> int:
    return len(listed(tasks.host, "ip", "link", "show", "master", tasks.device(network)))


@pytest.fixture()
def lan(tasks: Tasks) -> Tasks:
    tasks.network("lan", "10.1.0.0/24")
    tasks.network("other", "10.2.0.0/24")
    return tasks


def hide(tasks: Tasks, name: str, way: str) -> None:
    tasks.host.ip(WAYS[way].format(name=name), f"/run/netns/{name}")


@pytest.mark.parametrize("end", ENDS)
def test_it_leaves_the_network(lan: Tasks, end: str) -> None:
    lan.ensure("sandbox", *({"name": way, "networks": [{"name": "lan"}]} for way in WAYS))
    for way in WAYS:
        hide(lan, way, way)
    assert ports(lan) == len(WAYS)
    assert lan.ensure("sandbox", *({"name": way, **ENDS[end]} for way in WAYS if way != "replaced")).changed
    assert ports(lan) == 1
    # The sandbox's own interface now has the name of ours. It is not touched.
    assert lan.sandbox("replaced", **{"state": "absent"} if end == "elsewhere" else ENDS[end]).changed
    assert ports(lan) == 0
    assert not lan.restore().changed


def test_the_next_run_gives_it_a_new_one(lan: Tasks) -> None:
    ways = [way for way in WAYS if way != "replaced"]
    lan.ensure("sandbox", *({"name": way, "networks": [{"name": "lan"}]} for way in ways))
    for way in ways:
        hide(lan, way, way)
    assert lan.restore().changed
    assert not lan.restore().changed
    assert ports(lan) == len(ways)
    for way in ways:
        assert pinged(way, "10.1.0.1")


def test_names_that_were_swapped(lan: Tasks) -> None:
    lan.sandbox("two", "lan", "other")
    swap = "link set eth0 name old\nlink set eth1 name eth0\nlink set old name eth1\n"
    lan.host.ip(f"link set eth0 down\nlink set eth1 down\n{swap}", "/run/netns/two")
    assert lan.sandbox("two").changed
    assert pinged("two", "10.1.0.1") and pinged("two", "10.2.0.1")
    assert not lan.sandbox("two").changed


def test_a_process_that_was_adopted_and_ends(lan: Tasks) -> None:
    command("ip netns add theirs")
    lan.sandbox("web", "lan", netns="/run/netns/theirs")
    hide(lan, "theirs", "moved")
    command("ip netns delete theirs")
    assert ports(lan) == 1
    lan.restore()
    assert ports(lan) == 0
