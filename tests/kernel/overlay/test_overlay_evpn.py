# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts whose FRR tells each other by BGP EVPN which endpoints they have."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from fleet import Fleet, Member, until
from frr import Frr, needs_frr, running

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL

pytestmark = needs_frr
DUAL = ["10.9.0.0/16", "fd00:9::/64"]
EVPN = {"driver_options": {CONTROL: "evpn"}}
WITHIN = 60.0
"""Seconds. On an idle machine, it takes less than one; here, other tests run at the same time."""


@pytest.fixture()
def frr(fleet: Fleet) -> Iterator[list[Frr]]:
    """FRR on three hosts with the network 'blue', on which each has a sandbox."""
    fleet.network("blue", DUAL, **EVPN)
    fleet.sandboxes("blue")
    with running(fleet) as made:
        assert until(lambda: all_reach(fleet), WITHIN)
        yield made


def all_reach(fleet: Fleet) -> bool:
    """Return whether each sandbox reaches the two others."""
    return all(
        one.ping(f"s{one.number}", address, patience=1.0)
        for one in fleet.members
        for other in fleet.members
        if one is not other
        for address in (f"10.9.{other.number}.0", f"fd00:9:0:0:{other.number}::")
    )


def led(member: Member, mac: str) -> list[str]:
    """Return the hosts to which MEMBER sends frames for MAC."""
    device = member.shown("network")["blue"]["Host"]["VxlanDevice"]
    return [
        each["dst"]
        for each in member.listed("bridge", "fdb", "show", "dev", device)
        if each["mac"] == mac and "dst" in each
    ]


def rerun(fleet: Fleet) -> list[bool]:
    """Run the network and the sandboxes of each host again, and restore it; return what has changed anything."""
    changed = [result.changed for result in fleet.network("blue", DUAL, **EVPN)]
    for member in fleet.members:
        item = {"name": f"s{member.number}", "networks": [{"name": "blue"}]}
        changed += [member.ensure("sandbox", item).changed, member.restore().changed]
    return changed


def entries(fleet: Fleet) -> list[set[str]]:
    """Return the entries of each host, without what changes by itself."""
    present = []
    for member in fleet.members:
        lines = member.run("bridge", "fdb").stdout + member.run("ip", "neighbour", "show", "nud", "all").stdout
        present.append({line for line in lines.splitlines() if "extern_learn" in line or "00:00:00:00:00:00" in line})
    return present


def test_endpoints_are_known_by_bgp_and_move(fleet: Fleet, frr: list[Frr]) -> None:
    one, two, three = fleet.members
    before = entries(fleet)
    assert all("extern_learn" in text for text in map(" ".join, before))
    assert rerun(fleet) == [False] * 9
    assert entries(fleet) == before

    # It is on the new host before it leaves the old one, as in a play for all hosts.
    m = {"name": "m", "networks": [{"name": "blue", "ipv4_address": "10.9.200.7", "ipv6_address": "fd00:9:0:0:200::7"}]}
    mac = "02:42:0a:09:c8:07"
    one.ensure("sandbox", m)
    assert until(lambda: led(three, mac) == [one.vtep[4]], WITHIN)
    two.ensure("sandbox", m)
    assert until(lambda: led(three, mac) == [two.vtep[4]] == led(one, mac), WITHIN)
    one.ensure("sandbox", {"name": "m", "state": "absent"})
    for target in ("10.9.200.7", "fd00:9:0:0:200::7"):
        assert until(lambda target=target: one.ping("s1", target, patience=1.0), WITHIN)
        assert three.ping("s3", target)
    assert led(three, mac) == [two.vtep[4]]
    assert rerun(fleet) == [False] * 9
    two.ensure("sandbox", {"name": "m", "state": "absent"})
    assert until(lambda: led(three, mac) == [] == led(one, mac), WITHIN)


def test_daemons_end_and_come_back(fleet: Fleet, frr: list[Frr]) -> None:
    one, two, _three = fleet.members

    # Without bgpd, zebra removes what leads to others. Ours stays.
    frr[1].end("bgpd")
    assert until(lambda: not two.ping("s2", "10.9.3.0", patience=0.3), WITHIN)
    assert rerun(fleet) == [False] * 9
    assert one.ping("s1", "10.9.3.0")
    frr[1].start("bgpd")
    assert until(lambda: all_reach(fleet), WITHIN)

    # zebra dies: what it has made stays, and so does the traffic.
    frr[1].end("zebra")
    assert two.ping("s2", "10.9.3.0") and one.ping("s1", "10.9.2.0")
    assert rerun(fleet) == [False] * 9
    frr[1].start("zebra")
    assert until(lambda: all_reach(fleet), WITHIN)

    # FRR stops: whatever it takes along of ours is repaired, and what is left of it leads nowhere wrong.
    frr[1].end(by=signal.SIGTERM)
    rerun(fleet)
    assert rerun(fleet) == [False] * 9
    frr[1].start()
    assert until(lambda: all_reach(fleet), WITHIN)
    assert rerun(fleet) == [False] * 9


def test_a_host_dies_and_comes_back(fleet: Fleet, frr: list[Frr]) -> None:
    one, two, three = fleet.members
    mac = "02:42:0a:09:03:00"
    assert led(one, mac) == [three.vtep[4]] == led(two, mac)
    fleet.plug(3, up=False)
    assert until(lambda: led(one, mac) == [] == led(two, mac), WITHIN)
    # It goes on by itself, and may start a sandbox that has an address of another one.
    assert rerun(fleet) == [False] * 9
    fleet.plug(3, up=True)
    assert until(lambda: all_reach(fleet), WITHIN)


def test_a_sandbox_cannot_take_the_frames_of_another(fleet: Fleet, frr: list[Frr]) -> None:
    """Zebra would make a route of what the bridge learns."""
    one, two, three = fleet.members
    mac = "02:42:0a:09:02:00"
    forge = (
        "import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0));"
        f"[s.send(b'\\xff' * 6 + bytes.fromhex(each) + b'\\x08\\x00' + bytes(50))"
        f" for each in ('{mac.replace(':', '')}', '020000000099') for _ in range(20)]"
    )
    one.run("ip", "netns", "exec", "s1", "python3", "-c", forge)
    # What comes later is known later.
    one.ensure("sandbox", {"name": "m", "networks": [{"name": "blue", "ipv4_address": "10.9.200.7"}]})
    assert until(lambda: led(three, "02:42:0a:09:c8:07") == [one.vtep[4]], WITHIN)
    assert all_reach(fleet)
    assert led(three, mac) == [two.vtep[4]] == led(one, mac)
    assert led(three, "02:00:00:00:00:99") == []
