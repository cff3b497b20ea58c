# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts report to each other: endpoints of which the inventory does not give all addresses."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL, LEARNING

from .pretend import PretendKernel

DUAL = [{"subnet": "10.9.0.0/16"}, {"subnet": "fd00:9::/64"}]


def one(name, *addresses, **more):
    """Return a declared or reported endpoint."""
    items = {"ipv6_address" if ":" in address else "ipv4_address": address for address in addresses}
    return {"name": name, **items, **more}


def peer(number, *endpoints, chosen=()):
    address = f"192.0.2.{number}"
    return {"name": f"h{number}", "address": address, "endpoints": list(endpoints), "chosen": chosen}


def play(host, *peers, declared=(), chosen=(), check=False, **options):
    """Tell HOST what the inventory says: its PEERS, the names of all endpoints, and those of its own it chooses for."""
    item = {"peers": list(peers), "known": [], "declared": declared, "chosen": chosen}
    return host.network("blue", check=check, **{"driver": "overlay", "ipam_config": DUAL[:1], **item, **options})


def exchange(host, check=False, network="blue", **reports):
    return host.controller(check).exchange({network: reports}, "h1")


def known(host):
    """Return the names of the endpoints on other hosts, with host and IPv4 address."""
    endpoints = host.one("network", "blue")["Containers"].values()
    return sorted((each["Name"], each["Host"], each["IPv4Address"][:-3]) for each in endpoints if "Host" in each)


def lines(host, sandbox):
    text = host.kernel.present[("file", f"/etc/netns/{sandbox}/hosts")].text
    return [line.split() for line in text.splitlines()]


def reported(result):
    return [each["name"] for each in result.reports["blue"]["endpoints"]]


def test_they_are_known_until_the_next_report_of_the_same_host(host):
    play(host, peer(2, chosen=["a"]), peer(3), declared=["a"])
    host.sandbox("here", networks=[{"name": "blue"}])
    told = {"h2": [one("a", "10.9.2.1", aliases=["x"])], "h3": [one("box", "10.9.3.1")], "h1": [one("i", "10.9.1.1")]}
    assert exchange(host, check=True, **told).changed
    assert known(host) == []
    assert exchange(host, **told).changed
    assert known(host) == [("a", "h2", "10.9.2.1"), ("box", "h3", "10.9.3.1")]
    assert ["10.9.2.1", "a", "a.blue", "x", "x.blue"] in lines(host, "here")
    assert not exchange(host, **told).changed
    for check in (True, False):
        assert not play(host, peer(2, chosen=["a"]), peer(3), declared=["a"], check=check).changed
    assert exchange(host, h3=[]).changed
    assert known(host) == [("a", "h2", "10.9.2.1")]
    play(host, peer(3))
    assert known(host) == []
    play(host, peer(2, chosen=["a"]), peer(3), declared=["a"])
    assert known(host) == []


def test_a_host_says_what_it_knows_of_others(host):
    first = play(host, peer(2), peer(3)).reports["blue"]
    assert first == {"endpoints": [], "digest": "", "known": {}}
    host.sandbox("box", networks=[{"name": "blue", "aliases": ["x"]}])
    own = play(host, peer(2), peer(3)).reports["blue"]
    assert own["endpoints"] == [one("box", "10.9.0.2", mac_address="02:42:0a:09:00:02", aliases=["x"])]
    exchange(host, h2=[one("box", "10.9.2.2")], h3=[])
    digests = play(host, peer(2), peer(3)).reports["blue"]["known"]
    assert list(digests) == ["h2"] and digests["h2"] not in ("", own["digest"])


def test_what_the_inventory_says_of_an_endpoint_is_not_reported(host):
    play(host, peer(2))
    for name in ("fixed", "chosen", "box", "away", "off"):
        host.sandbox(name, networks=[{"name": "blue"}], state="stopped" if name == "off" else "started")
    assert reported(play(host, peer(2), declared=["fixed", "chosen", "away"], chosen=["chosen"])) == ["box", "chosen"]
    assert reported(play(host, peer(2))) == ["away", "box", "chosen", "fixed"]


def test_what_the_inventory_says_of_an_endpoint_holds(host):
    play(host, peer(2, chosen=["a"]), peer(3), declared=["a"])
    exchange(host, h2=[one("a", "10.9.2.1"), one("b", "10.9.2.2"), one("c", "10.9.2.3")])
    # 'a' is declared on another host and 'b' with an address, and the address of 'c' is given to another endpoint.
    play(host, peer(2, one("b", "10.9.2.9")), peer(3, one("d", "10.9.2.3"), chosen=["a"]), declared=["a", "b", "d"])
    assert known(host) == [("b", "h2", "10.9.2.9"), ("d", "h3", "10.9.2.3")]


def test_a_name_of_several_hosts_has_all_their_addresses(host):
    play(host, peer(2), peer(3))
    host.sandbox("web", networks=[{"name": "blue"}])
    exchange(host, h2=[one("web", "10.9.2.1")], h3=[one("web", "10.9.3.1")])
    assert sorted(line[0] for line in lines(host, "web") if "web.blue" in line) == ["10.9.0.2", "10.9.2.1", "10.9.3.1"]
    assert [each[1] for each in known(host)] == ["h2", "h3"]


def test_an_old_report_gives_way_to_newer_ones_and_to_this_host(host):
    play(host, peer(2), peer(3))
    exchange(host, h2=[one("a", "10.9.2.1"), one("b", "10.9.2.2")])
    assert exchange(host, h3=[one("a", "10.9.2.1")]).changed
    assert known(host) == [("a", "h3", "10.9.2.1"), ("b", "h2", "10.9.2.2")]
    host.sandbox("c", networks=[{"name": "blue", "ipv4_address": "10.9.2.2"}])
    assert known(host) == [("a", "h3", "10.9.2.1")]
    exchange(host, h2=[one("b", "10.9.2.2")])
    assert known(host) == [("a", "h3", "10.9.2.1")]


def test_what_others_have_chosen_is_not_chosen_here(host):
    play(host, peer(2))
    exchange(host, h2=[one("a", "10.9.0.2")])
    host.sandbox("here", networks=[{"name": "blue"}])
    assert host.one("sandbox", "here")["Networks"]["blue"]["IPAddress"] == "10.9.0.3"


def test_addresses_that_are_chosen_complete_those_that_are_declared(host):
    with_six = peer(2, one("a", "10.9.2.1", aliases=["x"]), chosen=["a"])
    play(host, with_six, declared=["a"], ipam_config=DUAL)
    host.sandbox("here", networks=[{"name": "blue"}])
    exchange(host, h2=[one("a", "10.9.2.1", "fd00:9::2:1", aliases=["x"])])
    assert [line[0] for line in lines(host, "here") if "x" in line] == ["10.9.2.1", "fd00:9::2:1"]
    play(host, peer(2, one("a", "10.9.2.7"), chosen=["a"]), declared=["a"], ipam_config=DUAL)
    assert [line[0] for line in lines(host, "here") if "a" in line] == ["10.9.2.7"]


def test_a_container_on_a_network_that_does_not_learn_is_reached(host):
    play(host, peer(2, one("a", "10.9.2.1")), declared=["a"], driver_options={LEARNING: False})
    exchange(host, h2=[one("box", "10.9.2.2")])
    entries = [each for key, each in host.kernel.present.items() if key.kind == "forwarding"]
    led = {each.mac for each in entries if each.destination == "192.0.2.2"}
    assert led == {"02:42:0a:09:02:01", "02:42:0a:09:02:02"}


def test_a_network_that_is_not_here_is_left_alone(host):
    host.network("blue")
    assert not exchange(host, h2=[one("a", "10.9.2.1")]).changed
    assert not exchange(host, network="red", h2=[one("a", "10.9.2.1")]).changed
    assert "red" not in host.listed("network")


def learns(host):
    return host.one("network", "blue")["Host"]["Learning"]


def test_a_host_learns_until_it_knows_all_endpoints(host):
    two, three = peer(2, chosen=["a"]), peer(3, one("b", "10.9.3.1"))
    told = {"declared": ["a", "b", "here"], "chosen": ["here"]}
    for check in (True, False):
        assert play(host, two, three, **told, check=check).changed
    host.sandbox("here", networks=[{"name": "blue"}])
    assert learns(host)
    assert exchange(host, h2=[one("a", "10.9.2.1")], h3=[]).changed
    assert not learns(host)
    assert not play(host, two, three, **told).changed
    assert not learns(host)
    # The next sandbox of another host is not known at first.
    more = peer(2, chosen=["a", "c"])
    play(host, more, three, **told)
    assert learns(host)
    exchange(host, h2=[one("a", "10.9.2.1"), one("c", "10.9.2.2")])
    assert not learns(host)
    # What it has reported is of no use: another endpoint has the address now.
    exchange(host, h2=[one("a", "10.9.2.1"), one("c", "10.9.3.1")])
    assert learns(host)


def test_fixed_addresses_need_no_exchange(host):
    play(host, peer(2, one("a", "10.9.2.1")), peer(3), declared=["a"])
    assert not learns(host)


def test_a_host_learns_where_endpoints_come_without_the_inventory(host):
    fixed = [peer(2, one("a", "10.9.2.1"))]
    play(host, peer(2))
    assert learns(host), "nothing is declared, so something else uses the network"
    play(host, *fixed, declared=["a"], engines=["docker"])
    assert learns(host)
    play(host, *fixed, declared=["a"], engines=[])
    assert not learns(host)
    exchange(host, h2=[one("box", "10.9.2.2")])
    assert learns(host)
    exchange(host, h2=[])
    assert not learns(host)
    host.sandbox("box", networks=[{"name": "blue"}])
    assert "other hosts do not know 'box', and cannot reach it before" in host.warnings[-1]
    play(host, *fixed, declared=["a"])
    assert learns(host)


@pytest.mark.parametrize("learning", [True, False])
def test_an_option_decides_whether_hosts_learn(host, learning):
    options = {"driver_options": {LEARNING: learning}}
    play(host, peer(2, one("a", "10.9.2.1")), declared=["a"], **options)
    assert learns(host) == learning
    exchange(host, h2=[one("box", "10.9.2.2")])
    assert learns(host) == learning
    play(host, peer(2, one("a", "10.9.2.1")), declared=["a"], driver_options={})
    assert learns(host), "because of the box"


def test_where_agents_report_topology_leaves_reports_alone(host, etcd):
    options = {"driver_options": {CONTROL: "etcd"}}
    assert play(host, peer(2, chosen=["a"]), peer(3), declared=["a", "b"], **options).reports == {}
    assert host.one("network", "blue")["Host"]["Control"] == "etcd"
    assert not learns(host), "agents tell of endpoints at once"
    assert not exchange(host, h2=[one("a", "10.9.2.1")]).changed
    assert known(host) == []
    again = play(host, peer(2, chosen=["a"]), peer(3), declared=["a", "b"], **options)
    assert (again.changed, again.reports) == (False, {})


def test_nobody_warns_of_endpoints_that_agents_report(host, etcd):
    for control, warned in (("etcd", False), ("inventory", True)):
        host.warnings.clear()
        play(host, peer(2), driver_options={LEARNING: False, CONTROL: control})
        host.sandbox(f"box-{control}", networks=[{"name": "blue"}])
        assert any("other hosts do not know" in text for text in host.warnings) == warned


def test_reports_leave_the_sandboxes_here_alone(host, monkeypatch):
    """Even on a large host they are stored quickly, and do not say where the sandboxes belong."""
    play(host, peer(2))
    host.sandbox("box", networks=[{"name": "blue"}])
    host.kernel.noted = {host.one("endpoint", "box")["Id"]: ""}
    read = set()

    def noting(keys):
        keys = list(keys)
        read.update(keys)
        return PretendKernel.read(host.kernel, keys)

    monkeypatch.setattr(host.kernel, "read", noting)
    assert exchange(host, h2=[one("a", "10.9.2.1")]).changed
    assert not any(key.kind == "link" and "box" in key[1] for key in read)
    assert host.kernel.noted
    assert ["10.9.2.1", "a", "a.blue"] in lines(host, "box")
