# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driver ipvlan: what its networks and endpoints consist of, and what it refuses."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers import creatable
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Parent
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import VLAN_GROUP, Link, Lower
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST

POOL = [{"subnet": "192.168.7.0/24"}]
CARD = Parent("", 1400, False, False, True, "")
WEB = ("link", "/run/netns/web", "eth0")


@pytest.fixture
def lan(host):
    """A host with a network card 'eth1' and a network 'lan' on it."""
    host.kernel.facts.parents["eth1"] = CARD
    host.kernel.facts.mtus["eth1"] = 1400
    host.kernel.facts.links["eth1"] = []
    host.network("lan", driver="ipvlan", driver_options={"parent": "eth1"}, ipam_config=POOL)
    return host


def options(mode="l2", **more):
    return {"parent": "eth1", "ipvlan_mode": mode, **more}


def test_it_can_be_created():
    assert "ipvlan" in creatable()


def test_a_network_on_a_parent_is_nothing_of_ours(lan):
    host = lan.one("network", "lan")["Host"]
    assert (host["Device"], host["Mtu"], host["IpvlanMode"], host["IpvlanFlag"]) == ("eth1", 1400, "l2", "bridge")
    assert lan.links() == {}


def test_an_endpoint_is_a_link_with_the_mac_address_of_the_parent(lan):
    lan.sandbox("web", networks=[{"name": "lan"}])
    link = lan.kernel.present[WEB]
    assert (link.type, link.address, link.lower) == ("ipvlan", None, Lower("eth1", "l2", flag="bridge"))
    assert lan.default_route("web") == ("192.168.7.1", "eth0")
    assert lan.one("endpoint", "web")["MacAddress"] == ""
    assert lan.one("sandbox", "web")["Networks"]["lan"]["MacAddress"] == ""
    assert not lan.sandbox("web", networks=[{"name": "lan"}]).changed
    asked = {"name": "db", "networks": [{"name": "lan", "mac_address": "02:00:00:00:00:07"}]}
    assert "mac_address: the endpoints of driver 'ipvlan' have the MAC address of the parent" in lan.refused(
        "sandbox", asked
    )


@pytest.mark.parametrize("mode", ["l3", "l3s"])
def test_in_mode_l3_the_default_route_has_no_gateway(lan, mode):
    lan.network("lan", driver_options=options(mode), enable_ipv6=True)
    shown = lan.one("network", "lan")
    assert [pool.get("Gateway") for pool in shown["IPAM"]["Config"]] == [None, None]
    lan.sandbox("web", networks=[{"name": "lan"}])
    assert lan.one("endpoint", "web")["IPv4Address"] == "192.168.7.1/24", "no router has the lowest address"
    assert lan.default_route("web") == ("", "eth0")
    assert ("route", "/run/netns/web", "::/0", "") in lan.kernel.present
    attached = lan.one("sandbox", "web")["Networks"]["lan"]
    assert attached["DefaultRoute4"] and attached["DefaultRoute6"] and attached["Gateway"] == ""
    assert not lan.sandbox("web").changed
    # As on any network, another one may come first.
    lan.network("bridged", ipam_config=[{"subnet": "10.1.0.0/24"}])
    lan.sandbox("web", networks=[{"name": "lan"}, {"name": "bridged", "gateway_priority": 1}])
    assert lan.default_route("web") == ("10.1.0.1", "eth1")
    lan.network("lan", no_default_route=True)
    lan.sandbox("web", networks=[{"name": "lan"}])
    assert lan.default_route("web") is None


def test_mode_and_flag_change_in_place(lan):
    lan.sandbox("web", networks=[{"name": "lan", "ipv4_address": "192.168.7.9"}])
    for chosen in (options("l3s", ipvlan_flag="private"), options("l3"), options("l2", ipvlan_flag="vepa"), options()):
        item = {"name": "lan", "driver_options": chosen}
        checked = lan.ensure("network", item, check=True).differences
        done = lan.ensure("network", item)
        assert checked == done.differences != []
        assert not lan.ensure("network", item).changed
        flag = chosen.get("ipvlan_flag", "bridge")
        assert lan.kernel.present[WEB].lower == Lower("eth1", chosen["ipvlan_mode"], flag=flag)
    assert lan.default_route("web") == ("192.168.7.1", "eth0")


def test_the_gateway_of_mode_l2_takes_no_address_away(lan):
    lan.network("lan", driver_options=options("l3"))
    lan.sandbox("web", networks=[{"name": "lan"}])
    item = {"name": "lan", "driver_options": options("l2")}
    assert "the change would take away the addresses of endpoints 'web'" in lan.refused("network", item)


def test_without_a_parent_the_network_is_internal(lan):
    shown = lan.network("alone", driver="ipvlan").objects[0]
    short = shown["Id"][:12]
    assert (shown["Internal"], shown["Host"]["Device"]) == (True, f"di-{short}")
    assert lan.links()[HOST] == [f"db-{short}", f"di-{short}"]
    lan.sandbox("web", networks=[{"name": "alone"}])
    assert lan.default_route("web") is None
    for mode in ("l3", "l3s"):
        item = {"name": "alone", "driver_options": {"ipvlan_mode": mode}}
        assert f"option 'ipvlan_mode': mode {mode} needs driver option 'parent'" in lan.refused("network", item)


def test_a_parent_can_be_a_vlan(lan):
    lan.network("lan", driver_options={"parent": "eth1.10"})
    vlan = lan.kernel.present["link", HOST, "eth1.10"]
    assert vlan == Link(HOST, "eth1.10", "vlan", group=VLAN_GROUP, lower=Lower("eth1", tag=10))
    lan.sandbox("web", networks=[{"name": "lan"}])
    lan.kernel.lose(vlan.key)
    assert WEB not in lan.kernel.present
    assert lan.sandbox("web").changed and WEB in lan.kernel.present
    lan.network("lan", state="absent", force=True)
    assert HOST not in lan.links()


@pytest.mark.parametrize(("first", "second"), [("ipvlan", "ipvlan"), ("ipvlan", "macvlan"), ("macvlan", "ipvlan")])
def test_an_ipvlan_network_has_its_parent_alone(host, first, second):
    host.kernel.facts.parents["eth1"] = CARD
    host.kernel.facts.links["eth1"] = []
    items = [
        {"name": f"n{place}", "driver": kind, "driver_options": {"parent": "eth1"}}
        for place, kind in enumerate((first, second))
    ]
    assert "network 'n0' is already using parent 'eth1'" in host.refused("network", *items)
    host.ensure("network", items[0])
    assert "network 'n0' is already using parent 'eth1'" in host.refused("network", items[1])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"ipvlan_mode": "l4"}, "option 'ipvlan_mode': 'l4' is not one of l2, l3, l3s."),
        ({"ipvlan_flag": "passthru"}, "option 'ipvlan_flag': 'passthru' is not one of bridge, private, vepa."),
        ({"macvlan_mode": "vepa"}, "driver 'ipvlan' has no option 'macvlan_mode'"),
        ({"parent": "eth7"}, "driver option 'parent': this host has no interface 'eth7'."),
        ({"parent": "mac0"}, "driver option 'parent': 'mac0' is a macvlan itself. Name the interface that it is on."),
        ({"parent": "ip0"}, "driver option 'parent': 'ip0' is an ipvlan itself. Name the interface that it is on."),
        ({"parent": "wg0"}, "driver option 'parent': 'wg0' is not an Ethernet interface, as an ipvlan needs."),
    ],
)
def test_options_that_are_refused(lan, asked, message):
    lan.kernel.facts.parents.update(
        wg0=CARD._replace(ethernet=False), mac0=CARD._replace(type="macvlan"), ip0=CARD._replace(type="ipvlan")
    )
    assert message in lan.refused("network", {"name": "new", "driver": "ipvlan", "driver_options": asked})


def test_a_gateway_is_refused_in_mode_l3(lan):
    lan.kernel.facts.parents["eth2"] = CARD
    chosen = {**options("l3"), "parent": "eth2"}
    pool = [{"subnet": "192.168.8.0/24", "gateway": "192.168.8.1"}]
    item = {"name": "new", "driver": "ipvlan", "driver_options": chosen, "ipam_config": pool}
    assert "gateway: there is none in mode l3" in lan.refused("network", item)


def test_ports_are_refused(lan):
    item = {"name": "web", "networks": [{"name": "lan"}], "published_ports": ["8080:80"]}
    assert "'lan' is an ipvlan network, whose packets do not pass the host" in lan.refused("sandbox", item)


def test_drift_is_repaired_and_all_comes_back_and_goes(lan):
    lan.sandbox("web", networks=[{"name": "lan"}])
    before = dict(lan.kernel.present)
    lan.kernel.lose(WEB)
    assert lan.sandbox("web").changed and lan.kernel.present == before
    lan.kernel.forget()
    assert lan.controller().restore().changed and lan.kernel.present == before
    lan.sandbox("web", state="absent")
    lan.network("lan", state="absent")
    assert lan.left() == set()
