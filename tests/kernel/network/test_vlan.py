# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parents such as ``lan0.10``: sandboxes on a VLAN of a trunk, which is made for them."""

from __future__ import annotations

from typing import Any

import pytest
from inventory import inventory, nothing_left
from lab import OUTSIDE, command, pinged
from tasks import Tasks, eventually, link, reaches, setting
from trunk import ROUTER, ROUTER6, links_on_host, plug

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

pytestmark = pytest.mark.machine
SUBNETS = "192.168.7.0/24,fd00:7::/64"


def network(tasks: Tasks, name: str = "lan", subnets: str = SUBNETS, parent: str = "lan0.10", **more: Any) -> Any:
    return tasks.network(name, subnets, {"parent": parent}, driver="macvlan", **more)


def test_sandboxes_on_a_vlan_of_a_trunk(tasks: Tasks) -> None:
    plug(tasks, tag=10)
    untouched = inventory(tasks.host)
    assert tasks.would("network", {"name": "lan", "driver": "macvlan", "driver_options": {"parent": "lan0.10"}})
    assert "lan0.10" not in links_on_host(tasks)
    assert network(tasks).changed and not network(tasks).changed
    made = link(tasks.host, "lan0.10")
    assert (made["link"], made["linkinfo"]["info_data"]["id"], made["mtu"]) == ("lan0", 10, 1400)
    assert setting("net/ipv6/conf/lan0.10/disable_ipv6") == "1"
    for name in "ab":
        tasks.sandbox(name, "lan")
    assert reaches("a", "b", "192.168.7.3") and pinged("a", ROUTER6)
    assert reaches("a", OUTSIDE, ROUTER) and reaches(OUTSIDE, "b", "192.168.7.3")
    # Another network on the same VLAN, which the first one does not take away.
    network(tasks, "guests", "192.168.8.0/24")
    tasks.sandbox("c", "guests")
    tasks.sandbox("c", state="absent")
    tasks.network("guests", state="absent")
    assert pinged("a", ROUTER) and not tasks.sandbox("a").changed

    for damage in (
        "link delete lan0.10",
        "link delete lan0.10\nlink add link lan0 lan0.10 group 6516342 type vlan id 11\nlink set lan0.10 up",
    ):
        tasks.host.ip(f"{damage}\n")
        assert tasks.sandbox("a").changed, damage
        assert not tasks.sandbox("b").changed and not tasks.restore().changed, damage
        assert eventually(lambda: pinged("a", ROUTER)) and pinged("b", ROUTER), damage

    before = inventory(tasks.host)
    command("ip link delete lan0.10")
    for name in "ab":
        command(f"ip netns delete {name}")
    command("find /run/cnm -mindepth 1 -delete")
    assert tasks.restore().changed and not tasks.restore().changed
    assert inventory(tasks.host) == before and pinged("a", ROUTER)

    assert network(tasks, parent="lan0.20", force=True).changed
    assert not network(tasks, parent="lan0.20").changed
    assert "lan0.10" not in links_on_host(tasks)
    assert link(tasks.host, "lan0.20")["linkinfo"]["info_data"]["id"] == 20
    # Where the host forwards, VLANs of others get entries in the table.
    tasks.network("bridged", "10.1.0.0/24")
    assert not network(tasks, parent="lan0.20").changed
    tasks.end()
    assert nothing_left(tasks, untouched)


def test_a_bridge_whose_uplink_is_a_vlan(tasks: Tasks) -> None:
    plug(tasks, tag=10)
    # The host's address on the trunk does not matter.
    command("ip address add 192.0.2.7/24 dev lan0")
    untouched = inventory(tasks.host)
    options = {"cnm.bridge.uplink": "lan0.10"}
    assert tasks.network("lan", SUBNETS, options).changed and not tasks.network("lan", SUBNETS, options).changed
    tasks.sandbox("a", "lan")
    assert eventually(lambda: pinged("a", ROUTER)) and pinged("a", ROUTER6)
    tasks.end()
    assert nothing_left(tasks, untouched)


def test_a_vlan_of_the_administrator_is_used_and_stays(tasks: Tasks) -> None:
    plug(tasks, tag=10)
    tasks.host.ip("link add link lan0 name office type vlan id 10\nlink set office up\n")
    with pytest.raises(InvalidInput, match="'office' already is VLAN 10 of 'lan0'. Name it as the parent"):
        network(tasks)
    tasks.host.ip("link set office down\nlink set office name lan0.10\nlink set lan0.10 up\n")
    untouched = inventory(tasks.host)
    network(tasks)
    tasks.sandbox("a", "lan")
    assert eventually(lambda: pinged("a", ROUTER))
    tasks.end()
    assert nothing_left(tasks, untouched)
    command("ip link set lan0 down")
    with pytest.raises(InvalidInput, match="'lan0' is down, so a VLAN on it would be, too"):
        network(tasks, parent="lan0.20")
