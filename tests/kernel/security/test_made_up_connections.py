# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With br_netfilter, the host sees the frames between neighbours and tracks them as connections."""

from __future__ import annotations

import os

import frames
import pytest
from attack import heard, mac, send
from lab import HOST, sysctl
from tasks import BRIDGE, Tasks

pytestmark = pytest.mark.machine
ADDRESSES = {4: ("10.1.0.3", "10.2.0.2", "0.0.0.0"), 6: ("fd00:1::3", "fd00:2::2", "::")}
WORLD = {4: "203.0.113.9", 6: "2001:db8:9::9"}


@pytest.fixture()
def made_up(tasks: Tasks, request: pytest.FixtureRequest) -> Tasks:
    """Sandboxes near and evil on one network, which may be on a LAN with the host, and blue on another."""
    for family in ("iptables", "ip6tables"):
        if not os.path.exists(f"/proc/sys/net/bridge/bridge-nf-call-{family}"):
            pytest.skip("the kernel has no br_netfilter")
        sysctl(f"net/bridge/bridge-nf-call-{family}", 1)
    if request.param:
        tasks.host.ip("link add lan0 up type veth peer name lan1\nlink set lan1 up\n")
        pools = [("10.1.0.0/24", "10.1.0.9"), ("fd00:1::/64", "fd00:1::9")]
        config = [{"subnet": subnet, "aux_addresses": {"host": own}} for subnet, own in pools]
        tasks.network("red", options={"cnm.bridge.uplink": "lan0"}, ipam_config=config)
    else:
        tasks.network("red", "10.1.0.0/24,fd00:1::/64")
    # Masquerading would change what is made up.
    tasks.network("blue", "10.2.0.0/24,fd00:2::/64", {f"{BRIDGE}.enable_ip_masquerade": False})
    tasks.sandbox("near", "red")
    tasks.sandbox("evil", "red")
    tasks.sandbox("blue", "blue")
    return tasks


@pytest.mark.parametrize("version", (4, 6))
@pytest.mark.parametrize(
    ("made_up", "to_all"),
    ((False, False), (False, True), (True, False)),
    indirect=["made_up"],
    ids=("own", "all", "lan"),
)
def test_its_other_direction_is_closed(made_up: Tasks, version: int, to_all: bool) -> None:
    own, other, anywhere = ADDRESSES[version]
    router, kind = mac(HOST, made_up.device("red")), frames.IPV4 if version == 4 else frames.IPV6
    to = frames.BROADCAST if to_all else mac("near", "eth0")
    for source, target in ((other, own), (other, WORLD[version])):
        packet = frames.ip(source, target, frames.UDP, frames.udp(source, target, 1024, b"begin", own_port=53))
        send("evil", "eth0", frames.ethernet(to, mac("evil", "eth0"), kind, packet))
    assert heard("evil", [own, WORLD[version]], other, "blue", 53, ("eth0", router), (anywhere, 53)) == set()
