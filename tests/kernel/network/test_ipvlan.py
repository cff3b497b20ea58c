# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of driver ipvlan: sandboxes that share the MAC address of one of the host's interfaces."""

from __future__ import annotations

from typing import Any

import pytest
from inventory import inventory, nothing_left
from lab import OUTSIDE, command, pinged
from tasks import Tasks, default_route, eventually, link, reaches
from trunk import ROUTER, ROUTER6, mode_of, plug, require

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, InvalidInput

pytestmark = pytest.mark.machine
SUBNETS = "192.168.7.0/24,fd00:7::/64"


def network(tasks: Tasks, mode: str = "l2", flag: str = "bridge", name: str = "lan", parent: str = "lan0") -> Any:
    options = {"parent": parent, "ipvlan_mode": mode, "ipvlan_flag": flag}
    return tasks.network(name, SUBNETS if name == "lan" else "192.168.8.0/24", options, driver="ipvlan")


def mode(tasks: Tasks, place: str) -> str:
    return mode_of(link(tasks.host, "eth0", place))


def test_sandboxes_with_the_mac_address_of_the_parent(tasks: Tasks) -> None:
    plug(tasks)
    require(tasks.host, "link add probe0 link lan0 type ipvlan", "ipvlan")
    command("ip link delete probe0")
    untouched = inventory(tasks.host)
    assert network(tasks).changed and not network(tasks).changed
    for name in "ab":
        assert tasks.sandbox(name, "lan").changed and not tasks.sandbox(name, "lan").changed
    address = link(tasks.host, "lan0")["address"]
    assert [link(tasks.host, "eth0", name)["address"] for name in "ab"] == [address] * 2
    assert mode(tasks, "a") == "l2 bridge" and default_route(tasks.host, "a") == ROUTER
    assert reaches("a", "b", "192.168.7.3") and pinged("b", "fd00:7::2")
    assert reaches("a", OUTSIDE, ROUTER) and reaches(OUTSIDE, "b", "192.168.7.3") and pinged("a", ROUTER6)

    for damage in ("link delete eth0", "link set eth0 type ipvlan mode l3", "address delete 192.168.7.2/24 dev eth0"):
        tasks.host.ip(f"{damage}\n", "/run/netns/a")
        assert tasks.sandbox("a").changed, damage
        assert not tasks.sandbox("a").changed, damage
        assert eventually(lambda: pinged("a", ROUTER)), damage

    before = inventory(tasks.host)
    for name in "ab":
        command(f"ip netns delete {name}")
    command("find /run/cnm -mindepth 1 -delete")
    # The kernel may still have the old links, with the addresses.
    assert tasks.restore().changed and not tasks.restore().changed
    assert inventory(tasks.host) == before and pinged("a", ROUTER)

    index = link(tasks.host, "eth0", "a")["ifindex"]
    assert network(tasks, "l2", "private").changed and not network(tasks, "l2", "private").changed
    assert mode(tasks, "b") == "l2 private" and not pinged("a", "192.168.7.3") and pinged("a", ROUTER)
    # Without ARP, the router has to know where they are.
    tasks.host.ip(f"neighbour replace 192.168.7.2 lladdr {address} dev lan1 nud permanent\n", OUTSIDE)
    for wanted in ("l3", "l3s"):
        assert network(tasks, wanted).changed and not network(tasks, wanted).changed
        assert mode(tasks, "a") == f"{wanted} bridge" and link(tasks.host, "eth0", "a")["ifindex"] == index
        assert "default dev eth0 proto static scope link" in tasks.host.out(["ip", "route"], "/run/netns/a")
        assert "default dev eth0" in tasks.host.out(["ip", "-6", "route"], "/run/netns/a")
        assert pinged("a", "192.168.7.3") and eventually(lambda: pinged("a", ROUTER))
    tasks.end()
    assert nothing_left(tasks, untouched)


def test_an_ipvlan_network_has_its_parent_alone(tasks: Tasks) -> None:
    plug(tasks)
    require(tasks.host, "link add probe0 link lan0 type ipvlan", "ipvlan")
    command("ip link delete probe0")
    network(tasks)
    with pytest.raises(InvalidInput, match="network 'lan' is already using parent 'lan0'"):
        network(tasks, name="second")
    tasks.host.ip("link add theirs link lan0 type macvlan\n")
    with pytest.raises(CnmError, match="'lan0' is a port of something else, or has links of another type"):
        tasks.sandbox("a", "lan")
