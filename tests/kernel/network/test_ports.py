# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports: who gets an answer, from where, and who no longer does."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from lab import HOST, OUTSIDE4, OUTSIDE6, UPLINK4, UPLINK6, at, command, delivered, endpoint, seen, sysctl
from needed import needs_sctp
from stand_in import OUTSIDE
from tasks import ANY, BRIDGE, Tasks, answers, eventually, reaches

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

UPLINKS, OUTSIDES = {4: UPLINK4, 6: UPLINK6}, {4: OUTSIDE4, 6: OUTSIDE6}
both_families = pytest.mark.parametrize("version", (4, 6))
SCTP = pytest.param("sctp", marks=[pytest.mark.machine, needs_sctp])


def two_networks(tasks: Tasks, *protocols: str) -> None:
    """Create sandbox ``a``, which publishes port 80 as 8080, its neighbour ``b``, and ``o`` on another network."""
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    tasks.network("other", "10.2.0.0/24,fd00:2::/64")
    tasks.sandbox("a", "n", published_ports=[f"8080:80/{protocol}" for protocol in protocols or ("tcp", "udp")])
    tasks.sandbox("b", "n")
    tasks.sandbox("o", "other")


@both_families
@pytest.mark.parametrize("bridge_netfilter", (0, 1))
def test_answered_from_everywhere(tasks: Tasks, version: int, bridge_netfilter: int) -> None:
    two_networks(tasks)
    for family in ("iptables", "ip6tables"):
        switch = f"net/bridge/bridge-nf-call-{family}"
        if bridge_netfilter or os.path.exists(f"/proc/sys/{switch}"):
            sysctl(switch, bridge_netfilter)
    gateways = [tasks.gateway(network, version) for network in ("n", "other")]
    for protocol in ("tcp", "udp"):
        for client in (OUTSIDE, HOST, "b", "o", "a"):
            assert answers(8080, "a", client, UPLINKS[version], protocol), client
        for own in gateways:
            assert answers(8080, "a", HOST, own, protocol), own
        assert answers(8080, "a", "b", gateways[0], protocol)
        assert answers(8080, "a", "o", gateways[1], protocol)
    if version == 4:
        assert answers(8080, "a", HOST, "127.0.0.1") and answers(8080, "a", HOST, "127.0.0.9", "udp")


@pytest.mark.machine
@needs_sctp
def test_sctp_is_answered_from_everywhere(tasks: Tasks) -> None:
    two_networks(tasks, "sctp")
    for version in (4, 6):
        for client in (OUTSIDE, HOST, "b", "o", "a"):
            assert answers(8080, "a", client, UPLINKS[version], "sctp"), client
        target = (tasks.address("a", "n", version), 80)
        assert seen("b", target, "a", (ANY[version], 80), "sctp") == tasks.address("b", "n", version)
        assert seen("o", target, "a", (ANY[version], 80), "sctp") is None


@both_families
def test_the_client_s_address_is_seen(tasks: Tasks, version: int) -> None:
    two_networks(tasks)
    assert seen(OUTSIDE, (UPLINKS[version], 8080), "a", (ANY[version], 80)) == OUTSIDES[version]


@pytest.mark.parametrize("strict_links", (False, True))
def test_default_route_by_the_other_network(tasks: Tasks, strict_links: bool) -> None:
    if strict_links:
        for name in os.listdir("/proc/sys/net/ipv4/conf"):
            sysctl(f"net/ipv4/conf/{name}/rp_filter", 1)
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    tasks.network("other", "10.2.0.0/24,fd00:2::/64")
    tasks.sandbox("a", "n", published_ports=["8080:80", "8080:80/udp"])
    tasks.sandbox("b", "n")
    tasks.sandbox("o", "other")
    tasks.sandbox("a", "n", {"name": "other", "gateway_priority": 9})
    assert command("ip netns exec a ip route show default").split()[2] == "10.2.0.1"
    for protocol in ("tcp", "udp"):
        for client in (OUTSIDE, HOST, "b", "o", "a"):
            for uplink in UPLINKS.values():
                assert answers(8080, "a", client, uplink, protocol), (client, uplink, protocol)
        assert answers(8080, "a", HOST, "127.0.0.1", protocol)
    tasks.sandbox("a", "n")
    assert answers(8080, "a", protocol="udp")


def test_host_binding(tasks: Tasks) -> None:
    command("ip address add 198.51.100.9/24 dev uplink")
    tasks.network("n", "10.1.0.0/24,fd00:1::/64", {f"{BRIDGE}.host_binding_ipv4": "198.51.100.9"})
    tasks.sandbox("a", "n", published_ports=["8080:80", f"{UPLINK4}:8081:80"])
    assert answers(8080, "a", at_address="198.51.100.9")
    assert not answers(8080, "a") and not answers(8080, "a", at_address=UPLINK6)
    assert answers(8081, "a") and not answers(8081, "a", at_address="198.51.100.9")


def test_ipv6_address_of_the_host(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    tasks.sandbox("a", "n", published_ports=[f"[{UPLINK6}]:8080:80"])
    assert answers(8080, "a", at_address=UPLINK6)
    assert not answers(8080, "a")


@pytest.mark.parametrize(("version", "others"), ((4, "198.51.100.77"), (6, "2001:db8::77")))
def test_allowed_sources(tasks: Tasks, version: int, others: str) -> None:
    tasks.host.ip(
        f"address add {others}/{24 if version == 4 else 64} dev wan{' nodad' if version == 6 else ''}", OUTSIDE
    )
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    port = {"container_port": 80, "host_port": 8080, "allowed_sources": [others]}
    tasks.sandbox("a", "n", published_ports=[port])
    target, listener = (UPLINKS[version], 8080), (ANY[version], 80)
    assert eventually(lambda: seen(OUTSIDE, target, "a", listener, own=others) == others)
    assert seen(OUTSIDE, target, "a", listener, own=OUTSIDES[version]) is None
    assert tasks.sandbox("a", published_ports=["8080:80"]).changed
    assert eventually(lambda: seen(OUTSIDE, target, "a", listener, own=OUTSIDES[version]) == OUTSIDES[version])


def test_ranges_and_chosen_ports(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n", published_ports=["8000-8003:90-93", "80"])
    tasks.sandbox("b", "n", published_ports=["80"])
    for offset in (0, 3):
        assert seen(OUTSIDE, (UPLINK4, 8000 + offset), "a", (ANY[4], 90 + offset)) == OUTSIDE4
    assert seen(OUTSIDE, (UPLINK4, 8004), "a", (ANY[4], 94)) is None
    chosen = {}
    for name in ("a", "b"):
        ports = tasks.shown("sandbox")[name]["Ports"]
        chosen[name] = int(ports["80/tcp"][0]["HostPort"])
        assert answers(chosen[name], name)
    assert chosen["a"] != chosen["b"]
    assert not tasks.sandbox("a", published_ports=["8000-8003:90-93", "80"]).changed


@contextmanager
def conversation(place: str, protocol: str, target: tuple[str, int]) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Start a conversation between somebody outside and PLACE through TARGET; yield both ends."""
    version = 6 if ":" in target[0] else 4
    with endpoint(place, protocol, ANY[version], 80) as server, endpoint(OUTSIDE, protocol, ANY[version]) as client:
        if protocol != "udp":
            server.listen()
            client.connect(target)
            accepted = server.accept()[0]
        else:
            client.connect(target)
            client.send(b"first")
            accepted = server.dup()
            accepted.connect(accepted.recvfrom(10)[1])
        with accepted:
            yield client, accepted


@both_families
@pytest.mark.parametrize("protocol", ("tcp", "udp", SCTP))
def test_a_removed_port_ends_for_those_inside_too(tasks: Tasks, version: int, protocol: str) -> None:
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    ports = [f"8080:80/{protocol}", f"8081:80/{protocol}"]
    tasks.sandbox("a", "n", published_ports=ports)
    uplink = UPLINKS[version]
    with conversation("a", protocol, (uplink, 8080)) as ends:
        assert delivered(*ends)
        assert tasks.sandbox("a", published_ports=ports[1:]).changed
        with at(HOST), open("/proc/thread-self/net/nf_conntrack") as stream:
            assert "dport=8080 " not in stream.read()
        assert not delivered(*ends)
    assert not answers(8080, "a", OUTSIDE, uplink, protocol)
    assert answers(8081, "a", OUTSIDE, uplink, protocol)


def test_ports_of_a_stopped_sandbox_are_silent_and_return(tasks: Tasks) -> None:
    two_networks(tasks)
    tasks.sandbox("a", state="stopped")
    with endpoint("b", "tcp", ANY[4], 80), endpoint(OUTSIDE, "tcp", ANY[4]) as client, pytest.raises(OSError):
        client.connect((UPLINK4, 8080))
    tasks.sandbox("a", state="present")
    assert answers(8080, "a") and reaches("b", "a", tasks.address("a", "n"))


def test_a_list_of_networks_leaves_the_ports_of_a_reserved_endpoint(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.ensure("endpoint", {"name": "a", "network": "n", "published_ports": ["8080:80"]})
    tasks.sandbox("a", "n")
    assert answers(8080, "a")
    tasks.sandbox("b")
    tasks.ensure("endpoint", {"name": "svc", "network": "n", "sandbox": "b", "published_ports": ["8081:80"]})
    tasks.sandbox("b", "n")
    assert answers(8081, "b")
    assert tasks.sandbox("b", published_ports=[]).changed
    assert not answers(8081, "b")


def test_the_ports_of_a_reserved_endpoint_move_when_its_sandbox_leaves(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.network("other", "10.2.0.0/24")
    tasks.ensure("endpoint", {"name": "a", "network": "n"})
    tasks.sandbox("a", "n", published_ports=["8080:80"])
    assert tasks.sandbox("a", "other").changed
    assert answers(8080, "a")
    assert not tasks.sandbox("a", "other").changed
    tasks.sandbox("a", state="absent")
    assert tasks.shown("endpoint")["a"]["Ports"] == {}


def test_one_port_on_addresses_of_both_families(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    tasks.sandbox("a", "n", published_ports=[f"{UPLINK4}:8080:80", "[::]:8080:81"])
    assert answers(8080, "a", at_address=UPLINK4)
    assert seen(OUTSIDE, (UPLINK6, 8080), "a", (ANY[6], 81)) == OUTSIDE6
    with pytest.raises(InvalidInput, match="endpoint 'a' on network 'n' has it"):
        tasks.sandbox("b", "n", published_ports=[f"[{UPLINK6}]:8080:80"])


def test_a_chosen_port_beside_a_certain_one(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n", published_ports=["8080:80"])
    assert tasks.sandbox("a", "n", published_ports=["80", "8080:80"]).changed
    ports = [int(each["HostPort"]) for each in tasks.shown("sandbox")["a"]["Ports"]["80/tcp"]]
    assert 8080 in ports and len(ports) == 2
    assert all(answers(port, "a") for port in ports)
    assert not tasks.sandbox("a", "n", published_ports=["80", "8080:80"]).changed
