# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driver macvlan: what its networks and endpoints consist of, and what it refuses."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers import creatable
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Parent, Sysctl
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import Lower
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST

POOL = [{"subnet": "192.168.7.0/24"}]
CARD = Parent("", 1400, False, False, True, "")


@pytest.fixture
def lan(host):
    """A host with a network card 'eth1' and a network 'lan' on it."""
    host.kernel.facts.parents["eth1"] = CARD
    host.kernel.facts.mtus["eth1"] = 1400
    host.kernel.facts.links["eth1"] = []
    host.kernel.facts.name_server = True
    # Like most hosts, it has an address on that LAN.
    host.kernel.facts.routes = [("192.168.7.0/24", "eth1")]
    host.network("lan", driver="macvlan", driver_options={"parent": "eth1"}, ipam_config=POOL)
    return host


def test_it_can_be_created():
    assert "macvlan" in creatable()


def test_a_network_on_a_parent_is_nothing_of_ours(lan):
    shown = lan.one("network", "lan")
    assert shown["Host"] == {"Device": "eth1", "Mtu": 1400, "Dns": False, "Engines": [], "MacvlanMode": "bridge"}
    assert (shown["Internal"], shown["Options"]) == (False, {"parent": "eth1"})
    assert shown["IPAM"]["Config"] == [{"Subnet": "192.168.7.0/24", "Gateway": "192.168.7.1"}]
    assert lan.links() == {}


FORWARDING = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")


def of_the_host(lan):
    """Return whether the host has the firewall's table, and the values of its forwarding settings."""
    here = lan.kernel.present
    return any(key[0] == "ruleset" for key in here), [here["sysctl", HOST, name].value for name in FORWARDING]


def test_the_host_neither_filters_nor_forwards_for_it(lan):
    for name in FORWARDING:
        lan.kernel.present["sysctl", HOST, name] = Sysctl(HOST, name, "0")
    lan.network("six", driver="macvlan", ipam_config=[{"subnet": "fd00:9::/64"}])
    lan.sandbox("web", networks=[{"name": "lan"}])
    assert of_the_host(lan) == (False, ["0", "0"])
    lan.network("four")
    assert of_the_host(lan) == (True, ["1", "0"])
    lan.network("both", ipam_config=[{"subnet": "fd00:8::/64"}])
    assert of_the_host(lan) == (True, ["1", "1"])
    for name in ("four", "both"):
        lan.network(name, state="absent")
    assert of_the_host(lan) == (False, ["0", "0"])


def test_an_endpoint_is_a_link_on_the_parent(lan):
    lan.sandbox("web", networks=[{"name": "lan"}])
    link = lan.kernel.present["link", "/run/netns/web", "eth0"]
    assert (link.type, link.address, link.mtu) == ("macvlan", "02:42:c0:a8:07:02", None)
    assert link.lower == Lower("eth1", "bridge")
    assert lan.default_route("web") == ("192.168.7.1", "eth0")
    assert ("sysctl", "/run/netns/web", "net/ipv6/conf/eth0/accept_ra") in lan.kernel.present
    assert not [key for key in lan.kernel.present if key.kind == "element" and "192.168.7" in key[2]]


def test_on_a_host_without_ipv6(lan):
    lan.kernel.facts.has_ipv6 = False
    lan.sandbox("web", networks=[{"name": "lan"}])
    assert not [key for key in lan.kernel.present if key.kind == "sysctl" and key[1] and "ipv6" in key[2]]


def test_without_a_parent_the_network_is_internal(lan):
    shown = lan.network("alone", driver="macvlan").objects[0]
    short = shown["Id"][:12]
    assert (shown["Internal"], shown["Host"]["Device"]) == (True, f"dm-{short}")
    assert lan.links() == {HOST: [f"db-{short}", f"dm-{short}"]}
    assert lan.kernel.present["link", HOST, f"db-{short}"].up is False
    lan.sandbox("web", networks=[{"name": "alone"}])
    assert lan.default_route("web") is None
    assert not lan.network("alone", driver="macvlan", internal=True).changed


def test_a_parent_can_be_given_and_taken(lan):
    lan.network("lan", driver_options={}, force=True)
    assert lan.one("network", "lan")["Internal"]
    lan.network("lan", driver_options={"parent": "eth1", "macvlan_mode": "private"})
    shown = lan.one("network", "lan")
    assert (shown["Internal"], shown["Host"]["MacvlanMode"]) == (False, "private")
    assert lan.links() == {}


def test_the_mode_changes_in_place_but_for_passthru(lan):
    lan.sandbox("web", networks=[{"name": "lan"}])
    lan.network("lan", driver_options={"parent": "eth1", "macvlan_mode": "vepa"})
    assert lan.kernel.present["link", "/run/netns/web", "eth0"].lower.mode == "vepa"
    item = {"name": "lan", "driver_options": {"parent": "eth1", "macvlan_mode": "passthru"}}
    assert "would interrupt endpoints 'web'" in lan.refused("network", item)
    lan.ensure("network", {**item, "force": True})
    message = lan.refused("sandbox", {"name": "db", "networks": [{"name": "lan"}]})
    assert "mode passthru, which gives the parent to one sandbox alone" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parent": "eth7"}, "driver option 'parent': this host has no interface 'eth7'."),
        (
            {"parent": "eth1", "macvlan_mode": "passthru"},
            "driver option 'parent': network 'lan' is already using parent 'eth1'.",
        ),
        ({"parent": "ours"}, "driver option 'parent': 'ours' belongs to a network or a sandbox of this host."),
        ({"parent": "wg0"}, "driver option 'parent': 'wg0' is not an Ethernet interface, as a macvlan needs."),
        ({"parent": "mac0"}, "driver option 'parent': 'mac0' is a macvlan itself. Name the interface that it is on."),
        ({"parent": "port"}, "driver option 'parent': 'port' is a port of 'bond0'. Name 'bond0' instead."),
        ({"parent": "lo"}, "option 'parent': 'lo' is not a valid interface name"),
        ({"macvlan_mode": "source"}, "option 'macvlan_mode': 'source' is not one of bridge, private, vepa, passthru."),
        ({"macvlan_mod": "vepa"}, "driver 'macvlan' has no option 'macvlan_mod'; did you mean 'macvlan_mode'?"),
        ({"parent": "eth2", "com.docker.network.driver.mtu": 9000}, "9000 bytes are more than the MTU of 'eth2', 1400"),
        ({"com.docker.network.bridge.enable_icc": True}, "driver 'macvlan' has no option"),
    ],
)
def test_options_that_are_refused(lan, options, message):
    facts = lan.kernel.facts
    facts.parents.update(eth2=CARD, ours=CARD._replace(ours=True), wg0=CARD._replace(ethernet=False))
    facts.parents.update(mac0=CARD._replace(type="macvlan"), port=CARD._replace(busy="bond0"))
    assert message in lan.refused("network", {"name": "new", "driver": "macvlan", "driver_options": options})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"internal": True, "driver_options": {"parent": "eth2"}}, "internal: true contradicts driver option 'parent'"),
        ({"internal": False}, "internal: false needs driver option 'parent'"),
        (
            {"dns": True, "driver_options": {"parent": "eth2"}},
            "this host is not the gateway of network 'new'",
        ),
        ({"peers": [{"name": "a", "address": "192.0.2.2"}]}, "peers work only with driver 'overlay'"),
    ],
)
def test_what_does_not_go_together_is_refused(lan, more, message):
    lan.kernel.facts.parents["eth2"] = CARD
    assert message in lan.refused("network", {"name": "new", "driver": "macvlan", **more})


def test_ports_are_refused(lan):
    item = {"name": "web", "networks": [{"name": "lan"}], "published_ports": ["8080:80"]}
    assert "'lan' is a macvlan network, whose packets do not pass the host" in lan.refused("sandbox", item)
    item = {"name": "e", "network": "lan", "published_ports": ["8080:80"]}
    assert "'lan' is a macvlan network, whose packets do not pass the host" in lan.refused("endpoint", item)
    # A bridge network of the same sandbox publishes them.
    lan.network("bridged", ipam_config=[{"subnet": "10.1.0.0/24"}])
    lan.sandbox("web", networks=[{"name": "lan"}, {"name": "bridged"}], published_ports=["8080:80"])
    assert lan.one("sandbox", "web")["Ports"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}


def test_the_router_may_be_the_name_server_and_is_not_the_host(lan):
    lan.network("lan", dns_servers=["192.168.7.1"])
    lan.network("bridged", ipam_config=[{"subnet": "10.1.0.0/24"}])
    lan.sandbox("web", networks=[{"name": "lan"}, {"name": "bridged"}], etc_hosts={"me": "host-gateway"})
    text = lan.kernel.present["file", "/etc/netns/web/hosts"].text
    assert "10.1.0.1" in text and "192.168.7.1 " not in text


def test_the_host_and_both_networks_of_a_sandbox(lan):
    lan.network("bridged", ipam_config=[{"subnet": "10.1.0.0/24"}])
    lan.sandbox("web", networks=[{"name": "lan"}, {"name": "bridged"}])
    assert not [key for key in lan.kernel.present if key[1:2] == ("elsewhere4",) and key[2].startswith("eth1 ")]


def test_a_parent_that_is_gone_leaves_the_sandbox_out_until_it_is_back(lan):
    lan.sandbox("web", networks=[{"name": "lan"}])
    lan.kernel.forget()
    del lan.kernel.facts.links["eth1"]
    result = lan.controller().restore()
    assert result.left_out == ["web"]
    assert "the interface 'eth1', the parent of network 'lan', is gone" in lan.warnings[-1]
    lan.kernel.facts.links["eth1"] = []
    assert lan.controller().restore().left_out == []
    assert ("link", "/run/netns/web", "eth0") in lan.kernel.present


def test_all_goes(lan):
    lan.network("alone", driver="macvlan")
    lan.sandbox("web", networks=[{"name": "lan"}, {"name": "alone"}])
    lan.sandbox("web", state="absent")
    for name in ("lan", "alone"):
        lan.network(name, state="absent")
    assert lan.left() == set()
