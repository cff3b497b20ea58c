# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host forwards besides our traffic: what it forwarded before, and nothing more."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from lab import OUTSIDE, OUTSIDE4, OUTSIDE6, at, command, sysctl
from tasks import Tasks, eventually, reaches, setting, source_outside

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel import facts
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import VLAN_GROUP

FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}
ROLE = Path(__file__).parents[3] / "roles/host/defaults/main.yml"
LAN = {4: "192.0.2.2", 6: "2001:db8:2::2"}


@pytest.fixture()
def lans(tasks: Tasks) -> Tasks:
    """A host between two networks: that of its uplink, and one with a neighbour 'lan'."""
    lan(tasks, "lan", "192.0.2", "2001:db8:2:")
    return tasks


def lan(tasks: Tasks, name: str, four: str, six: str) -> None:
    command(f"ip netns add {name}")
    with at(name):
        sysctl("net/ipv6/conf/default/accept_dad", 0)
    tasks.host.ip(
        f"link add to-{name} type veth peer name eth0 netns {name}\n"
        f"address add {four}.1/24 dev to-{name}\naddress add {six}:1/64 dev to-{name} nodad\n"
    )
    tasks.host.ip(
        f"address add {four}.2/24 dev eth0\naddress add {six}:2/64 dev eth0 nodad\nlink set eth0 up\n"
        f"route add default via {four}.1\nroute add default via {six}:1\n",
        f"/run/netns/{name}",
    )
    tasks.host.ip(f"link set to-{name} up\n")
    with at(OUTSIDE):
        command("ip route replace default via 198.51.100.2")
        command("ip -6 route replace default via 2001:db8::2")


def routed(place: str, addresses: dict[int, str]) -> set[int]:
    """Return the IP versions for which the host lets OUTSIDE and PLACE reach each other."""
    there = {version for version, address in addresses.items() if reaches(OUTSIDE, place, address)}
    back = {4: OUTSIDE4, 6: OUTSIDE6}
    return there | {version for version, address in back.items() if source_outside(place, address)}


def test_a_host_does_not_become_a_router_for_its_neighbours(lans: Tasks) -> None:
    """The role may have prepared the host."""
    for name, value in re.findall(r"(net\S*forward\S*): (\d)", ROLE.read_text()):
        sysctl(name.replace(".", "/"), value)
    assert [setting(name) for name in FORWARDING.values()] == ["0", "0"]
    lans.network("n", "10.1.0.0/24")
    lans.sandbox("s", "n", published_ports=["8080:80"])
    assert (setting(FORWARDING[4]), setting(FORWARDING[6])) == ("1", "0")
    assert eventually(lambda: source_outside("s")) and routed("lan", LAN) == set()
    lans.network("m", "10.2.0.0/24,fd00:2::/64")
    lans.sandbox("t", "m")
    assert setting(FORWARDING[6]) == "1"
    assert eventually(lambda: source_outside("t", OUTSIDE6)) and routed("lan", LAN) == set()
    assert not lans.network("n").changed
    command("nft flush ruleset")
    lans.restore()
    os.makedirs("/etc/cnm", exist_ok=True)
    assert routed("lan", LAN) == set()
    # Links that somebody adds now rely on the forwarding that they find.
    lan(lans, "later", "203.0.113", "2001:db8:3:")
    assert eventually(lambda: routed("later", {4: "203.0.113.2", 6: "2001:db8:3::2"}) == {4, 6})
    with open("/etc/cnm/cnm.json", "w") as stream:
        stream.write('{"ip-forward-no-drop": true}')
    assert lans.network("n").changed and routed("lan", LAN) == {4, 6}
    os.unlink("/etc/cnm/cnm.json")
    assert lans.network("n").changed is False
    lans.end()
    assert [setting(name) for name in FORWARDING.values()] == ["0", "0"]
    command("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    lans.network("n", "10.1.0.0/24,fd00:1::/64")
    assert routed("lan", LAN) == {4, 6}
    # As docs/firewall.md says.
    command("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0")
    lans.restore()
    assert [setting(name) for name in FORWARDING.values()] == ["1", "1"] and routed("lan", LAN) == set()


def test_a_host_that_goes_on_forwarding_for_others_does_not_become_a_router(lans: Tasks) -> None:
    """Docker, installed after the first network, relies on the forwarding that it finds, also without networks."""
    lans.network("n", "10.1.0.0/24,fd00:1::/64")
    command("ip link add docker0 type bridge")
    lan(lans, "later", "203.0.113", "2001:db8:3:")
    there = {4: "203.0.113.2", 6: "2001:db8:3::2"}
    lans.network("n", state="absent")
    assert eventually(lambda: routed("later", there) == {4, 6}) and routed("lan", LAN) == set()
    assert not lans.restore().changed
    command("ip link delete docker0")
    assert lans.restore().changed
    assert [setting(name) for name in FORWARDING.values()] == ["0", "0"]


def test_not_even_a_router_forwards_what_comes_from_a_vlan_of_ours(lans: Tasks) -> None:
    for name in FORWARDING.values():
        sysctl(name, 1)
    lans.network("n", "10.1.0.0/24,fd00:1::/64")
    assert routed("lan", LAN) == {4, 6}
    command(f"ip link set to-lan group {VLAN_GROUP}")
    assert not source_outside("lan", OUTSIDE4) and not source_outside("lan", OUTSIDE6)


@pytest.fixture()
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let veth pairs count as network cards, because a test cannot plug one in."""
    monkeypatch.setattr(facts, "_LAN", (*facts._LAN, "veth"))


@pytest.mark.usefixtures("card")
def test_a_network_card_that_comes_later_is_kept_apart_too(lans: Tasks) -> None:
    """The next run notices it. With the role, udev starts such a run when an interface appears."""
    lans.network("n", "10.1.0.0/24,fd00:1::/64")
    lans.sandbox("s", "n")
    lan(lans, "later", "203.0.113", "2001:db8:3:")
    there = {4: "203.0.113.2", 6: "2001:db8:3::2"}
    assert eventually(lambda: routed("later", there) == {4, 6})
    assert lans.restore().changed
    assert routed("later", there) == set() and routed("lan", LAN) == set()
    assert source_outside("s") and source_outside("s", OUTSIDE6)
    assert not lans.restore().changed
    lans.host.ip("link delete to-later\n")
    assert not lans.restore().changed


@pytest.mark.usefixtures("card")
def test_a_network_card_that_comes_later_to_a_router(lans: Tasks) -> None:
    command("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    lans.network("n", "10.1.0.0/24,fd00:1::/64")
    lan(lans, "later", "203.0.113", "2001:db8:3:")
    assert not lans.restore().changed
    assert eventually(lambda: routed("later", {4: "203.0.113.2", 6: "2001:db8:3::2"}) == {4, 6})
