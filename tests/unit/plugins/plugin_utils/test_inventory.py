# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each host is told, and what is refused before any host is changed."""

from __future__ import annotations

import contextlib
import json
import sys

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL, SLICES, VNI, VTEP
from ansible_collections.cnm.linux.plugins.module_utils._cnm.items import in_order
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.overlay_peer import members
from ansible_collections.cnm.linux.plugins.plugin_utils._topology.declaration import read
from ansible_collections.cnm.linux.plugins.plugin_utils._topology.inventory import Inventory

from ..module_utils.conftest import pretended
from ..module_utils.pretend_etcd import PretendEtcd


def blue(**more):
    return {"name": "blue", "driver": "overlay", "ipam_config": [{"subnet": "10.9.0.0/16"}], **more}


def on(name, network="blue", **attachment):
    return {"name": name, "networks": [{"name": network, **attachment}]}


def host(number, *sandboxes, networks=None, **more):
    return {
        "ansible_host": f"192.0.2.{number}",
        "cnm_host_number": number,
        "cnm_networks": [blue()] if networks is None else networks,
        "cnm_sandboxes": list(sandboxes),
        **more,
    }


def inventory(**hosts):
    problems = []
    declarations = {name: read(name, variables, problems) for name, variables in hosts.items()}
    return Inventory(declarations, problems)


def refused(**hosts):
    problems = inventory(**hosts).problems
    assert problems
    return " ".join(problems)


def told(whole, name, network="blue"):
    (item,) = [each for each in whole.networks(name) if each["name"] == network]
    return {**item, **members(whole.everywhere().members[network], name)._asdict()}


def test_each_host_is_told_of_the_others():
    whole = inventory(a=host(1, on("x")), b=host(2), c=host(3, networks=[]))
    assert whole.problems == []
    assert told(whole, "a") == {
        "name": "blue",
        "driver": "overlay",
        "driver_options": {VTEP: "192.0.2.1"},
        "ipam_config": [{"subnet": "10.9.0.0/16", "iprange": "10.9.1.0/24"}],
        "peers": [{"name": "b", "address": "192.0.2.2", "endpoints": [], "chosen": []}],
        "known": [],
        "chosen": {"x"},
        "declared": {"x"},
    }
    assert told(whole, "b")["peers"] == [{"name": "a", "address": "192.0.2.1", "endpoints": [], "chosen": ["x"]}]
    assert whole.networks("c") == []
    assert whole.sandboxes("a") == [on("x")]


def work(count):
    """Return how many calls tell COUNT hosts what they need, and the length of what one of them is told."""
    hosts = {f"h{one}": host(one, *(on(f"s{one}-{each}") for each in range(3))) for one in range(1, count + 1)}
    calls = []
    sys.setprofile(lambda _frame, event, _argument: calls.append(event))
    try:
        whole = inventory(**hosts)
        whole.everywhere()
        answers = [whole.told(name) for name in hosts]
    finally:
        sys.setprofile(None)
    assert whole.problems == []
    return len(calls), len(json.dumps(answers[10]))


def test_a_host_costs_the_controller_the_same_among_many_hosts():
    (few, told_few), (many, told_many) = work(40), work(160)
    assert many < 4.2 * few
    assert told_many == told_few


def test_fixed_addresses_are_known_to_all():
    fixed = on("x", ipv4_address="10.9.1.5", aliases=["y"])
    whole = inventory(a=host(1, fixed), b=host(2, on("z", ipv4_address="10.9.77.5", mac_address="02-00-00-00-00-0A")))
    endpoints = [each["endpoints"] for each in told(whole, "b")["peers"]]
    mac = "02:42:0a:09:01:05"
    assert endpoints == [[{"name": "x", "ipv4_address": "10.9.1.5", "mac_address": mac, "aliases": ["y"]}]]
    assert told(whole, "a")["peers"][0]["endpoints"][0]["mac_address"] == "02:00:00:00:00:0a"
    assert told(whole, "a")["known"] == ["10.9.1.5"]


@pytest.mark.parametrize(
    ("other", "names"),
    [
        (host(2, on("z")), ["z"]),
        (host(2, on("z", ipv4_address="10.9.2.9"), on("free")), ["free"]),
    ],
)
def test_all_know_of_which_endpoints_hosts_choose_addresses(other, names):
    whole = inventory(a=host(1, on("x", ipv4_address="10.9.1.5")), b=other)
    assert told(whole, "a")["peers"][0]["chosen"] == names
    assert told(whole, "b")["chosen"] == {*names}
    assert told(whole, "b")["peers"][0]["endpoints"][0]["name"] == "x"


def test_a_fixed_address_that_another_host_may_have_chosen_is_warned_of():
    stray, moved = on("x", ipv4_address="10.9.2.3"), on("y", ipv4_address="10.9.1.9")
    whole = inventory(a=host(1, stray), b=host(2, moved), c=host(3, on("z")))
    assert whole.everywhere().warnings == []
    whole = inventory(a=host(1, stray), b=host(2, on("free"), moved))
    (warning,) = whole.everywhere().warnings
    assert warning.startswith(
        "Network 'blue': address 10.9.2.3 of endpoint 'x' on host 'a' is in 10.9.2.0/24, from which host 'b' chooses "
    )


def test_a_host_whose_address_is_translated():
    whole = inventory(a=host(1, cnm_vtep_local_address="10.0.0.1"), b=host(2))
    assert told(whole, "a")["driver_options"] == {VTEP: "10.0.0.1"}
    assert told(whole, "b")["peers"][0]["address"] == "192.0.2.1"
    assert "cnm_vtep_local_address 2001:db8::1 is not of the same address family" in refused(
        a=host(1, cnm_vtep_local_address="2001:db8::1")
    )


def test_no_host_needs_a_part_of_the_subnet_where_all_addresses_are_fixed():
    small = blue(ipam_config=[{"subnet": "10.9.1.0/24"}])
    hosts = {
        f"h{number}": host(number, on(f"s{number}", ipv4_address=f"10.9.1.{number + 9}"), networks=[small])
        for number in range(1, 18)
    }
    whole = inventory(**hosts)
    assert whole.problems == []
    assert told(whole, "h1")["ipam_config"] == [{"subnet": "10.9.1.0/24"}]
    assert "is divided into 16 slices, too few for its 17 hosts" in refused(
        **{**hosts, "h1": host(1, on("x"), networks=[small])}
    )


def test_hosts_that_are_called_by_ipv6_addresses():
    whole = inventory(**{"2001:db8::1": host(1, ansible_host=None), "[2001:db8::2]": host(2, ansible_host=None)})
    assert whole.problems == []
    assert told(whole, "2001:db8::1")["peers"][0]["address"] == "2001:db8::2"


def test_a_sandbox_that_is_stopped_or_gone_is_not_told_of():
    gone = [
        {**on(name, ipv4_address=f"10.9.1.{n}"), "state": s} for n, name, s in ((5, "x", "absent"), (6, "y", "stopped"))
    ]
    whole = inventory(a=host(1, *gone), b=host(2, on("x", ipv4_address="10.9.1.5")))
    assert whole.problems == []
    assert told(whole, "b")["peers"][0]["endpoints"] == []
    assert told(whole, "a")["peers"][0]["endpoints"][0]["name"] == "x"


def test_a_host_that_comes_changes_nothing_for_the_others_but_a_peer():
    before = inventory(a=host(1, on("x")), b=host(2))
    after = inventory(a=host(1, on("x")), b=host(2), c=host(3))
    one, other = told(before, "a"), told(after, "a")
    assert {**one, "peers": []} == {**other, "peers": []}
    assert [each["name"] for each in other["peers"]] == ["b", "c"]


def test_a_host_chooses_its_own_range_if_it_says_so():
    own = blue(ipam_config=[{"subnet": "10.9.0.0/16", "iprange": "10.9.128.0/20"}])
    whole = inventory(a=host(1, networks=[own]), b=host(2))
    assert whole.problems == []
    assert told(whole, "a")["ipam_config"][0]["iprange"] == "10.9.128.0/20"
    assert "chooses addresses from 10.9.0.0/20, and host 'b' from 10.9.2.0/24" in refused(
        a=host(1, networks=[blue(ipam_config=[{"subnet": "10.9.0.0/16", "iprange": "10.9.0.0/20"}])]), b=host(2)
    )


def test_other_networks_are_handed_on_as_they_are():
    items = [{"name": "local", "internal": True}, {"name": "old", "driver": "overlay", "state": "absent"}]
    assert inventory(a=host(1, networks=items)).networks("a") == items


def test_a_host_called_by_its_address():
    whole = inventory(**{"192.0.2.1": host(9, ansible_host=None), "b": host(2)})
    assert told(whole, "b")["peers"][0]["address"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("hosts", "sentences"),
    [
        (
            {"a": host(1), "b": host(2, ansible_host="192.0.2.1")},
            ["hosts 'a' and 'b' have the same address, 192.0.2.1"],
        ),
        ({"a": host(1, ansible_host="a.example")}, ["Host 'a': its address for the other hosts", "cnm_vtep_address"]),
        ({"a": host(1, cnm_vtep_address="x")}, ["Host 'a': cnm_vtep_address: 'x' is not an IP address"]),
        ({"a": host(1), "b": host(2, cnm_vtep_address="2001:db8::2")}, ["host 'a' has an IPv4", "host 'b' an IPv6"]),
        ({"a": host(1, cnm_host_number="x")}, ["cnm_host_number 'x' is not a whole number"]),
        ({"a": host(1), "b": host(2, cnm_host_number=1)}, ["hosts 'a' and 'b' get the same slice"]),
        ({"a": host(1, networks="x")}, ["cnm_networks is not a list of dictionaries"]),
        ({"a": host(1, networks=[blue(driver_options={VNI: 0})])}, ["'0' is not a VXLAN network identifier"]),
        ({"a": host(1, networks=[blue(driver_options={VTEP: "192.0.2.1"})])}, ["Set the variable cnm_vtep_address"]),
        ({"a": host(1, networks=[blue(ipam_config=[])])}, ["it needs an IPv4 subnet"]),
        ({"a": host(1, networks=[blue(ipam_config=[{"subnet": "10.9.0.1/16"}])])}, ["has host bits set"]),
        (
            {"a": host(1), "b": host(2, networks=[blue(internal=True)])},
            ["hosts 'a' and 'b' declare it differently: internal is not given on one and 'True' on the other"],
        ),
        (
            {"a": host(1), "b": host(2, networks=[blue(ipam_config=[{"subnet": "10.8.0.0/16"}])])},
            ["declare it differently: subnet is 10.9.0.0/16 on one and 10.8.0.0/16 on the other"],
        ),
        (
            {"a": host(1), "b": host(2, networks=[blue(driver_options={VNI: 7})])},
            [f"driver option '{VNI}' is not given on one and '7' on the other"],
        ),
        ({"a": host(1), "b": host(2, networks=[blue(driver="bridge")])}, ["driver is 'overlay'", "'bridge'"]),
        (
            {"a": host(1, networks=[blue(driver_options={VNI: 7}), {**blue(driver_options={VNI: 7}), "name": "red"}])},
            ["Networks 'blue' and 'red' have the same VNI, 7"],
        ),
        (
            {"a": host(1, on("x", ipv4_address="10.9.1.5")), "b": host(2, on("y", ipv4_address="10.9.1.5"))},
            ["10.9.1.5 is given twice, to endpoint 'x' of host 'a' and to endpoint 'y' of host 'b'"],
        ),
        (
            {"a": host(1, on("x", ipv4_address="10.9.1.5")), "b": host(2, on("x", ipv4_address="10.9.1.6"))},
            ["hosts 'a' and 'b' both have an endpoint 'x'"],
        ),
        ({"a": host(1, on("x", ipv4_address="10.8.1.5"))}, ["10.8.1.5 is not in subnet 10.9.0.0/16"]),
        (
            {"a": host(1, on("x", ipv4_address="10.9.1", mac_address="y"))},
            [
                "Host 'a': sandbox 'x' on network 'blue': ipv4_address: '10.9.1' is not an IP address.",
                "mac_address: 'y'",
            ],
        ),
        (
            {"a": host(1, {"name": "x", "hostname": "a b", "published_ports": ["http"]})},
            ["Host 'a': sandbox 'x': hostname: 'a b'", "Host 'a': sandbox 'x': published port 'http'"],
        ),
        (
            {"a": host(1, networks=[{"name": "lan", "ipam_config": [{"subnet": "10.1.0.1/24"}], "labels": {"b": []}}])},
            ["Host 'a': network 'lan': subnet '10.1.0.1/24' has host bits set", "labels: the value of 'b' is not text"],
        ),
        (
            {"a": host(1, networks=[7, {"name": "lan", "labels": {"b": []}}])},
            ["cnm_networks is not a list of dictionaries", "Host 'a': network 'lan': labels"],
        ),
    ],
)
def test_what_is_refused(hosts, sentences):
    message = refused(**hosts)
    for sentence in sentences:
        assert sentence in message


def test_what_is_to_go_need_not_be_right():
    gone = {"name": "x", "hostname": "a b", "state": "absent"}
    network = {"name": "lan", "ipam_config": [{"subnet": "10.1.0.1/24"}], "state": "absent"}
    assert inventory(a=host(1, gone, networks=[network])).problems == []


def test_an_address_that_cannot_be_read_is_one_problem():
    assert len(inventory(a=host(1, on("x", ipv4_address="10.9.1", mac_address="02:00:00:00:00:01"))).problems) == 1
    assert len(inventory(a=host(1, on("x", ipv4_address="10.9.1.5", mac_address="y"))).problems) == 1


def test_an_address_that_is_given_twice_is_one_problem():
    hosts = {"a": host(1, on("x", ipv4_address="10.9.1.5")), "b": host(2, on("y", ipv4_address="10.9.1.5"))}
    assert len(inventory(**hosts).problems) == 1
    hosts["b"] = host(2, on("y", ipv4_address="10.9.1.6", mac_address="02:42:0a:09:01:05"))
    assert "02:42:0a:09:01:05 is given twice" in refused(**hosts)


def test_one_vni_for_two_ports_is_fine():
    other = {**blue(driver_options={VNI: 7, "cnm.overlay.port": 4790}), "name": "red"}
    assert inventory(a=host(1, networks=[blue(driver_options={VNI: 7}), other])).problems == []


def test_one_network_in_two_spellings_is_fine():
    one, other = (
        blue(driver_options={VNI: 7, "cnm.overlay.port": 4789}),
        blue(driver_options={VNI: "7"}, labels={"a": 1}),
    )
    assert inventory(a=host(1, networks=[one]), b=host(2, networks=[other])).problems == []


def test_hosts_that_find_each_other_in_etcd_need_neither_addresses_nor_peers():
    etcd = {CONTROL: "etcd"}
    declared = {"name": "blue", "driver": "overlay", "driver_options": etcd}
    whole = {**declared, "ipam_config": [{"subnet": "10.9.0.0/16"}], "driver_options": {**etcd, VNI: "77"}}
    answer = inventory(
        a={"cnm_networks": [declared], "cnm_sandboxes": [on("x")]},
        b={"cnm_networks": [whole], "cnm_sandboxes": [on("y", ipv4_address="10.9.200.1")], "cnm_host_number": 5},
        c={"cnm_networks": [declared], "cnm_vtep_address": "192.0.2.3"},
    )
    assert answer.problems == []
    pools = [{"subnet": "10.9.0.0/16"}]
    assert {key: told(answer, "a")[key] for key in ("driver_options", "ipam_config", "peers", "chosen", "known")} == {
        "driver_options": {**etcd, VNI: "77"},
        "ipam_config": pools,
        "peers": [{"name": "c", "address": "192.0.2.3", "endpoints": [], "chosen": []}],
        "chosen": {"x"},
        "known": [],
    }
    assert told(answer, "b")["ipam_config"] == [{**pools[0], "iprange": "10.9.5.0/24"}]
    assert told(answer, "b")["known"] == ["10.9.200.1"]
    assert told(answer, "c")["driver_options"] == {**etcd, VNI: "77", VTEP: "192.0.2.3"}
    # Whoever gives something, gives the same.
    other = {**declared, "driver_options": {**etcd, VNI: "78"}}
    text = refused(a={"cnm_networks": [other]}, b={"cnm_networks": [whole]})
    assert f"declare it differently: driver option '{VNI}' is '78' on one and '77' on the other" in text
    assert inventory(a={"cnm_networks": [declared]}).problems == []


def test_hosts_without_slices_have_no_part_of_the_subnet_unless_they_declare_one():
    pools = [{"subnet": "10.9.0.0/28"}]
    declared = {"name": "blue", "driver": "overlay", "driver_options": {CONTROL: "etcd", SLICES: False}}
    own = [{**pools[0], "iprange": "10.9.0.8/29"}]
    answer = inventory(
        a={"cnm_networks": [{**declared, "ipam_config": pools}], "cnm_sandboxes": [on("x")], "cnm_host_number": 1},
        # More than there are slices.
        b={"cnm_networks": [declared], "cnm_sandboxes": [on("y", ipv4_address="10.9.0.9")], "cnm_host_number": 9},
        c={"cnm_networks": [{**declared, "ipam_config": own}], "cnm_sandboxes": [on("z")]},
        d={"cnm_networks": [{**declared, "ipam_config": own}], "cnm_sandboxes": [on("z")]},
    )
    assert answer.problems == []
    assert [told(answer, name)["ipam_config"] for name in "abcd"] == [pools, pools, own, own]


def test_a_play_makes_a_network_in_etcd_without_addresses_in_the_inventory(monkeypatch):
    etcd = PretendEtcd()
    etcd.install(monkeypatch)
    declared = {"name": "blue", "driver": "overlay", "driver_options": {CONTROL: "etcd"}}
    whole = {**declared, "ipam_config": [{"subnet": "10.9.0.0/16"}]}
    networks = {"a": declared, "b": whole, "c": declared}
    answer = inventory(
        **{name: {"cnm_networks": [one], "cnm_sandboxes": [on(f"x{name}")]} for name, one in networks.items()}
    )
    assert answer.problems == []
    with contextlib.ExitStack() as stack:
        hosts = {name: stack.enter_context(pretended()) for name in networks}
        for number, one in enumerate(hosts.values(), 1):
            one.kernel.facts.ends = {f"192.0.2.{number}": ("eth0", 1500)}

        def play(check=False):
            for name, one in hosts.items():
                groups = in_order([told(answer, name)], answer.sandboxes(name))
                yield one.controller(check).ensure_all(groups).changed

        assert list(play()) == [True, True, True]
        assert list(play(check=True)) == list(play()) == [False, False, False]
        addresses = {one.one("sandbox", f"x{name}")["Networks"]["blue"]["IPAddress"] for name, one in hosts.items()}
        assert len(addresses) == 3
        peers = [[each["IP"] for each in one.one("network", "blue")["Peers"]] for one in hosts.values()]
        # The others learn of later hosts from their agents.
        assert peers == [[], ["192.0.2.1"], ["192.0.2.1", "192.0.2.2"]]
        assert [one.warnings for one in hosts.values()] == [[], [], []]
