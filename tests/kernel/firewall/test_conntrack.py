# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

import pytest
from lab import BLUE, BLUE4, BLUE6, OUTSIDE4, OUTSIDE6, ROUTERS, UPLINK4, UPLINK6, build, delivered, endpoint
from stand_in import OUTSIDE, Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall import conntrack
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall.table import Firewall
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources import firewall
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Element, Ruleset
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step

FAMILIES = {4: (UPLINK4, OUTSIDE4, BLUE4, "0.0.0.0"), 6: (UPLINK6, OUTSIDE6, BLUE6, "::")}
both_families = pytest.mark.parametrize("version", (4, 6))


@pytest.fixture
def networks(host: Host) -> Host:
    build(host)
    pools = [(subnet, subnet[1]) for subnet in BLUE]
    apply(host, after=[Ruleset(firewall.RULESET), *firewall.network_elements("br-blue", pools, mac=ROUTERS["br-blue"])])
    return host


def apply(host: Host, before: Sequence[Element] = (), after: Sequence[Ruleset | Element] = ()) -> None:
    steps = [Step(resource, None) for resource in before] + [Step(None, resource) for resource in after]
    Firewall(host.program).apply(steps)


def port(version: int, protocol: str, number: int = 2, **options: object) -> list[Element]:
    """Return the elements that publish port 80 of the blue sandbox with NUMBER as port 8080 of the host."""
    return firewall.published(None, protocol, 8080, FAMILIES[version][2][number], 80, **options)


@both_families
def test_udp_client_is_cut_off_and_finds_the_new_target(networks: Host, version: int) -> None:
    uplink, _outside, _blue, wildcard = FAMILIES[version]
    old, new = port(version, "udp"), port(version, "udp", number=3)
    apply(networks, after=old)
    with (
        endpoint("b1", "udp", wildcard, 80) as first,
        endpoint("b2", "udp", wildcard, 80) as second,
        endpoint(OUTSIDE, "udp", wildcard) as client,
    ):
        client.connect((uplink, 8080))
        assert delivered(client, first, b"one")
        apply(networks, before=old, after=new)
        assert delivered(client, second, b"two")
        apply(networks, before=new)
        assert not delivered(client, second, b"three")


@both_families
def test_udp_client_that_was_there_before_the_port(networks: Host, version: int) -> None:
    uplink, _outside, _blue, wildcard = FAMILIES[version]
    with endpoint("b1", "udp", wildcard, 80) as server, endpoint(OUTSIDE, "udp", wildcard) as client:
        client.connect((uplink, 8080))
        # The host must not answer: an ICMP error would remove the entry.
        with endpoint("", "udp", wildcard, 8080) as silent:
            assert delivered(client, silent, b"one")
            apply(networks, after=port(version, "udp"))
            assert delivered(client, server, b"two")


def listening(place: str, wildcard: str, number: int) -> socket.socket:
    server = endpoint(place, "tcp", wildcard, number)
    server.listen()
    return server


@both_families
def test_open_connection_ends_with_its_port_and_others_go_on(networks: Host, version: int) -> None:
    uplink, _outside, blue, wildcard = FAMILIES[version]
    web = port(version, "tcp")
    other = firewall.published(None, "tcp", 8081, blue[2], 80)
    apply(networks, after=[*web, *other])
    with listening("b1", wildcard, 80) as server:
        clients = [endpoint(OUTSIDE, "tcp", wildcard) for _client in range(2)]
        accepted = []
        for client, number in zip(clients, (8080, 8081)):
            client.connect((uplink, number))
            accepted.append(server.accept()[0])
        assert [delivered(*pair, b"one") for pair in zip(clients, accepted)] == [True, True]
        apply(networks, before=web)
        assert delivered(clients[1], accepted[1], b"two")
        assert not delivered(clients[0], accepted[0], b"two")
        for each in (*clients, *accepted):
            each.close()


def test_only_the_clients_of_a_removed_source_are_cut_off(networks: Host) -> None:
    near, far = ipaddress.ip_network("198.51.100.0/24"), ipaddress.ip_network("203.0.113.0/24")
    apply(networks, after=port(4, "udp", sources=[near, far]))
    with endpoint("b1", "udp", "0.0.0.0", 80) as server, endpoint(OUTSIDE, "udp", "0.0.0.0") as client:
        client.connect((UPLINK4, 8080))
        assert delivered(client, server, b"one")
        apply(networks, before=port(4, "udp", sources=[far]))
        assert delivered(client, server, b"two")
        apply(networks, before=port(4, "udp", sources=[near]))
        assert not delivered(client, server, b"three")


def test_a_forwarded_connection_to_the_same_port_elsewhere_goes_on(networks: Host) -> None:
    with endpoint(OUTSIDE, "udp", "0.0.0.0", 8080) as server, endpoint("b1", "udp", "0.0.0.0") as client:
        client.connect((OUTSIDE4, 8080))
        client.send(b"one")
        before = server.recvfrom(100)
        tracked = networks.out(["conntrack", "-L", "-p", "udp", "--dport", "8080", "-o", "id"])
        apply(networks, after=port(4, "udp"))
        assert (
            networks.out(["conntrack", "-L", "-p", "udp", "--dport", "8080", "-o", "id"]).split("id=")[1]
            == (tracked.split("id=")[1])
        )
        server.sendto(b"answer", before[1])
        assert client.recv(100) == b"answer"


def test_many_connections(networks: Host) -> None:
    """More connections than fit into one message of the kernel."""
    web = port(4, "udp")
    apply(networks, after=web)
    for number in range(20000, 20400):
        with endpoint(OUTSIDE, "udp", "0.0.0.0", number) as client:
            client.sendto(b"one", (UPLINK4, 8080))
    count = ["conntrack", "-L", "-p", "udp", "--dport", "8080"]
    assert len(networks.out(count).splitlines()) == 400
    apply(networks, before=web)
    assert networks.out(count) == ""


def test_kernel_without_connection_tracking(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conntrack.uapi, "NETLINK_NETFILTER", 31)
    conntrack.forget([("80 . tcp . 0.0.0.0/0 . 0.0.0.0/0", "172.18.0.2 . 80")], ["80 . udp . ::/0 . ::/0"])
