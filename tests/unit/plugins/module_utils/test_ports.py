# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports: parsed, chosen, kept, moved."""

from __future__ import annotations

import ipaddress

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system.listeners import Listener
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.codec import from_json, to_json
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.endpoint import Port
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.ports import parse_ports

LOCAL = ipaddress.ip_address("127.0.0.1")
MODE = "com.docker.network.bridge.gateway_mode_ipv4"
MODE6 = "com.docker.network.bridge.gateway_mode_ipv6"
SIX = "fd00:1::/64"
DUAL = [{"subnet": "10.1.0.0/24"}, {"subnet": SIX}]
BINDING6 = "cnm.host_binding_ipv6"
BINDING = "com.docker.network.bridge.host_binding_ipv4"


@pytest.mark.parametrize(
    ("specification", "ports"),
    [
        ("80", [Port(80)]),
        (80, [Port(80)]),
        ("8080:80", [Port(80, 8080)]),
        ("8080:80/udp", [Port(80, 8080, None, "udp")]),
        ("127.0.0.1:8080:80", [Port(80, 8080, LOCAL)]),
        ("127.0.0.1::80", [Port(80, None, LOCAL)]),
        ("127.0.0.1:80", [Port(80, None, LOCAL)]),
        ("0.0.0.0:8080:80", [Port(80, 8080)]),
        ("[fd00::1]:8080:80", [Port(80, 8080, ipaddress.ip_address("fd00::1"))]),
        ("8080-8081:80-81", [Port(80, 8080), Port(81, 8081)]),
        ("80-81", [Port(80), Port(81)]),
        ({"container_port": 80}, [Port(80)]),
        ({"container_port": 80, "allowed_sources": None}, [Port(80)]),
        ({"container_port": "80-81", "host_port": "8080-8081"}, [Port(80, 8080), Port(81, 8081)]),
        ({"container_port": 80, "host_ip": "127.0.0.1", "protocol": "sctp"}, [Port(80, None, LOCAL, "sctp")]),
        (
            {"container_port": 80, "allowed_sources": ["10.0.0.9", "10.1.0.0/25", "10.1.0.128/25"]},
            [Port(80, sources=(ipaddress.ip_network("10.0.0.9/32"), ipaddress.ip_network("10.1.0.0/24")))],
        ),
    ],
)
def test_how_a_port_is_written(specification, ports):
    assert list(parse_ports(specification)) == ports
    assert [from_json(Port, to_json(port)) for port in ports] == ports


def published(host):
    return {key[2]: one.value for key, one in host.kernel.present.items() if key[:2] == ("element", "published4")}


def host_ports(host, name="db", kind="endpoint"):
    return {port: [one["HostPort"] for one in bindings] for port, bindings in host.one(kind, name)["Ports"].items()}


def test_a_chosen_port_is_the_lowest_free_and_stays(lan):
    lan.kernel.facts.sockets = [Listener("tcp", ipaddress.ip_address("0.0.0.0"), 49154, 1)]
    lan.endpoint("one", network="lan", published_ports=["80", "81/udp", "82"])
    assert host_ports(lan, "one") == {"80/tcp": ["49153"], "81/udp": ["49153"], "82/tcp": ["49155"]}
    lan.endpoint("two", network="lan", published_ports=["80"])
    assert host_ports(lan, "two") == {"80/tcp": ["49156"]}
    lan.endpoint("one", state="absent")
    lan.kernel.facts.sockets = []
    assert not lan.endpoint("two", network="lan", published_ports=["80"]).changed
    lan.endpoint("three", network="lan", published_ports=["80"])
    assert host_ports(lan, "three") == {"80/tcp": ["49153"]}


def test_reserved_ports_are_not_chosen_but_had_when_asked_for(lan):
    lan.kernel.facts.reserved = [range(49153, 49155), range(49156, 49157)]
    lan.endpoint("one", network="lan", published_ports=["80", "81"])
    assert host_ports(lan, "one") == {"80/tcp": ["49155"], "81/tcp": ["49157"]}
    lan.endpoint("two", network="lan", published_ports=["49153:80"])
    assert host_ports(lan, "two") == {"80/tcp": ["49153"]}


def test_a_port_is_open_while_its_endpoint_runs(lan):
    entry = "8080 . tcp . 0.0.0.0/0 . 0.0.0.0/0"
    assert published(lan) == {entry: "10.1.0.2 . 80"}
    lan.sandbox("db", state="stopped")
    assert published(lan) == {}
    assert host_ports(lan) == {"80/tcp": ["8080"]}
    lan.kernel.facts.sockets = [Listener("tcp", LOCAL, 8080, 1)]
    assert "process nginx (123) listens on it" in lan.refused("sandbox", {"name": "db"})
    lan.kernel.facts.sockets = []
    lan.sandbox("db")
    assert published(lan) == {entry: "10.1.0.2 . 80"}


def test_a_stopped_one_s_port_is_still_its_own(lan):
    lan.sandbox("db", state="stopped")
    text = lan.refused("endpoint", {"name": "x", "network": "lan", "published_ports": ["8080:80"]})
    assert "endpoint 'db'" in text


def test_one_port_at_two_addresses_of_the_host(lan):
    lan.endpoint("one", network="lan", published_ports=["127.0.0.1:9000:80", "127.0.0.2:9000:80"])
    text = lan.refused("endpoint", {"name": "two", "network": "lan", "published_ports": ["9000:80"]})
    assert "endpoint 'one'" in text
    assert lan.endpoint("two", network="lan", published_ports=["127.0.0.3:9000:80"]).changed


def test_the_address_at_which_a_network_publishes(host):
    host.network("lan", driver_options={BINDING: "127.0.0.1"})
    host.sandbox("db", networks=[{"name": "lan"}], published_ports=["8080:80"])
    assert list(published(host)) == ["8080 . tcp . 127.0.0.1 . 0.0.0.0/0"]
    assert host.one("endpoint", "db")["Ports"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}


def test_the_addresses_of_both_families_at_which_a_network_publishes(host):
    for binding, six in (("2001:db8::1", "2001:db8::1"), ("::", "::/0")):
        host.network("lan", driver_options={BINDING: "127.0.0.1", BINDING6: binding}, ipam_config=DUAL)
        host.sandbox("db", networks=[{"name": "lan"}], published_ports=["8080:80"])
        assert list(published(host)) == ["8080 . tcp . 127.0.0.1 . 0.0.0.0/0"]
        entries = [key[2] for key in host.kernel.present if key[:2] == ("element", "published6")]
        assert entries == [f"8080 . tcp . {six} . ::/0"]
    host.network("lan", driver_options={BINDING6: "2001:db8::1"})
    assert list(published(host)) == ["8080 . tcp . 0.0.0.0/0 . 0.0.0.0/0"]
    host.network("other", driver_options={BINDING: "127.0.0.2", BINDING6: "2001:db8::2"}, enable_ipv6=True)
    port = {"name": "two", "networks": [{"name": "other"}], "published_ports": ["8080:80"]}
    assert "endpoint 'db' on network 'lan' has it" in host.refused("sandbox", port)
    host.network("lan", driver_options={BINDING: "127.0.0.1", BINDING6: "2001:db8::1"})
    host.ensure("sandbox", port)
    host.refused("network", {"name": "lan", "driver_options": {BINDING6: "::1"}})


def test_allowed_sources(lan):
    port = {"container_port": 80, "host_port": 8080, "allowed_sources": ["10.0.0.0/8", "192.0.2.1"]}
    lan.sandbox("db", published_ports=[port])
    assert sorted(published(lan)) == [
        "8080 . tcp . 0.0.0.0/0 . 10.0.0.0/8",
        "8080 . tcp . 0.0.0.0/0 . 192.0.2.1",
    ]
    assert not lan.sandbox("db", published_ports=[port]).changed


def test_a_sandbox_publishes_where_its_default_route_is_and_ports_stay_there(lan):
    lan.network("a")
    lan.sandbox("db", networks=[{"name": "a"}, {"name": "lan"}])
    lan.sandbox("db", published_ports=["8080:80", "9000:90"])
    by_network = {
        one["Network"]: sorted(one["Ports"]) for one in lan.controller().describe("endpoint", lambda *_: True)
    }
    assert by_network == {"lan": ["80/tcp"], "a": ["90/tcp"]}


def test_a_port_moves_when_its_endpoint_goes(lan):
    lan.network("a")
    lan.sandbox("db", networks=[{"name": "lan"}, {"name": "a"}], published_ports=["8080:80", "81"])
    before = host_ports(lan, "db", "sandbox")
    lan.sandbox("db", networks=[{"name": "a"}])
    assert host_ports(lan, "db", "sandbox") == before == {"80/tcp": ["8080"], "81/tcp": ["49153"]}
    address = lan.one("endpoint", "db")["IPv4Address"].split("/")[0]
    assert sorted(published(lan).values()) == [f"{address} . 80", f"{address} . 81"]
    lan.network("inside", internal=True)
    text = lan.refused("sandbox", {"name": "db", "networks": [{"name": "inside"}]})
    assert "need a network that is neither internal" in text
    assert "To publish nothing, give an empty list" in text
    lan.sandbox("db", networks=[{"name": "inside"}], published_ports=[])
    assert published(lan) == {}


def test_a_routed_network_opens_ports_without_the_host_s(host):
    host.network("lan", driver_options={MODE: "routed"}, ipam_config=[{"subnet": "10.1.0.0/24"}])
    host.sandbox("db", networks=[{"name": "lan"}], published_ports=["8080:80"])
    assert ("element", "open4", "80 . tcp . 10.1.0.2 . 0.0.0.0/0") in host.kernel.present
    assert published(host) == {}
    assert not host.sandbox("db", published_ports=["8080:80"]).changed
    host.network("lan", driver_options={})
    assert published(host) == {"49153 . tcp . 0.0.0.0/0 . 0.0.0.0/0": "10.1.0.2 . 80"}
    host.sandbox("db", published_ports=["8080:80"])
    assert published(host) == {"8080 . tcp . 0.0.0.0/0 . 0.0.0.0/0": "10.1.0.2 . 80"}


def test_ports_are_shown_of_the_family_that_is_translated(host):
    host.network("lan", driver_options={MODE6: "routed"}, ipam_config=[{"subnet": "10.1.0.0/24"}, {"subnet": SIX}])
    host.kernel.facts.sockets = [Listener("tcp", ipaddress.ip_address("2001:db8::1"), 8080, 1)]
    host.sandbox("db", networks=[{"name": "lan"}], published_ports=["8080:80", "[2001:db8::1]:8081:81"])
    assert host.one("sandbox", "db")["Ports"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": []}
    assert [key[2] for key in host.kernel.present if key[:2] == ("element", "open6")] == [
        "80 . tcp . fd00:1::2 . ::/0",
        "81 . tcp . fd00:1::2 . ::/0",
    ]
    assert [key for key in host.kernel.present if key[:2] == ("element", "published6")] == []


def test_another_binding_does_not_take_a_port_twice(host):
    host.network("one", driver_options={BINDING: "127.0.0.1"})
    host.network("two", driver_options={BINDING: "127.0.0.2"})
    for name in ("one", "two"):
        host.endpoint(name, network=name, published_ports=["8080:80"])
    text = host.refused("network", {"name": "two", "driver_options": {}})
    assert "endpoint 'two': published port '8080:80/tcp': endpoint 'one' on network 'one' has it" in text


@pytest.mark.parametrize("ports", ["20001-20200:1-200", "1-200"])
def test_many_ports_are_not_compared_with_each_other(lan, monkeypatch, ports):
    comparisons = []
    same = Port.__eq__

    def counted(one, other):
        comparisons.append(one)
        return same(one, other)

    monkeypatch.setattr(Port, "__eq__", counted)
    for _run in range(2):
        lan.sandbox("web", networks=[{"name": "lan"}], published_ports=[ports])
    assert len(published(lan)) == 201
    assert len(comparisons) < 200 * 50


def test_that_no_port_is_free_is_said_once(lan):
    text = lan.refused("sandbox", {"name": "web", "networks": [{"name": "lan"}], "published_ports": ["1-65535"]})
    assert text == "Sandbox 'web': published port '16384/tcp': no port of the host is free between 49153 and 65535."
