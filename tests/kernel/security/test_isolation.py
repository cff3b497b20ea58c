# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sandboxes can reach on the host and on each other, and what a neighbour of the host can reach."""

from __future__ import annotations

import pytest
from attack import arrives, heard, mac
from lab import HOST, OUTSIDE, OUTSIDE4, OUTSIDE6, UPLINK4, UPLINK6, at, command, pinged, seen, sysctl
from tasks import ANY, Tasks, eventually, reaches

SUBNETS = {"a": "10.1.0.0/24,fd00:1::/64", "b": "10.2.0.0/24,fd00:2::/64"}
PORT = 8080


@pytest.fixture()
def two(tasks: Tasks) -> Tasks:
    """Sandboxes a and b on a network each. a publishes ports on 127.0.0.1, on its gateway and on all addresses."""
    for name, subnets in SUBNETS.items():
        tasks.network(name, subnets)
    tasks.sandbox(
        "a", "a", published_ports=[f"127.0.0.1:{PORT}:80", f"127.0.0.1:{PORT}:80/udp", "10.1.0.1:8081:80", "8082:80"]
    )
    tasks.sandbox("b", "b")
    tasks.network("inner", "10.3.0.0/24,fd00:3::/64", internal=True)
    tasks.sandbox("c", "inner")
    assert eventually(lambda: reaches("b", HOST, "fd00:2::1") and reaches("c", HOST, "fd00:3::1"))
    return tasks


def by_hand(place: str, target: str, via: str, device: str = "eth0") -> None:
    """Add a route to PLACE, as its own programs could."""
    with at(place):
        command(f"ip route replace {target} via {via} dev {device} onlink")


def connects(place: str, target: str, port: int, server: str, listener: int = 80, host: str = "") -> bool:
    any_address = host or ANY[6 if ":" in target else 4]
    return seen(place, (target, port), server, (any_address, listener)) is not None


LOOPBACK = "127.0.0.1"


@pytest.mark.parametrize(
    ("place", "network", "own"), [("a", "a", "10.1.0.2"), ("b", "b", "10.2.0.2"), ("c", "inner", "10.3.0.2")]
)
def test_the_host_s_loopback_is_out_of_a_sandbox_s_reach(two: Tasks, place: str, network: str, own: str) -> None:
    """The host's bridges have route_localnet set."""
    gateway = two.gateway(network)
    frame = ("eth0", mac(HOST, two.device(network)))
    assert arrives(place, own, gateway, HOST, 53, frame) == own
    assert arrives(place, own, LOOPBACK, HOST, 53, frame, (LOOPBACK, 53)) is None
    assert arrives(place, own, LOOPBACK, "a", PORT, frame, ("0.0.0.0", 80)) is None


def test_a_neighbour_of_the_host_does_not_reach_its_loopback(two: Tasks) -> None:
    """With route_localnet alone, it would (CVE-2020-8558 of Kubernetes)."""
    assert connects(HOST, LOOPBACK, PORT, "a")
    for setting in ("all", "uplink"):
        sysctl(f"net/ipv4/conf/{setting}/route_localnet", 1)
    frame = ("wan", mac(HOST, "uplink"))
    assert arrives(OUTSIDE, OUTSIDE4, UPLINK4, HOST, 53, frame) == OUTSIDE4
    assert arrives(OUTSIDE, OUTSIDE4, LOOPBACK, HOST, 53, frame, (LOOPBACK, 53)) is None
    assert arrives(OUTSIDE, OUTSIDE4, LOOPBACK, "a", PORT, frame, ("0.0.0.0", 80)) is None


@pytest.mark.parametrize("target", ["10.1.0.2", "fd00:1::2", "10.2.0.2", "fd00:2::2", "10.3.0.2", "fd00:3::2"])
def test_a_neighbour_of_the_host_does_not_reach_a_sandbox_by_its_address(two: Tasks, target: str) -> None:
    """Whoever shares a link with the host can send to any subnet through it (moby issue 48815)."""
    place = {"1": "a", "2": "b", "3": "c"}[target[3] if "." in target else target[5]]
    assert reaches(HOST, place, target)
    assert not reaches(OUTSIDE, place, target)
    assert not pinged(OUTSIDE, target)


def test_a_neighbour_of_the_host_reaches_what_is_published_to_all(two: Tasks) -> None:
    assert connects(OUTSIDE, UPLINK4, 8082, "a")
    assert connects(OUTSIDE, UPLINK6, 8082, "a")


@pytest.mark.parametrize("gateway", ["10.1.0.1", "fd00:1::1"])
@pytest.mark.parametrize("place", ["b", "c"])
def test_another_network_s_gateway_is_out_of_reach(two: Tasks, place: str, gateway: str) -> None:
    """It is an address of the host, and published ports would be a detour to the network."""
    if place == "c":
        by_hand("c", f"{gateway}/{128 if ':' in gateway else 32}", "fd00:3::1" if ":" in gateway else "10.3.0.1")
    assert connects("a", gateway, 53, HOST, 53)
    assert not connects(place, gateway, 53, HOST, 53)
    assert not pinged(place, gateway)
    for port in (8081, 8082):
        assert not connects(place, gateway, port, "a")


@pytest.mark.parametrize("target", [UPLINK4, UPLINK6])
def test_an_internal_sandbox_has_its_gateway_alone(two: Tasks, target: str) -> None:
    six = ":" in target
    by_hand("c", f"{target}/{128 if six else 32}", "fd00:3::1" if six else "10.3.0.1")
    assert connects("c", "fd00:3::1" if six else "10.3.0.1", 53, HOST, 53)
    assert not connects("c", target, 53, HOST, 53)
    assert not connects("c", target, 8082, "a")
    by_hand("c", "fd00:1::2/128" if six else "10.1.0.2/32", "fd00:3::1" if six else "10.3.0.1")
    assert not reaches("c", "a", "fd00:1::2" if six else "10.1.0.2")


def test_another_network_s_anycast_address_is_out_of_reach(two: Tasks) -> None:
    """A host that forwards also has the first address of each subnet (RFC 4291 2.6.1)."""
    frames = {place: ("eth0", mac(HOST, two.device(name))) for place, name in (("b", "b"), ("c", "inner"))}
    everywhere = ("::", 53)
    assert heard(OUTSIDE, [OUTSIDE6], "fd00:1::", HOST, 53, ("wan", mac(HOST, "uplink")), everywhere) == {OUTSIDE6}
    assert heard("b", ["fd00:2::2"], "fd00:1::", HOST, 53, frames["b"], everywhere) == set()
    for target in ("fd00:1::", "2001:db8::"):
        assert heard("c", ["fd00:3::2"], target, HOST, 53, frames["c"], everywhere) == set()


@pytest.mark.parametrize("place", ["a", "b"])
def test_the_host_s_services_are_the_host_s_own_rules_affair(two: Tasks, place: str) -> None:
    """This is documented: our table has no input chain."""
    assert connects(place, UPLINK4, 53, HOST, 53)
    assert connects(place, UPLINK6, 53, HOST, 53)


@pytest.mark.parametrize("source", ["10.1.0.2", "10.1.0.1", "127.0.0.1"])
def test_a_forged_source_opens_no_other_network(two: Tasks, source: str) -> None:
    """Neither the address of a neighbour there nor that of its gateway does."""
    assert arrives("b", source, "10.1.0.2", "a") is None
