# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks that one host creates in etcd, and others join by their names."""

from __future__ import annotations

import json

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL, PORT, VNI, VTEP
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

ETCD = {CONTROL: "etcd"}
BLUE = {"name": "blue", "driver": "overlay", "driver_options": ETCD}
POOLS = [
    {"subnet": "10.9.0.0/16", "gateway": "10.9.0.9", "aux_addresses": {"router": "10.9.0.5"}},
    {"subnet": "fd00:9::/64"},
]
WHOLE = {**BLUE, "driver_options": {**ETCD, VNI: "77", PORT: "4790"}, "ipam_config": POOLS, "internal": True}
DEFINITION = "networks/blue/definition"


def shown(host):
    """Return what is to be the same on all hosts."""
    blue = host.one("network", "blue")
    pools = [{key: each for key, each in pool.items() if key != "IPRange"} for pool in blue["IPAM"]["Config"]]
    return (
        blue["Id"],
        blue["Driver"],
        blue["Internal"],
        blue["Host"]["VxlanId"],
        blue["Host"]["VxlanPort"],
        pools,
    )


def peers(host):
    return {each["Name"]: each["IP"] for each in host.one("network", "blue")["Peers"]}


def cycle(host, **item):
    """Let HOST have ITEM, in check mode and then really, twice; only the first two may change something."""
    outcomes = [host.network(check=check, **item) for check in (True, False, True, False)]
    assert [each.changed for each in outcomes] == [True, True, False, False]
    assert outcomes[0].objects == outcomes[1].objects


def test_a_host_joins_by_name(hosts, etcd):
    one, two, three = hosts
    cycle(one, **WHOLE)
    cycle(two, **BLUE)
    cycle(three, **{**BLUE, "driver_options": {**ETCD, VNI: 77}, "ipam_config": POOLS[1:]})
    assert shown(one) == shown(two) == shown(three)
    assert peers(one) == {}
    assert peers(three) == {"192.0.2.1": "192.0.2.1", "192.0.2.2": "192.0.2.2"}
    assert etcd.values("networks/blue/members/") == {f"192.0.2.{each}": f'"192.0.2.{each}"' for each in (1, 2, 3)}
    # It stays as it is, whether a run gives all of it or only its name.
    for item in (BLUE, WHOLE):
        assert not two.network(**item).changed


def test_the_host_has_the_name_of_the_settings(hosts, etcd, monkeypatch):
    etcd.install(monkeypatch, "a")
    hosts[0].network(**WHOLE)
    etcd.install(monkeypatch)
    hosts[1].network(**BLUE)
    assert peers(hosts[1]) == {"a": "192.0.2.1"}


def test_a_network_that_nobody_has_is_not_joined(hosts, etcd):
    for check in (True, False):
        with pytest.raises(InvalidInput) as caught:
            hosts[0].network(check=check, **BLUE)
        assert caught.value.problems == (
            "Network 'blue': no host has created it in etcd yet. Give its subnet in ipam_config to create it.",
        )
    assert etcd.values() == {}


@pytest.mark.parametrize(
    ("more", "difference"),
    [
        ({"ipam_config": [{"subnet": "10.7.0.0/16"}]}, ".*; the IPv4 subnet is 10.9.0.0/16 there and 10.7.0.0/16 here"),
        (
            {"ipam_config": [{"subnet": "10.9.0.0/16", "gateway": "10.9.0.1"}]},
            "the IPv4 gateway is 10.9.0.9 there and 10.9.0.1 here",
        ),
        (
            {"ipam_config": [{"subnet": "10.9.0.0/16", "aux_addresses": {}}]},
            "the auxiliary address 'router' is 10.9.0.5 there and not given here",
        ),
        ({"driver_options": {**ETCD, VNI: "78"}}, f"driver option '{VNI}' is '77' there and '78' here"),
        ({"internal": False}, "internal is true there and false here"),
    ],
)
def test_a_network_that_is_declared_differently_is_refused(hosts, etcd, more, difference):
    one, two, _three = hosts
    one.network(**WHOLE)
    before = etcd.values()
    for check in (True, False):
        with pytest.raises(InvalidInput, match=f"it is declared differently on host '192.0.2.1': {difference}"):
            two.network(check=check, **{**BLUE, **more})
    assert etcd.values() == before
    # A host that has it cannot change it for the others either.
    two.network(**BLUE)
    with pytest.raises(InvalidInput, match=difference):
        two.network(force=True, **{**BLUE, **more})


def test_the_only_host_can_change_it(hosts, etcd):
    one, two, _three = hosts
    one.network(**WHOLE)
    cycle(one, **{**BLUE, "internal": False})
    assert json.loads(etcd.values()[DEFINITION])["internal"] is False

    def joins():
        etcd.before_write = lambda: None
        two.network(**BLUE)

    # Not if another one joins meanwhile.
    etcd.before_write = joins
    with pytest.raises(
        InvalidInput, match="declared differently on host '192.0.2.2': internal is false there and true here"
    ):
        one.network(**{**BLUE, "internal": True})
    assert shown(one) == shown(two)


def test_it_goes_with_the_last_host(hosts, etcd):
    one, two, _three = hosts
    one.network(**WHOLE)
    two.network(**BLUE)
    two.sandbox("web", networks=[{"name": "blue", "ipv4_address": "10.9.200.1"}])
    one.network("blue", state="absent")
    assert DEFINITION in etcd.entries
    two.network("blue", check=True, state="absent", force=True)
    assert DEFINITION in etcd.entries
    two.network("blue", state="absent", force=True)
    assert etcd.values() == {}


def test_a_host_that_was_installed_again_has_its_slice_again(hosts, etcd):
    one, two, _three = hosts
    one.network(**WHOLE)
    before = one.one("network", "blue")["IPAM"]
    two.kernel.facts.ends = dict(one.kernel.facts.ends)
    two.network(**BLUE)
    assert two.one("network", "blue")["IPAM"] == before
    assert len(etcd.values("slices/blue/")) == 2


def test_peers_that_are_declared_and_those_that_have_joined(hosts, etcd):
    one, two, three = hosts
    one.network(**WHOLE)
    two.network(**BLUE)
    declared = [{"name": "b", "address": "192.0.2.2"}, {"name": "d", "address": "192.0.2.4"}]
    three.network(peers=declared, **BLUE)
    assert peers(three) == {"192.0.2.1": "192.0.2.1", "b": "192.0.2.2", "d": "192.0.2.4"}
    assert not three.network(peers=declared, **BLUE).changed
    three.network(peers=[], **BLUE)
    assert peers(three) == {"192.0.2.1": "192.0.2.1"}


def test_a_network_leaves_etcd_and_comes_back(hosts, etcd):
    one = hosts[0]
    one.network(**WHOLE)
    one.sandbox("web", networks=[{"name": "blue", "ipv4_address": "10.9.200.1"}])
    before = etcd.values()
    one.network(**{**WHOLE, "driver_options": {VNI: "77", PORT: "4790"}})
    assert etcd.values() == {}
    one.network(**WHOLE)
    assert etcd.values() == before


@pytest.mark.parametrize("text", ["[]", "{", '{"driver_options": {}, "ipam_config": [{"subnet": 5}]}'])
def test_a_definition_that_is_not_valid_is_none(hosts, etcd, text):
    etcd._write([etcd._modules["transaction"].Put(DEFINITION, text.encode())])
    with pytest.raises(InvalidInput, match="no host has created it in etcd yet"):
        hosts[0].network(**BLUE)
    hosts[0].network(**{**WHOLE, "driver_options": {**ETCD, VTEP: "192.0.2.1"}})
    assert json.loads(etcd.values()[DEFINITION])["internal"] is True
