# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks: what each option does, what is changed in place, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Address, Sysctl
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import GROUP, Link
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST

MTU = "com.docker.network.driver.mtu"
ICC = "com.docker.network.bridge.enable_icc"
NAME = "com.docker.network.bridge.name"


def bridge(host, network="lan"):
    return host.kernel.present[("link", HOST, host.one("network", network)["Host"]["Device"])]


def inner(host, sandbox="db", name="eth0"):
    return host.kernel.present[("link", f"/run/netns/{sandbox}", name)]


def elements(host, name):
    return {(key[2], one.value) for key, one in host.kernel.present.items() if key[:2] == ("element", name)}


ALONE = "internal: true contradicts driver option"
OPTIONS = {
    "macvlan": ({"parent": "nowhere", "macvlan_mode": "l2", "speed": "1"}, ["'l2' is not one of bridge"]),
    "ipvlan": (
        {"parent": "nowhere", "ipvlan_mode": "l4", "ipvlan_flag": "x", "speed": "1"},
        ["'l4' is not one of l2", "'x' is not one of bridge"],
    ),
    "bridge": (
        {"cnm.bridge.uplink": "nowhere", "com.docker.network.host_ipv4": "192.0.2.1", "speed": "1"},
        ["is for a network whose gateway is the host"],
    ),
    "openvswitch": (
        {"cnm.bridge.uplink": "nowhere", "cnm.openvswitch.vlan": "4095", "cnm.openvswitch.datapath": "x", "speed": "1"},
        ["'4095' is not a VLAN", "'x' is neither system nor netdev"],
    ),
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_all_problems_of_a_driver_are_in_one_message(host, kind):
    options, parts = OPTIONS[kind]
    item = {"name": "lan", "driver": kind, "driver_options": options, "internal": True, "metric": -1}
    message = host.refused("network", {**item, "ipam_config": [{"subnet": "10.1.0.0/99"}]})
    for part in (*parts, ALONE, "no interface 'nowhere'", "'speed'", "10.1.0.0/99", "-1"):
        assert part in message


def test_what_is_left_out_stays(lan):
    lan.network("lan", labels={"a": "b"}, driver_options={MTU: "1400"}, enable_ipv6=True)
    before = lan.one("network", "lan")
    assert not lan.network("lan").changed
    assert lan.one("network", "lan") == before
    lan.network("lan", labels={}, driver_options={})
    after = lan.one("network", "lan")
    assert (after["Labels"], after["Options"], after["Host"]["Mtu"], after["EnableIPv6"]) == ({}, {}, 1500, True)


def test_labels_touch_nothing_on_the_host(lan):
    with lan.kernel.unchanged():
        assert lan.network("lan", labels={"a": 1, "b": True}).changed
    assert lan.one("network", "lan")["Labels"] == {"a": "1", "b": "true"}


def test_the_mtu_changes_in_place_at_both_ends(lan):
    steps = []
    lan.kernel.before_step = steps.append
    lan.network("lan", driver_options={MTU: 1400})
    assert (bridge(lan).mtu, inner(lan).mtu, inner(lan).peer.mtu) == (1400, 1400, 1400)
    assert [step for step in steps if None in (step.before, step.after)] == []


def test_the_mtu_is_that_of_the_way_out_and_kept(host):
    host.kernel.facts.mtu = 1450
    host.network("lan")
    host.kernel.facts.mtu = 9000
    assert not host.network("lan").changed
    assert bridge(host).mtu == 1450


def test_the_way_out_is_too_small_for_ipv6(host):
    host.kernel.facts.mtu = 1200
    with pytest.raises(InvalidInput, match=rf"at least 1280 bytes \(RFC 8200\), not 1200. Set driver option '{MTU}'"):
        host.network("six", enable_ipv6=True)
    host.network("six", enable_ipv6=True, driver_options={MTU: "1280"})


def test_internal_on_and_off(lan):
    lan.sandbox("db", published_ports=[])
    device = lan.one("network", "lan")["Host"]["Device"]
    assert lan.default_route("db") == ("10.1.0.1", "eth0")
    lan.network("lan", internal=True)
    assert lan.default_route("db") is None
    assert (elements(lan, "internal"), elements(lan, "masquerade4")) == ({(device, "")}, set())
    lan.network("lan", internal=False)
    assert lan.default_route("db") == ("10.1.0.1", "eth0")
    assert (elements(lan, "internal"), elements(lan, "masquerade4")) == (set(), {("10.1.0.0/24", "")})


def test_talk_among_containers_off(lan):
    device = lan.one("network", "lan")["Host"]["Device"]
    lan.network("lan", driver_options={ICC: "no"})
    assert elements(lan, "within") == {(f"{device} . {device}", "drop")}
    assert inner(lan).peer.isolated
    lan.network("lan", driver_options={ICC: "yes"})
    assert elements(lan, "within") == {(f"{device} . {device}", "accept")}
    assert not inner(lan).peer.isolated


def test_another_gateway(lan):
    lan.network("lan", ipam_config=[{"subnet": "10.1.0.0/24", "gateway": "10.1.0.254"}])
    device = lan.one("network", "lan")["Host"]["Device"]
    assert [key[3] for key in lan.kernel.present if key[:3] == ("address", HOST, device)] == ["10.1.0.254/24"]
    assert lan.default_route("db") == ("10.1.0.254", "eth0")
    assert elements(lan, "gateways4") == {("10.1.0.254", "")}
    config = {"subnet": "10.1.0.0/24", "gateway": "10.1.0.2"}
    assert "of endpoints 'db'" in lan.refused("network", {"name": "lan", "ipam_config": [config]})


def test_the_gateway_comes_from_the_subnet_not_from_the_range(host):
    host.network("lan", ipam_config=[{"subnet": "10.1.0.0/24", "iprange": "10.1.0.128/25"}])
    assert host.one("network", "lan")["IPAM"]["Config"] == [
        {"Subnet": "10.1.0.0/24", "IPRange": "10.1.0.128/25", "Gateway": "10.1.0.1"}
    ]


def test_ipv6_comes_and_goes_with_endpoints_on_it(lan):
    before = lan.one("endpoint", "db")
    lan.network("lan", enable_ipv6=True)
    after = lan.one("endpoint", "db")
    assert (after["IPv4Address"], after["MacAddress"]) == (before["IPv4Address"], before["MacAddress"])
    assert after["IPv6Address"].endswith("::2/64")
    assert lan.default_route("db", "::/0")[1] == "eth0"
    assert "take away the addresses of endpoints 'db'" in lan.refused("network", {"name": "lan", "enable_ipv6": False})
    lan.network("lan", enable_ipv6=False, force=True)
    assert lan.one("endpoint", "db") == before
    assert lan.default_route("db", "::/0") is None


def test_another_subnet_needs_force(lan):
    lan.endpoint("static", network="lan", mac_address="02:00:00:00:00:07")
    item = {"name": "lan", "ipam_config": [{"subnet": "10.2.0.0/24"}]}
    assert "use force: true, which gives them new addresses" in lan.refused("network", item)
    lan.ensure("network", {**item, "force": True})
    endpoints = lan.listed("endpoint")
    assert (endpoints["db"]["IPv4Address"], endpoints["db"]["MacAddress"]) == ("10.2.0.2/24", "02:42:0a:02:00:02")
    assert (endpoints["static"]["IPv4Address"], endpoints["static"]["MacAddress"]) == (
        "10.2.0.3/24",
        "02:00:00:00:00:07",
    )
    assert ("address", "/run/netns/db", "eth0", "10.2.0.2/24") in lan.kernel.present
    assert ("address", "/run/netns/db", "eth0", "10.1.0.2/24") not in lan.kernel.present
    assert {value for _entry, value in elements(lan, "published4")} == {"10.2.0.2 . 80"}


@pytest.mark.parametrize("subnet", ["10.1.0.0/16", "10.1.0.0/29", "10.1.0.0/30"])
def test_a_subnet_around_the_endpoints_takes_nothing_away(lan, subnet):
    lan.network("lan", ipam_config=[{"subnet": subnet, "aux_addresses": {}}])
    assert lan.one("endpoint", "db")["IPv4Address"] == f"10.1.0.2/{subnet.split('/')[1]}"


def test_an_endpoint_does_not_become_the_last_address(lan):
    lan.endpoint("high", network="lan", ipv4_address="10.1.0.127")
    item = {"name": "lan", "ipam_config": [{"subnet": "10.1.0.0/25"}]}
    assert "endpoints 'high'" in lan.refused("network", item)


def test_a_network_with_endpoints_is_removed_by_force_only(lan):
    assert "has active endpoints: 'db'" in lan.refused("network", {"name": "lan", "state": "absent"})
    lan.network("lan", state="absent", force=True)
    assert "lan" not in lan.listed("network")
    assert lan.listed("endpoint") == {}
    assert sorted(key.kind for key in lan.left()) == ["file", "file", "namespace"]


def test_a_device_name(host):
    host.network("lan", driver_options={NAME: "br-lan"})
    host.sandbox("db", networks=[{"name": "lan"}])
    assert (bridge(host).name, inner(host).peer.master) == ("br-lan", "br-lan")
    assert "would interrupt endpoints 'db'" in host.refused(
        "network", {"name": "lan", "driver_options": {NAME: "br-other"}}
    )
    host.network("lan", driver_options={NAME: "br-other"}, force=True)
    assert (bridge(host).name, inner(host).peer.master) == ("br-other", "br-other")
    assert ("link", HOST, "br-lan") not in host.kernel.present
    text = host.refused("network", {"name": "new", "driver_options": {NAME: "br-other"}})
    assert "belongs to network 'lan'" in text


@pytest.fixture
def theirs(host):
    """A host with somebody else's bridge."""
    host.kernel.facts.links = {"br9": ["10.9.0.1/24", "fe80::1/64"]}
    for one in (Link(HOST, "br9", "bridge", "02:00:00:00:00:09", 1400, group=0), Address(HOST, "br9", "10.9.0.1/24")):
        host.kernel.present[one.key] = one
    return host


def test_an_adopted_bridge_keeps_what_it_has(theirs):
    theirs.network("lan", driver_options={NAME: "br9"})
    theirs.sandbox("db", networks=[{"name": "lan"}])
    assert theirs.one("network", "lan")["IPAM"]["Config"] == [{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}]
    present = bridge(theirs)
    assert (present.group, present.address, present.mtu) == (GROUP, "02:00:00:00:00:09", 1400)
    assert not theirs.network("lan").changed
    theirs.sandbox("db", state="absent")
    theirs.network("lan", state="absent")
    present = theirs.kernel.present[("link", HOST, "br9")]
    assert (present.group, present.address, present.mtu) == (0, "02:00:00:00:00:09", 1400)
    assert ("address", HOST, "br9", "10.9.0.1/24") in theirs.kernel.present
    assert theirs.left() == {("link", HOST, "br9"), ("address", HOST, "br9", "10.9.0.1/24")}


@pytest.mark.parametrize("driver", ["bridge", "overlay"])
def test_a_bridge_that_somebody_has_made_aware_of_vlans(host, driver):
    host.network("lan", driver=driver, ipam_config=[{"subnet": "10.9.0.0/24"}])
    host.kernel.present[bridge(host).key] = replace(bridge(host), vlan_filtering=True)
    assert host.network("lan", check=True).changed and host.network("lan").changed
    assert bridge(host).vlan_filtering is False
    assert not host.network("lan").changed


def test_an_adopted_bridge_stays_aware_of_vlans(theirs):
    key = ("link", HOST, "br9")
    theirs.kernel.present[key] = replace(theirs.kernel.present[key], vlan_filtering=True)
    theirs.network("lan", driver_options={NAME: "br9"})
    assert bridge(theirs).vlan_filtering and not theirs.network("lan").changed


def test_an_adopted_bridge_with_another_subnet_loses_only_that(theirs):
    theirs.network("lan", driver_options={NAME: "br9"}, ipam_config=[{"subnet": "10.8.0.0/24"}])
    assert ("address", HOST, "br9", "10.8.0.1/24") in theirs.kernel.present
    theirs.network("lan", state="absent")
    assert theirs.left() == {("link", HOST, "br9"), ("address", HOST, "br9", "10.9.0.1/24")}


def test_the_mtu_of_an_adopted_bridge_is_the_network_s(theirs):
    theirs.kernel.facts.mtus["br9"] = 1400
    theirs.network("lan", driver_options={NAME: "br9"})
    theirs.sandbox("db", networks=[{"name": "lan"}])
    assert (inner(theirs).mtu, inner(theirs).peer.mtu) == (1400, 1400)
    theirs.kernel.facts.mtus["br9"] = 1300
    assert not theirs.network("lan").changed


def test_no_subnet_of_an_adopted_bridge_is_given_to_another_network(theirs):
    """The network on this bridge may have another subnet."""
    theirs.network("lan", driver_options={NAME: "br9"}, ipam_config=[{"subnet": "10.8.0.0/24"}])
    text = theirs.refused("network", {"name": "new", "ipam_config": [{"subnet": "10.9.0.0/20"}]})
    assert "overlaps 10.9.0.0/24, which the host reaches on 'br9'" in text
    assert theirs.network("lan", driver_options={NAME: "br9"}, ipam_config=[{"subnet": "10.9.0.0/24"}]).changed


def test_the_network_of_an_adopted_bridge_that_is_gone_can_be_removed(theirs):
    theirs.network("lan", driver_options={NAME: "br9"})
    theirs.kernel.lose(("link", HOST, "br9"))
    assert theirs.network("lan", state="absent").changed
    assert theirs.left() == set()


def test_the_default_bridge_is_made_when_it_is_used(host):
    host.network("bridge")
    assert host.left() == set()
    host.sandbox("db", networks=[{"name": "bridge"}])
    assert bridge(host, "bridge").name == "cnm0"
    host.sandbox("db", state="absent")
    assert host.left() == set()
    assert host.one("network", "bridge")["IPAM"]["Config"][0]["Subnet"] == "172.17.0.0/16"


def test_forwarding_is_as_it_was_when_the_last_network_goes(host):
    was = [Sysctl(HOST, name, "0") for name in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")]
    host.kernel.present.update({one.key: one for one in was})
    host.network("one", enable_ipv6=True)
    host.network("two")
    assert [host.kernel.present[one.key].value for one in was] == ["1", "1"]
    host.network("one", state="absent")
    host.network("two", state="absent")
    assert [host.kernel.present[one.key] for one in was] == was


def test_spellings_of_an_option_are_one_value(host):
    host.network("n", driver_options={"com.docker.network.bridge.enable_icc": "True"})
    assert not host.network("n", driver_options={"com.docker.network.bridge.enable_icc": True}).changed
    assert not host.network("n", driver_options={"com.docker.network.bridge.enable_icc": "yes"}).changed


def test_a_lost_store_does_not_move_a_network_off_its_own_bridge(host):
    device = host.network("n").objects[0]["Host"]["Device"]
    host.kernel.facts.routes = [("172.18.0.0/16", device)]
    shutil.rmtree(host.folder)
    assert host.network("n").objects[0]["IPAM"]["Config"][0]["Subnet"] == "172.18.0.0/16"
