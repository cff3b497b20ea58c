# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints keep their addresses, wherever they are."""

from __future__ import annotations

KEPT = ("Id", "IPv4Address", "IPv6Address", "MacAddress", "InterfaceName", "Ports", "Aliases")


def kept(host, name):
    endpoint = host.one("endpoint", name)
    return {key: endpoint[key] for key in KEPT}


def test_it_exists_without_a_sandbox(lan):
    with lan.kernel.unchanged():
        assert lan.endpoint("vip", network="lan").changed
    endpoint = lan.one("endpoint", "vip")
    assert (endpoint["State"], endpoint["Sandbox"], endpoint["IPv4Address"]) == ("left", "", "10.1.0.3/24")


def test_without_a_sandbox_nothing_of_the_host_is_read(lan, monkeypatch):
    asked = set()
    read = lan.kernel.read

    def noting(keys):
        keys = set(keys)
        asked.update(key.kind for key in keys)
        return read(keys)

    monkeypatch.setattr(lan.kernel, "read", noting)
    for more in ({}, {"ipv4_address": "10.1.0.7"}, {"state": "absent"}):
        assert lan.endpoint("vip", network="lan", **more).changed
    assert not asked
    lan.sandbox("box")
    lan.endpoint("vip", network="lan", sandbox="box")
    assert {"link", "namespace", "file", "address", "element"} <= asked


def test_it_keeps_everything_through_leave_and_join(lan):
    lan.sandbox("box")
    lan.endpoint("vip", network="lan", sandbox="box", aliases=["v"], published_ports=["90"], gateway_priority=3)
    before = kept(lan, "vip")
    lan.endpoint("vip", network="lan", state="left")
    lan.endpoint("other", network="lan")
    assert lan.one("endpoint", "vip")["State"] == "left"
    assert "box" not in {key[1].split("/")[-1] for key in lan.kernel.present if key.kind == "link"}
    lan.endpoint("vip", network="lan", sandbox="box")
    assert kept(lan, "vip") == before
    assert lan.one("endpoint", "other")["IPv4Address"] == "10.1.0.4/24"


def test_it_keeps_its_addresses_when_it_moves(lan):
    lan.sandbox("other")
    before = kept(lan, "db")
    lan.endpoint("db", network="lan", sandbox="other", force=True)
    assert kept(lan, "db") == before
    assert lan.links() == {
        "": [lan.one("network", "lan")["Host"]["Device"]],
        "/run/netns/other": ["eth0"],
    }


def test_another_address_takes_the_automatic_mac_along(lan):
    lan.endpoint("db", network="lan", ipv4_address="10.1.0.50")
    assert lan.one("endpoint", "db")["MacAddress"] == "02:42:0a:01:00:32"
    lan.endpoint("db", network="lan", mac_address="0A-00-00-00-00-01")
    lan.endpoint("db", network="lan", ipv4_address="10.1.0.51")
    assert lan.one("endpoint", "db")["MacAddress"] == "0a:00:00:00:00:01"
    assert lan.kernel.present[("link", "/run/netns/db", "eth0")].address == "0a:00:00:00:00:01"


def test_lists_that_are_empty_mean_none_and_what_is_left_out_stays(lan):
    lan.endpoint("vip", network="lan", aliases=["a", "b", "a"], published_ports=["90:90"])
    assert not lan.endpoint("vip", network="lan").changed
    assert lan.one("endpoint", "vip")["Aliases"] == ["a", "b"]
    lan.endpoint("vip", network="lan", aliases=[], published_ports=[])
    endpoint = lan.one("endpoint", "vip")
    assert (endpoint["Aliases"], endpoint["Ports"]) == ([], {})


def test_the_network_can_be_left_out_when_the_name_is_unique(lan):
    assert lan.endpoint("db", aliases=["x"]).changed
    lan.endpoint("db", state="absent")
    assert lan.listed("endpoint") == {}
    assert not lan.endpoint("db", state="absent").changed
    assert not lan.endpoint("db", network="nowhere", state="absent").changed


def test_networks_and_sandboxes_are_found_by_the_beginning_of_their_id(lan):
    network, sandbox = lan.one("network", "lan")["Id"], lan.one("sandbox", "db")["Id"]
    assert not lan.endpoint("db", network=network[:12], sandbox=sandbox[:12]).changed
    assert not lan.endpoint("db", network=network, sandbox=sandbox).changed


def test_interface_names_are_chosen_once(lan):
    for name in ("back", "front"):
        lan.network(name)
    lan.endpoint("db", network="back", sandbox="db")
    lan.endpoint("db", network="front", sandbox="db")
    names = {one["Network"]: one["InterfaceName"] for one in lan.controller().describe("endpoint", lambda *_: True)}
    assert names == {"lan": "eth0", "back": "eth1", "front": "eth2"}
    lan.endpoint("db", network="back", state="left")
    lan.sandbox("db", state="restarted")
    assert lan.links()["/run/netns/db"] == ["eth0", "eth2"]
    lan.endpoint("db", network="back", sandbox="db")
    assert lan.links()["/run/netns/db"] == ["eth0", "eth1", "eth2"]


def test_the_prefix_of_interface_names(host):
    host.network("lan", driver_options={"com.docker.network.container_iface_prefix": "net"})
    host.sandbox("db", networks=[{"name": "lan"}])
    assert host.links()["/run/netns/db"] == ["net0"]


def test_an_interface_is_renamed(lan):
    lan.endpoint("db", network="lan", interface_name="data0")
    assert lan.links()["/run/netns/db"] == ["data0"]
    assert lan.default_route("db") == ("10.1.0.1", "data0")


def test_one_that_was_reserved_outlives_a_sandbox_that_lists_its_network(lan):
    lan.endpoint("box", network="lan", ipv4_address="10.1.0.77")
    lan.sandbox("box", networks=[{"name": "lan"}])
    assert lan.one("endpoint", "box")["State"] == "joined"
    lan.sandbox("box", state="absent")
    endpoint = lan.one("endpoint", "box")
    assert (endpoint["State"], endpoint["IPv4Address"]) == ("left", "10.1.0.77/24")
