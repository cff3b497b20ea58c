# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused: all problems are in one message, and nothing is changed."""

from __future__ import annotations

import ipaddress

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system.listeners import Listener
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.ids import find
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.network import Network

OVERLAP = "cnm.allow_host_overlap"
INHIBIT = "com.docker.network.bridge.inhibit_ipv4"
BRIDGE = "com.docker.network.bridge.name"


def pool(subnet, **more):
    return {"ipam_config": [{"subnet": subnet, **more}]}


def routed(destination, gateway=None, **more):
    return {**pool("10.2.0.0/24"), "routes": [{"destination": destination, "gateway": gateway, **more}]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (pool("10.2.0.1/24"), "host bits set; write '10.2.0.0/24'"),
        (pool("10.2.0.0"), "no prefix length"),
        (pool("ten/24"), "not a subnet"),
        (pool("10.1.0.128/25"), "overlaps 10.1.0.0/24 of network 'lan'"),
        (pool("10.0.0.0/8"), "overlaps 10.1.0.0/24 of network 'lan'"),
        (pool("172.17.5.0/24"), "of network 'bridge'"),
        (pool("10.50.0.0/16"), "overlaps 10.50.0.0/24, which the host reaches on 'eth0'"),
        (pool("10.2.0.0/24", gateway="10.3.0.1"), "gateway: 10.3.0.1 is not in subnet"),
        (pool("10.2.0.0/24", gateway="10.2.0.255"), "the first or the last address"),
        (pool("10.2.0.0/24", gateway="fd00::1"), "an IPv4 address is needed"),
        (pool("10.2.0.0/24", iprange="10.3.0.0/25"), "iprange: 10.3.0.0/25 is not within"),
        (pool("10.2.0.0/24", aux_addresses={"x": "10.3.0.1"}), "auxiliary address 'x': 10.3.0.1 is not in subnet"),
        (pool("10.2.0.0/24", gateway="10.2.0.5", aux_addresses={"x": "10.2.0.5"}), "it is the gateway"),
        (pool("10.2.0.0/24", aux_addresses={"x": "10.2.0.5", "y": "10.2.0.5"}), "10.2.0.5 is already 'x'"),
        (pool("10.2.0.0/32"), "has only one address"),
        (pool("10.2.0.0/31"), "has no room for a gateway"),
        (pool("0.0.0.0/24"), "subnet 0.0.0.0/24 cannot be used: the addresses of 0.0.0.0/8 are unspecified"),
        (pool("0.0.0.0/0"), "are unspecified"),
        (pool("224.1.0.0/16"), "are multicast"),
        (pool("127.1.0.0/16"), "are loopback"),
        (pool("126.0.0.0/7"), "are loopback"),
        (pool("169.254.7.0/24"), "are link-local"),
        (pool("240.0.0.0/24"), "are reserved"),
        (pool("255.255.255.0/24"), "are reserved"),
        (pool("0.0.0.5/24"), "are unspecified"),
        (pool("::/64"), "are unspecified, loopback or IPv4-compatible"),
        (pool("::ffff:10.0.0.0/104"), "are IPv4-mapped"),
        (pool("fe80::/64"), "are link-local"),
        (pool("ff05::/64"), "are multicast"),
        (routed("10.9.0.0/16"), "route '10.9.0.0/16': it needs a gateway"),
        (routed("10.9.0.1/16", "10.2.0.9"), "host bits set"),
        (routed("10.9.0.0/16", "10.3.0.9"), "gateway 10.3.0.9 is not in subnet 10.2.0.0/24"),
        (routed("10.9.0.0/16", "fd00::1"), "an IPv4 address is needed"),
        (routed("fd00:9::/64", "fd00::1"), "the network has no IPv6"),
        (routed("10.2.0.0/24", "10.2.0.9"), "the subnet of the network itself"),
        (routed("10.9.0.0/16", "10.2.0.9", type="blackhole"), "a route of type blackhole has no gateway"),
        (routed("10.9.0.0/16", type="throw"), "type 'throw' is not one of"),
        (routed("10.9.0.0/16", "10.2.0.9", metric=-1), "metric -1 is not from 0"),
        (routed("224.0.0.0/8", "10.2.0.9"), "are not routed"),
        ({"metric": 1 << 32}, "is not from 0 to 4294967295"),
        ({"dns_servers": ["10.2.0.1"], **pool("10.2.0.0/24")}, "10.2.0.1 is the network's own gateway"),
        ({"dns_servers": ["fd00::0:1"], **pool("fd00::/64")}, "fd00::1 is the network's own gateway"),
        ({"dns_servers": ["x"]}, "dns_servers: 'x' is not an IP address"),
        ({"ipam_config": [{"gateway": "10.2.0.1"}]}, "needs a subnet"),
        ({"ipam_config": [{"subnet": "10.2.0.0/24"}, {"subnet": "10.3.0.0/24"}]}, "one IPv4 subnet"),
        ({"enable_ipv6": False, **pool("fd00::/64")}, "enable_ipv6 is false"),
        ({"driver": "weave"}, "there is no driver 'weave'"),
        ({"driver": "host"}, "one predefined network"),
        (
            {"driver_options": {"com.docker.network.bridge.colour": "red"}},
            "no option 'com.docker.network.bridge.colour'",
        ),
        ({"driver_options": {"com.docker.network.bridge.enable_icc": "perhaps"}}, "neither true nor false"),
        ({"driver_options": {"com.docker.network.driver.mtu": "big"}}, "'big' is not an MTU"),
        ({"driver_options": {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}}, "neither nat nor routed"),
        ({"driver_options": {"com.docker.network.bridge.enable_icc": ["x"]}}, "is not text"),
        ({"driver_options": {BRIDGE: "a-name-of-16-char"}}, "not a valid interface name"),
        ({"driver_options": {BRIDGE: "a/b"}}, "not a valid interface name"),
        ({"driver_options": {"mtu": "1400"}}, "has no option 'mtu'; did you mean 'com.docker.network.driver.mtu'?"),
        ({"driver": "weave"}, "driver 'weave' is not supported, see https://"),
        ({"driver_options": {BRIDGE: "cnm0"}}, "belongs to network 'bridge'"),
        ({"driver_options": {INHIBIT: "true"}}, "needs internal: true"),
        ({"driver_options": {"com.docker.network.driver.mtu": "١٤٠٠"}}, "is not an MTU"),
        (pool("10.2.0.0/٢٤"), "is not a subnet in CIDR form"),
        (pool("::ffff:10.0.0.0/104"), "IPv4-mapped"),
        ({"driver_options": {"com.docker.network.driver.mtu": "1000"}, "enable_ipv6": True}, "at least 1280"),
        ({"labels": {"a": {"b": "c"}}}, "value of 'a' is not text"),
    ],
)
def test_a_network_is_refused(still, options, message):
    text = still.refused("network", {"name": "new", **options})
    assert message in text
    assert "Network 'new'" in text
    assert message in still.refused("network", {"name": "new", **options}, check=True)


def test_the_overlap_with_the_host_can_be_wanted(lan):
    assert lan.network("new", driver_options={OVERLAP: "true"}, **pool("10.50.0.0/16")).changed


def test_a_network_of_two_addresses_gives_both_to_endpoints(host):
    host.network("pair", internal=True, driver_options={INHIBIT: "true"}, **pool("10.2.0.0/31"))
    for name in ("one", "two"):
        host.endpoint(name, network="pair")
    assert sorted(one["IPv4Address"] for one in host.listed("endpoint").values()) == ["10.2.0.0/31", "10.2.0.1/31"]
    assert "no address is free" in host.refused("endpoint", {"name": "three", "network": "pair"})


@pytest.mark.parametrize("kind", ["network", "sandbox", "endpoint"])
@pytest.mark.parametrize("name", ["", "x" * 64, "a/b", "-a", "a b", "..", "a\n"])
def test_a_name_is_refused(still, kind, name):
    more = {"network": "lan"} if kind == "endpoint" else {}
    assert "not a valid name" in still.refused(kind, {"name": name, **more})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "lam"}, "there is no network 'lam'"),
        ({}, "it does not exist yet; give its network"),
        ({"network": "lan", "sandbox": "nobody"}, "there is no sandbox 'nobody'"),
        ({"network": "lan", "state": "joined"}, "needs a sandbox"),
        ({"network": "lan", "state": "left", "sandbox": "db"}, "the option sandbox needs state joined"),
        ({"network": "lan", "sandbox": "db"}, "is already on network 'lan', through endpoint 'db'"),
        ({"network": "lan", "ipv4_address": "10.1.0.2"}, "is taken: endpoint 'db' has it"),
        ({"network": "lan", "ipv4_address": "10.1.0.1"}, "it is the gateway"),
        ({"network": "lan", "ipv4_address": "10.1.0.9"}, "it is the auxiliary address 'router'"),
        ({"network": "lan", "ipv4_address": "10.2.0.5"}, "not in the network's subnet"),
        ({"network": "lan", "ipv4_address": "10.1.0.0"}, "the first or the last"),
        ({"network": "lan", "ipv4_address": "10.1.0.255"}, "the first or the last"),
        ({"network": "lan", "ipv4_address": "fd00::5"}, "an IPv4 address is needed"),
        ({"network": "lan", "ipv6_address": "10.1.0.5"}, "an IPv6 address is needed"),
        ({"network": "lan", "ipv6_address": "fd00::5"}, "the network has no IPv6"),
        ({"network": "lan", "ipv4_address": "10.1.0.256"}, "is not an IP address"),
        ({"network": "lan", "mac_address": "02:42:0a:01"}, "is not a MAC address"),
        ({"network": "lan", "mac_address": "01:00:5e:00:00:01"}, "multicast"),
        ({"network": "lan", "mac_address": "00:00:00:00:00:00"}, "cannot be the address of an interface"),
        ({"network": "lan", "mac_address": "02-42-0A-01-00-02", "ipv4_address": "10.1.0.7"}, "is taken"),
        ({"network": "lan", "mac_address": "02:42:0a:01:00:30"}, "is reserved for the endpoint with address 10.1.0.48"),
        ({"network": "lan", "interface_name": "sixteen-letters0"}, "not a valid interface name"),
        ({"network": "lan", "aliases": ["has space"]}, "'has space' is not a valid host name"),
        ({"network": "lan", "aliases": ["-a"]}, "'-a' is not a valid host name"),
        ({"network": "lan", "aliases": ["Localhost"]}, "'Localhost' always means the sandbox itself"),
        ({"network": "lan", "aliases": ["a.localhost"]}, "'a.localhost' always means the sandbox itself"),
        ({"network": "lan", "aliases": [""]}, "'' is not a valid host name"),
        ({"network": "lan", "driver_options": {"x": "y"}}, "no endpoint option 'x'"),
        ({"network": "none", "ipv4_address": "10.1.0.7"}, "ipv4_address cannot be chosen"),
    ],
)
def test_an_endpoint_is_refused(still, options, message):
    assert message in still.refused("endpoint", {"name": "new", **options})


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("0:80", "not within 1 to 65535"),
        ("65536:80", "not within 1 to 65535"),
        ("80:65536", "not within 1 to 65535"),
        ("81-80:81-80", "the lower first"),
        ("8000-8002:80-81", "the two ranges have 3 and 2 ports"),
        ("80/icmp", "protocol 'icmp' is not one of tcp, udp, sctp"),
        ("http:80", "neither a port nor a range"),
        ("٨٠:80", "'٨٠' is neither a port nor a range"),
        ({"container_port": 80, "allowed_sources": ["::ffff:10.0.0.0/104"]}, "write it in IPv4 form"),
        ("300.0.0.1:80:80", "is not an IP address"),
        ("8080:80", "endpoint 'db' on network 'lan' has it"),
        ("127.0.0.1:8080:81", "endpoint 'db' on network 'lan' has it"),
        ("22:22", "process nginx (123) listens on it"),
        ("53:53/udp", "process nginx (123) listens on it"),
        (["80"], "neither text such as"),
        ({"host_port": 80}, "needs a container_port"),
        ({"container_port": 80, "hostport": 80}, "unknown key 'hostport'"),
        ({"container_port": 80, "allowed_sources": "10.0.0.0/8"}, "is a list"),
        ("2001:db8::1:80:80", "of the host in brackets, such as '[fd00::1]:8080:80'"),
        ("fd00::1:80", "of the host in brackets"),
        ("2001:db8:0:0:0:0:0:1:80:80", "of the host in brackets"),
        ({"container_port": 80, "allowed_sources": []}, "is empty, so nobody could use it"),
        ({"container_port": 80, "allowed_sources": ["10.0.0.1/8"]}, "host bits"),
        ("[2001:db8::1]:8081:80", "no address of the same family on network 'lan'"),
        ("[::1]:8081:80", "publish on 127.0.0.1"),
    ],
)
@pytest.mark.parametrize("kind", ["endpoint", "sandbox"])
def test_a_port_is_refused(still, kind, specification, message):
    everywhere = ipaddress.ip_address("0.0.0.0")
    still.kernel.facts.sockets = [Listener("tcp", everywhere, 22, 1), Listener("udp", everywhere, 53, 2)]
    more = {"network": "lan"} if kind == "endpoint" else {"networks": [{"name": "lan"}]}
    assert message in still.refused(kind, {"name": "new", "published_ports": [specification], **more})


@pytest.mark.parametrize("specification", ["8080:80", "8080:81", "[::]:8080:80"])
def test_no_two_endpoints_publish_the_same_port(host, specification):
    host.network("lan", enable_ipv6=True)
    host.sandbox("one", networks=[{"name": "lan"}], published_ports=["8080:80"])
    two = {"name": "two", "networks": [{"name": "lan"}], "published_ports": [specification]}
    assert "endpoint 'one' on network 'lan' has it" in host.refused("sandbox", two)


def test_sctp_is_a_protocol(lan):
    lan.endpoint("new", network="lan", published_ports=["9000:9000/sctp", "8080:80/udp"])
    assert sorted(lan.one("endpoint", "new")["Ports"]) == ["80/udp", "9000/sctp"]


def test_nothing_is_published_on_an_internal_network(host):
    host.network("inside", internal=True)
    text = host.refused("endpoint", {"name": "new", "network": "inside", "published_ports": ["80"]})
    assert "network 'inside' is internal" in text
    text = host.refused("sandbox", {"name": "new", "networks": [{"name": "inside"}], "published_ports": ["80"]})
    assert "need a network that is neither internal" in text


def test_a_network_that_publishes_does_not_become_internal(still):
    text = still.refused("network", {"name": "lan", "internal": True})
    assert "endpoint 'db': published port '8080:80/tcp'" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"networks": [{"name": "lam"}]}, "there is no network 'lam'"),
        ({"networks": [{"name": "lan"}, {"name": "host"}]}, "'host' cannot be combined"),
        (
            {"networks": [{"name": "lan"}], "routes": [{"destination": "10.9.0.0/16", "gateway": "10.3.0.9"}]},
            "route '10.9.0.0/16': its gateway 10.3.0.9 is not on any of the sandbox's networks, which have 10.1.0.0/24",
        ),
        (
            {"routes": [{"destination": "10.9.0.1", "type": "blackhole"}] * 2},
            "route '10.9.0.1': it is listed twice",
        ),
        ({"networks": [{"name": "none"}, {"name": "lan"}]}, "'none' cannot be combined"),
        ({"networks": [{"name": "none"}, {"name": "host"}]}, "cannot be combined"),
        ({"networks": [{"name": "lan"}, {"name": "lan"}]}, "listed twice"),
        (
            {"name": "DB", "networks": [{"name": "lan"}]},
            "already has an endpoint 'db', and DNS does not distinguish upper",
        ),
        ({"networks": [{"name": "lan", "ipv4_address": "10.9.9.9"}]}, "on network 'lan': address 10.9.9.9"),
        ({"networks": [{"name": "host"}], "published_ports": ["80"]}, "published_ports need a network"),
        ({"published_ports": ["80"]}, "published_ports need a network"),
        ({"netns": "/run/netns/gone"}, "no network namespace at '/run/netns/gone'"),
        ({"netns": "relative"}, "no network namespace at 'relative'"),
        ({"pid": 99}, "process 99 does not exist, or it has ended"),
        ({"netns": "/proc/self/ns/net"}, "the host's own"),
        ({"hostname": "a b"}, "hostname: 'a b' is not a valid host name"),
        ({"domainname": "-x"}, "domainname: '-x' is not a valid host name"),
        ({"dns_servers": ["dns"]}, "dns_servers: 'dns' is not an IP address"),
        ({"dns_search_domains": ["a b"]}, "dns_search_domains"),
        ({"dns_opts": ["ndots: 2"]}, "dns_opts: 'ndots: 2' is not one word"),
        ({"etc_hosts": {"a": "b"}}, "etc_hosts: 'b' is not an IP address"),
        ({"etc_hosts": {"a b": "10.0.0.1"}}, "etc_hosts: 'a b' is not a valid host name"),
        ({"sysctls": {"kernel.panic": "1"}}, "not a setting of a network namespace"),
        ({"sysctls": {"net/../kernel/panic": "1"}}, "not a setting of a network namespace"),
        ({"sysctls": {"net.core.somaxconn": ["1"]}}, "is not text"),
        ({"labels": {"a": None}}, "is not text"),
    ],
)
def test_a_sandbox_is_refused(still, options, message):
    text = still.refused("sandbox", {"name": "new", **options})
    assert message in text
    assert f"Sandbox '{options.get('name', 'new')}'" in text


def test_two_interfaces_of_one_name(lan):
    lan.network("other")
    lan.sandbox("new", networks=[{"name": "lan", "interface_name": "data0"}])
    text = lan.refused("endpoint", {"name": "x", "network": "other", "sandbox": "new", "interface_name": "data0"})
    assert "already has an interface 'data0'" in text


@pytest.mark.parametrize("special", ["host", "none"])
def test_host_and_none_stay_alone(lan, special):
    assert "cannot be combined" in lan.refused("endpoint", {"name": "x", "network": special, "sandbox": "db"})
    lan.sandbox("new", networks=[{"name": special}])
    assert "cannot be combined" in lan.refused("endpoint", {"name": "x", "network": "lan", "sandbox": "new"})


@pytest.mark.parametrize("name", ["bridge", "host", "none"])
@pytest.mark.parametrize("options", [{"state": "absent", "force": True}, {"labels": {"a": "b"}}, {"internal": True}])
def test_predefined_networks_stay_as_they_are(still, name, options):
    assert "predefined network" in still.refused("network", {"name": name, **options})


def test_an_endpoint_in_another_sandbox(lan):
    lan.sandbox("other")
    item = {"name": "db", "network": "lan", "sandbox": "other"}
    assert "it is in sandbox 'db'. Let it leave first" in lan.refused("endpoint", item)
    lan.ensure("endpoint", {**item, "force": True})
    assert lan.one("endpoint", "db")["Sandbox"] == "other"


def test_an_ambiguous_endpoint_name(lan):
    lan.network("other")
    lan.endpoint("db", network="other")
    for state in ("present", "absent"):
        text = lan.refused("endpoint", {"name": "db", "state": state})
        assert "endpoints with this name exist on the networks lan, other" in text


def test_an_ambiguous_id_prefix():
    networks = [Network("ab" + digit * 62, f"net{digit}", "bridge") for digit in "01"]
    with pytest.raises(ValueError, match="'ab' is ambiguous: the ids of 'net0', 'net1'"):
        find(networks, "ab")
    assert find(networks, "ab0") is networks[0]
    assert find(networks, "net1") is networks[1]
    assert find(networks, "") is None


def test_an_ambiguous_id_prefix_in_a_task(host):
    names = [f"net{number}" for number in range(18)]
    host.ensure("network", *({"name": name} for name in names))
    firsts = [one["Id"][0] for one in host.listed("network").values()]
    twice = next(digit for digit in firsts if firsts.count(digit) > 1)
    assert "is ambiguous" in host.refused("endpoint", {"name": "x", "network": twice})


def test_every_problem_of_every_item_stands_in_one_message(still):
    text = still.refused(
        "network",
        {"name": "fine"},
        {"name": "a/b", "ipam_config": [{"subnet": "10.2.0.1/24"}], "labels": {"x": None}},
        {"name": "second", "driver": "unheard"},
        {"name": "third", "ipam_config": [{"subnet": "10.3.0.0/24", "gateway": "1.1.1.1", "iprange": "2.0.0.0/8"}]},
    )
    expected = (
        "'a/b' is not a valid name",
        "host bits",
        "labels",
        "'unheard'",
        "gateway: 1.1.1.1",
        "iprange: 2.0.0.0/8",
    )
    assert [part for part in expected if part not in text] == []


@pytest.mark.parametrize("kind", ["endpoint", "sandbox"])
def test_each_port_is_quoted_with_all_that_is_wrong_with_it(still, kind):
    ports = [
        "80:90:100:200",
        "99999:80",
        {"host_port": 1},
        {"container_port": 80, "hostport": 2, "protocol": "icmp", "host_ip": "x", "allowed_sources": ["a", "b/8"]},
        "8081:81",
        "81-:http/x",
        "9" * 5000,
    ]
    more = {"network": "lan"} if kind == "endpoint" else {"networks": [{"name": "lan"}]}
    text = still.refused(kind, {"name": "new", "published_ports": ports, **more})
    expected = (
        "'80:90:100:200': '80:90' is not an IP address.",
        "'99999:80': '99999' is not within 1 to 65535, the lower first.",
        "{'host_port': 1}: it needs a container_port.",
        f"{ports[3]!r}: it has an unknown key 'hostport'; protocol 'icmp' is not one of tcp, udp, sctp; 'x' is not an "
        "IP address; 'a' is not an IP address; 'b/8' is not a subnet in CIDR form, such as '10.1.0.0/16'.",
        "'81-:http/x': protocol 'x' is not one of tcp, udp, sctp; 'http' is neither a port nor a range of ports; "
        "'81-' is neither a port nor a range of ports.",
        f"'{ports[6]}': '{ports[6]}' is neither a port nor a range of ports.",
    )
    subject = "Endpoint 'new'" if kind == "endpoint" else "Sandbox 'new'"
    assert text == " ".join(f"{subject}: published port {each}" for each in expected)


def test_each_value_of_a_list_is_looked_at(still):
    options = {
        "dns_servers": ["a", "10.0.0.1", "b"],
        "dns_search_domains": ["-c", "-d"],
        "dns_opts": ["e f", "g h"],
        "etc_hosts": {"i": "j", "-k": "10.0.0.1"},
        "sysctls": {"l": 1, "m": 1},
        "labels": {"n": [], "o": None},
        "networks": [{"name": "lan", "aliases": ["p q", "r s"]}],
    }
    text = still.refused("sandbox", {"name": "new", **options})
    wrong = ("a", "b", "-c", "-d", "e f", "g h", "j", "-k", "l", "m", "n", "o", "p q", "r s")
    assert [each for each in wrong if text.count(f"'{each}'") != 1] == []


@pytest.mark.parametrize(
    "first",
    [
        {"name": "a/b"},
        {"netns": "/run/netns/gone"},
        {"dns_servers": ["x"]},
        {"sysctls": {"kernel.panic": "1"}},
        {
            "networks": [
                {"name": "lan", "ipv4_address": "10.1.0.2", "mac_address": "x"},
                {"name": "lam", "ipv4_address": "10.300.0.1"},
                {"name": "none"},
            ]
        },
    ],
)
def test_one_problem_of_a_sandbox_hides_none_of_the_others(still, first):
    item = {
        "name": "new",
        "hostname": "a b",
        "networks": [
            {"name": "lan", "ipv4_address": "10.1.0.2", "mac_address": "x"},
            {"name": "lam", "ipv4_address": "10.300.0.1"},
        ],
        "published_ports": ["http"],
        **first,
    }
    text = still.refused("sandbox", item)
    expected = (
        "hostname: 'a b' is not a valid host name.",
        "there is no network 'lam'.",
        "on network 'lam': ipv4_address: '10.300.0.1' is not",
        "mac_address: 'x' is not a MAC address",
        "address 10.1.0.2 is taken: endpoint 'db' has it.",
        "published port 'http': 'http' is neither a port nor a range of ports.",
    )
    assert [each for each in expected if each not in text] == []


def test_a_port_that_is_taken_is_told_beside_a_wrong_setting(still):
    item = {"name": "new", "dns_opts": ["a b"], "networks": [{"name": "lan"}], "published_ports": ["8080:80"]}
    assert "endpoint 'db' on network 'lan' has it" in still.refused("sandbox", item)


def test_one_problem_of_a_network_hides_none_of_the_others(still):
    config = [{"subnet": "ten", "gateway": "a", "iprange": "b", "aux_addresses": {"c": "d", "e": "f"}}]
    text = still.refused("network", {"name": "new", "ipam_config": config})
    wrong = ("'ten' is not a subnet", "gateway: 'a'", "iprange: 'b'", "address 'c': 'd'", "address 'e': 'f'")
    assert [each for each in wrong if text.count(each) != 1] == []
    assert "value of 'a' is not text" in still.refused(
        "network", {"name": "lan", "driver": "null", "labels": {"a": []}}
    )


def test_items_of_one_call_do_not_overlap(host):
    text = host.refused("network", {"name": "one", **pool("10.2.0.0/24")}, {"name": "two", **pool("10.2.0.0/16")})
    assert "overlaps 10.2.0.0/24 of network 'one'" in text


def test_the_gateway_is_not_put_on_an_auxiliary_address(still):
    text = still.refused("network", {"name": "lan", **pool("10.1.0.0/24", gateway="10.1.0.9")})
    assert "it is the auxiliary address 'router'" in text


def test_ipv6_on_a_host_without(host):
    host.kernel.facts.has_ipv6 = False
    assert "IPv6 is disabled" in host.refused("network", {"name": "new", "enable_ipv6": True})


def test_a_bridge_has_1023_ports(host, monkeypatch):
    monkeypatch.setattr("ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.bridge.Bridge.ports", 2)
    host.network("lan")
    host.ensure("sandbox", *({"name": f"s{number}", "networks": [{"name": "lan"}]} for number in range(2)))
    assert "a Linux bridge has 2 ports" in host.refused("sandbox", {"name": "s2", "networks": [{"name": "lan"}]})


def test_an_object_listed_twice_is_refused(lan):
    message = lan.refused("network", {"name": "twice"}, {"name": "twice", "state": "absent"})
    assert "Network 'twice' is listed twice" in message


def test_an_ipv6_option_that_contradicts_is_refused(lan):
    options = {"com.docker.network.enable_ipv6": "false"}
    assert "contradicts" in lan.refused("network", {"name": "n", "enable_ipv6": True, "driver_options": options})


@pytest.mark.parametrize("kind", ["network", "sandbox", "endpoint"])
def test_a_name_that_is_null(host, kind):
    assert host.refused(kind, {"name": None}) == f"A {kind} has no name: its 'name' is null."
    text = host.refused(kind, *({"name": name} for name in (None, None, "a/b", "a/b")))
    assert "'a/b' is not a valid name" in text
    assert "'a/b' is listed twice" in text
    assert "None" not in text


@pytest.mark.parametrize(
    ("kind", "options"), [("network", {}), ("sandbox", {}), ("endpoint", {"network": "lan"}), ("endpoint", {})]
)
@pytest.mark.parametrize("check", [False, True])
def test_a_name_that_is_half_a_character(lan, kind, options, check):
    """JSON can contain half of a surrogate pair, but no file can."""
    assert r"'\ud800' is not a valid name" in lan.refused(kind, {"name": "\ud800", **options}, check=check)


def test_of_thousands_of_problems_a_hundred_are_listed(host):
    host.network("inner", internal=True)
    text = host.refused("endpoint", {"name": "web", "network": "inner", "published_ports": ["1-5000"]})
    assert text.count("published port") == 100
    assert text.endswith(" There are 4900 more problems.")
