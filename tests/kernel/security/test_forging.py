# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox that impersonates a neighbour or the gateway, below IP."""

from __future__ import annotations

import struct

import pytest
from attack import claim, flood, mac, send
from lab import HOST, OUTSIDE4, OUTSIDE6, UPLINK4, UPLINK6, at, command, pinged
from tasks import BRIDGE, Tasks, answers, listed, source_outside

BOTH = "10.1.0.0/24,fd00:1::/64"
VICTIM = {4: "10.1.0.2", 6: "fd00:1::2"}
GATEWAY = {4: "10.1.0.1", 6: "fd00:1::1"}
OUTSIDES, UPLINKS = {4: OUTSIDE4, 6: OUTSIDE6}, {4: UPLINK4, 6: UPLINK6}


def neighbours(tasks: Tasks, icc: bool) -> None:
    """Create sandboxes a, which publishes a port, and evil on one network, and let the host know both."""
    tasks.network("n", BOTH, {f"{BRIDGE}.enable_icc": icc})
    tasks.sandbox("a", "n", published_ports=["8080:80"])
    tasks.sandbox("evil", "n")
    for version in (4, 6):
        assert pinged("a", GATEWAY[version]) and pinged("evil", GATEWAY[version])


def take(address: str) -> None:
    with at("evil"):
        command(f"ip address add {address}{'/128 nodad' if ':' in address else '/32'} dev eth0")


@pytest.mark.parametrize("icc", (False, True))
def test_a_published_port_stays_with_its_sandbox(tasks: Tasks, icc: bool) -> None:
    neighbours(tasks, icc)
    for version in (4, 6):
        assert answers(8080, "a", at_address=UPLINKS[version])
        take(VICTIM[version])
        claim("evil", "eth0", VICTIM[version], mac(HOST, tasks.device("n")))
        assert not answers(8080, "evil", at_address=UPLINKS[version])
        assert answers(8080, "a", at_address=UPLINKS[version])
    assert not tasks.restore().changed


@pytest.mark.parametrize("icc", (False, True))
def test_a_neighbour_s_mac_address_stays_with_its_sandbox(tasks: Tasks, icc: bool) -> None:
    neighbours(tasks, icc)
    victim, gateway = mac("a", "eth0"), mac(HOST, tasks.device("n"))
    take(VICTIM[4])
    with at("evil"):
        command(f"ip link set eth0 address {victim.hex(':')}")
    send("evil", "eth0", gateway + victim + struct.pack("!H", 0x88B5))
    assert not answers(8080, "evil")
    assert answers(8080, "a")
    stranger = bytes.fromhex("0242ac110099")
    send("evil", "eth0", gateway + stranger + struct.pack("!H", 0x88B5))
    known = {each["mac"] for each in listed(tasks.host, "bridge", "fdb", "show", "br", tasks.device("n"))}
    assert (stranger.hex(":") in known) == icc, "without ICC the bridge learns nothing"
    assert not tasks.sandbox("a").changed
    assert tasks.restore().changed, "the MAC address of evil is put right"


def test_the_way_out_leads_by_no_neighbour(tasks: Tasks) -> None:
    neighbours(tasks, True)
    for version in (4, 6):
        assert source_outside("a", OUTSIDES[version]) == UPLINKS[version]
        take(GATEWAY[version])
        claim("evil", "eth0", GATEWAY[version], mac("a", "eth0"))
        assert source_outside("a", OUTSIDES[version]) == UPLINKS[version]
    assert not tasks.restore().changed


def test_a_full_neighbour_table_keeps_no_other_network_from_its_gateway_and_ports(tasks: Tasks) -> None:
    """The kernel has one table of 1024 entries for all namespaces and does not evict those of the last five seconds."""
    tasks.network("n", "10.1.0.0/16")
    tasks.network("other", "10.2.0.0/24")
    tasks.sandbox("evil", "n")
    tasks.sandbox("a", "other", published_ports=["8080:80"])
    flood("evil", "eth0", "10.1", "10.1.0.1", 1500)
    command("ip -n a neighbour flush all")
    assert pinged("a", "10.2.0.1")
    assert answers(8080, "a", at_address="10.2.0.1", client="a")
