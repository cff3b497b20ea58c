# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driver bridge with an uplink: sandboxes are on the LAN of an interface of the host, and so may be the host."""

from __future__ import annotations

from typing import Any

import pytest
from inventory import inventory, nothing_left
from lab import HOST, OUTSIDE, SLICES, command, pinged, sysctl
from tasks import Tasks, answers, default_route, eventually, link, listed, reaches, source_outside
from trunk import ON_HOST, ROUTER, ROUTER6, plug

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

ON_HOST6 = "fd00:7::fa"
POOLS = (("192.168.7.0/24", ROUTER, ON_HOST), ("fd00:7::/64", ROUTER6, ON_HOST6))
UPLINK = "cnm.bridge.uplink"


def item(uplink: str = "lan0", own: bool = False, **options: Any) -> dict[str, Any]:
    pools = [
        {"subnet": subnet, "gateway": gateway, "aux_addresses": {"host": address} if own else {}}
        for subnet, gateway, address in POOLS
    ]
    return {"name": "lan", "ipam_config": pools, "driver_options": {UPLINK: uplink, **options}}


def master(tasks: Tasks, name: str = "lan0") -> str:
    return str(link(tasks.host, name).get("master", ""))


def test_sandboxes_are_on_the_lan(tasks: Tasks) -> None:
    plug(tasks)
    command("ip address flush dev lan0")
    # With br_netfilter the firewall sees what is bridged, and must let it pass.
    for family in ("iptables", "ip6tables"):
        sysctl(f"net/bridge/bridge-nf-call-{family}", 1)
    untouched = inventory(tasks.host)
    assert tasks.would("network", item()) and master(tasks) == ""
    assert tasks.ensure("network", item()).changed and not tasks.ensure("network", item()).changed
    device = tasks.device("lan")
    assert master(tasks) == device
    for name in "ab":
        tasks.sandbox(name, "lan")
    assert reaches("a", "b", "192.168.7.3") and reaches("b", "a", "fd00:7::2")
    assert reaches("a", OUTSIDE, ROUTER) and reaches(OUTSIDE, "b", "192.168.7.3")
    assert pinged("a", ROUTER6) and pinged(OUTSIDE, "fd00:7::3")
    # What leaves the LAN goes to its router, and not to the host.
    assert default_route(tasks.host, "a") == ROUTER and source_outside("a") == "192.168.7.2"
    (known,) = listed(tasks.host, "ip", "neighbour", "show", ROUTER, place="a")
    assert known["lladdr"] in tasks.host.out(["ip", "link", "show", "lan1"], OUTSIDE)
    assert not pinged(HOST, "192.168.7.2", SLICES)

    # The host joins them there.
    assert tasks.would("network", item(own=True)) and tasks.ensure("network", item(own=True)).changed
    assert not tasks.ensure("network", item(own=True)).changed
    assert pinged(HOST, "192.168.7.2") and reaches("a", HOST, ON_HOST) and reaches(OUTSIDE, HOST, ON_HOST)
    assert pinged(HOST, "fd00:7::2") and pinged(HOST, ROUTER6) and pinged("a", ON_HOST6)
    # Its other networks use this address, and their published ports are open there, but nobody can route to them.
    tasks.network("inner", "172.30.0.0/24")
    tasks.sandbox("c", "inner", published_ports=["8080:80"])
    assert source_outside("c", ROUTER) == ON_HOST and answers(8080, "c", at_address=ON_HOST)
    assert answers(8080, "c", client="a", at_address=ON_HOST)
    tasks.host.ip(f"route add 172.30.0.0/24 via {ON_HOST}\n", OUTSIDE)
    assert not pinged(OUTSIDE, "172.30.0.2", SLICES)
    for kind, name in (("sandbox", "c"), ("network", "inner")):
        tasks.ensure(kind, {"name": name, "state": "absent"})

    for damage in ("link set lan0 nomaster", f"link delete {device}"):
        command(f"ip {damage}")
        assert tasks.ensure("network", item(own=True)).changed, damage
        assert not tasks.ensure("network", item(own=True)).changed and not tasks.restore().changed, damage
        assert eventually(lambda: pinged("a", ROUTER)) and pinged(HOST, "192.168.7.3"), damage

    before = inventory(tasks.host)
    command(f"ip link delete {device}")
    for name in "ab":
        command(f"ip netns delete {name}")
    command("find /run/cnm -mindepth 1 -delete")
    assert tasks.restore().changed and not tasks.restore().changed
    assert inventory(tasks.host) == before and pinged("a", ROUTER)
    tasks.end()
    assert master(tasks) == "" and nothing_left(tasks, untouched)


def test_an_interface_that_others_use_is_refused(tasks: Tasks) -> None:
    plug(tasks)
    with pytest.raises(InvalidInput, match=f"'lan0' has the address {ON_HOST}/24, with which the host would no longer"):
        tasks.ensure("network", item())
    tasks.host.ip("address flush dev lan0\nlink add br0 up type bridge\nlink set lan0 master br0\n")
    with pytest.raises(InvalidInput, match="'lan0' is a port of 'br0'"):
        tasks.ensure("network", item())
    assert master(tasks) == "br0"
