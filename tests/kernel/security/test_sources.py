# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source addresses that a sandbox forges, and foreign ones that it may use."""

from __future__ import annotations

import os

import pytest
from attack import heard, mac
from lab import HOST, OUTSIDE, OUTSIDE4, OUTSIDE6, UPLINK4, UPLINK6, at, command, endpoint, seen, sysctl
from tasks import Tasks, answers, eventually, reaches

WORLD = {4: "203.0.113.9", 6: "2001:db8:77::9"}
BROADCAST = b"\xff" * 6


@pytest.fixture()
def two(tasks: Tasks) -> Tasks:
    """Sandboxes a, b and both, on networks a and b. a publishes a port, but only to sources in WORLD."""
    for number, name in enumerate("ab", 1):
        tasks.network(name, f"10.{number}.0.0/24,fd00:{number}::/64")
    sources = [{"container_port": 53, "host_port": 8053, "protocol": "udp", "allowed_sources": list(WORLD.values())}]
    tasks.sandbox("a", "a", published_ports=sources)
    tasks.sandbox("b", "b")
    tasks.sandbox("both", {"name": "a", "gateway_priority": 1}, "b", published_ports=["8080:80"])
    assert eventually(lambda: reaches("b", HOST, "fd00:2::1") and reaches("both", HOST, "fd00:1::1"))
    return tasks


@pytest.mark.parametrize("version", [4, 6])
def test_a_sandbox_sends_from_its_own_network(two: Tasks, version: int) -> None:
    own, gateway, neighbour, outside, uplink = {
        4: ("10.2.0.2", "10.2.0.1", "10.1.0.2", OUTSIDE4, UPLINK4),
        6: ("fd00:2::2", "fd00:2::1", "fd00:1::2", OUTSIDE6, UPLINK6),
    }[version]
    place, device = ("0.0.0.0" if version == 4 else "::", 53), mac(HOST, two.device("b"))
    forged = [neighbour, WORLD[version], outside]
    assert heard("b", [*forged, own], gateway, HOST, 53, ("eth0", device), place) == {own}
    assert heard("b", forged, gateway, HOST, 53, ("eth0", BROADCAST), place) == set()
    assert heard("b", [own], outside, OUTSIDE, 53, ("eth0", device), place) == {uplink}
    assert heard("b", forged, outside, OUTSIDE, 53, ("eth0", device), place) == set()
    assert heard("b", forged, gateway, "a", 8053, ("eth0", device), place) == set()
    # If the host has a route to an address through a sandbox, the sandbox may use that address as a source.
    command(f"ip route add {WORLD[version]} via {own} dev {two.device('b')}")
    assert heard("b", forged, outside, OUTSIDE, 53, ("eth0", device), place) == {WORLD[version]}


def test_a_sandbox_on_several_networks_sends_from_all_its_addresses(two: Tasks) -> None:
    address = two.address("both", "b")
    assert answers(8080, "both")
    assert seen("both", (OUTSIDE4, 90), OUTSIDE, ("0.0.0.0", 90), own=address) == UPLINK4
    two.sandbox("both", "a")
    assert heard("both", [address], OUTSIDE4, OUTSIDE, 53, ("eth0", mac(HOST, two.device("a")))) == set()


def test_a_container_answers_by_our_network_what_came_in_by_another(two: Tasks) -> None:
    command("ip netns add container")
    command("ip link add engine type veth peer name eth0 netns container")
    command("ip address add 10.7.0.1/24 dev engine")
    command("ip link set engine up")
    with at("container"):
        command("ip address add 10.7.0.2/24 dev eth0")
        command("ip link set eth0 up")
        command("ip route add default via 10.7.0.1")
    with endpoint(OUTSIDE, "tcp", "0.0.0.0", 90) as waiting, endpoint("container", "tcp", "0.0.0.0") as client:
        for each in (waiting, client):
            # A link that has just come up may need a second.
            each.settimeout(60)
        waiting.listen()
        client.connect((OUTSIDE4, 90))
        accepted, peer = waiting.accept()
        two.sandbox("docker-container", "a", netns="/run/netns/container")
        assert eventually(lambda: reaches(OUTSIDE, "container", "10.7.0.2"))
        client.sendall(b"still there")
        accepted.settimeout(10)
        assert (peer[0], accepted.recv(100)) == ("10.7.0.2", b"still there")
        accepted.close()


@pytest.mark.machine
def test_what_passes_from_port_to_port_is_the_network_s_own_affair(two: Tasks) -> None:
    """With br_netfilter, the rules see these frames."""
    if not os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables"):
        pytest.skip("this kernel has no br_netfilter")
    two.sandbox("router", "b")
    sysctl("net/bridge/bridge-nf-call-iptables", 1)
    for place, address in (("b", "192.168.77.1"), ("router", "192.168.77.2")):
        with at(place):
            command(f"ip address add {address}/24 dev eth0")
    assert reaches("b", "router", "192.168.77.2")
    assert heard("b", [WORLD[4]], two.address("router", "b"), "router", 53, ("eth0", mac("router", "eth0"))) == {
        WORLD[4]
    }
