# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that share the addresses of a network in etcd."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm import sharing
from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, InvalidInput, KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import surplus

BLUE = {"name": "blue", "driver": "overlay", "driver_options": {CONTROL: "etcd"}}
WIDE = {**BLUE, "ipam_config": [{"subnet": "10.9.0.0/16"}]}
SMALL = {**BLUE, "ipam_config": [{"subnet": "10.9.0.0/28"}]}
"""Four slices of four addresses, three of them for hosts."""


def put(host, name, check=False, **attachment):
    return host.sandbox(name, check=check, networks=[{"name": "blue", **attachment}])


def address(host, name):
    return host.one("sandbox", name)["Networks"]["blue"]["IPAddress"]


def slice_of(host):
    return host.one("network", "blue")["IPAM"]["Config"][0]["IPRange"]


def test_each_host_has_a_slice_and_then_asks_nobody(hosts, etcd):
    for each in hosts:
        assert each.network(**WIDE, check=True).changed
        assert each.network(**WIDE).changed
    owners = {slice_of(each).partition("/")[0]: f'"192.0.2.{number}"' for number, each in enumerate(hosts, 1)}
    assert etcd.values("slices/blue/") == owners and len(owners) == 3
    etcd.is_down, etcd.asked = True, 0
    for each in hosts:
        put(each, "web")
        assert address(each, "web").rpartition(".")[0] == slice_of(each).rpartition(".")[0]
        assert not each.network(**WIDE).changed
        assert not each.network(**WIDE, check=True).changed
        each.sandbox("web", state="absent")
        assert each.warnings == []
    assert etcd.asked == 0


def test_check_mode_only_looks(hosts, etcd):
    one, two, _three = hosts
    one.network(**WIDE)
    before = etcd.values()
    two.network(**WIDE, check=True)
    put(one, "web", check=True, ipv4_address="10.9.200.1")
    assert etcd.values() == before
    assert not os.path.exists(surplus.path(one.folder))


@pytest.mark.parametrize("when", ["before_write", "after_list"])
def test_a_slice_that_another_host_takes_meanwhile_is_not_taken(hosts, etcd, when):
    one, two, _three = hosts
    first = one.network(**WIDE, check=True).objects[0]["IPAM"]["Config"][0]["IPRange"]

    def meanwhile(*key):
        if key in ((), ("slices/blue/",)):
            setattr(etcd, when, lambda *_key: None)
            two.network(**{**WIDE, "ipam_config": [{"subnet": "10.9.0.0/16", "iprange": first}]})

    setattr(etcd, when, meanwhile)
    one.network(**WIDE)
    assert slice_of(two) == first != slice_of(one)
    assert len(etcd.values("slices/")) == 2


def test_a_slice_of_which_another_host_takes_an_address_meanwhile_is_not_taken(hosts, etcd):
    one, two, _three = hosts
    two.network(**WIDE)
    first = one.network(**WIDE, check=True).objects[0]["IPAM"]["Config"][0]["IPRange"]

    def meanwhile():
        etcd.before_write = lambda: None
        put(two, "web", ipv4_address=first.replace(".0/24", ".7"))

    etcd.before_write = meanwhile
    one.network(**WIDE)
    assert slice_of(one) != first


@pytest.mark.parametrize("when", ["before_write", "after_list"])
def test_an_address_that_another_host_takes_meanwhile_is_not_taken(hosts, etcd, when):
    one, two, three = hosts
    for each in hosts:
        each.network(**SMALL)
    for number in range(3):
        put(two, f"full{number}")
        put(three, f"full{number}")
    put(one, "a")
    put(one, "b")
    while len(etcd.values("addresses/blue/")) < 1:
        put(one, f"c{etcd.revision}")
    next_one = one.sandbox("d", check=True, networks=[{"name": "blue"}]).objects[0]["Networks"]["blue"]["IPAddress"]

    def meanwhile(*key):
        if key in ((), ("slices/blue/",)):
            setattr(etcd, when, lambda *_key: None)
            put(two, "faster", ipv4_address=next_one)

    setattr(etcd, when, meanwhile)
    put(one, "d")
    assert address(two, "faster") == next_one != address(one, "d")


def test_a_given_range_is_claimed_too(hosts, etcd):
    one, two, three = hosts
    one.network(**{**WIDE, "ipam_config": [{"subnet": "10.9.0.0/16", "iprange": "10.9.4.0/23"}]})
    assert set(etcd.values("slices/blue/")) == {"10.9.4.0", "10.9.5.0"}
    pool = {"subnet": "10.9.0.0/16", "iprange": "10.9.5.128/25"}
    with pytest.raises(
        InvalidInput, match=r"iprange 10.9.5.128/25: host '192.0.2.1' chooses addresses from 10.9.5.0/24"
    ):
        two.network(**{**WIDE, "ipam_config": [pool]})
    with pytest.raises(InvalidInput, match="is larger than 30 slices of 256 addresses"):
        two.network(**{**WIDE, "ipam_config": [{**pool, "iprange": "10.9.64.0/18"}]})
    two.network(**WIDE)
    put(two, "web", ipv4_address="10.9.9.9")
    with pytest.raises(InvalidInput, match=r"10.9.9.9 in it is taken: endpoint 'web' on host '192.0.2.2' has it"):
        three.network(**{**WIDE, "ipam_config": [{**pool, "iprange": "10.9.9.0/24"}]})


def test_fixed_addresses_are_claimed_one_by_one(hosts, etcd):
    one, two, _three = hosts
    for each in (one, two):
        each.network(**WIDE)
    put(one, "web", ipv4_address="10.9.200.1")
    key = "addresses/blue/10.9.200.0/10.9.200.1"
    assert json.loads(etcd.entries[key].value) == {"host": "192.0.2.1", "endpoint": "web"}
    for check in (True, False):
        with pytest.raises(
            InvalidInput, match=r"address 10.9.200.1 is taken: endpoint 'web' on host '192.0.2.1' has it"
        ):
            put(two, "db", check=check, ipv4_address="10.9.200.1")
    assert "db" not in two.listed("sandbox")
    first = slice_of(one).replace(".0/24", ".77")
    with pytest.raises(
        InvalidInput, match=rf"{first} cannot be used: host '192.0.2.1' chooses .* No host chooses from 10.9.192.0"
    ):
        put(two, "db", ipv4_address=first)
    # In its own slice, it asks nobody.
    etcd.is_down = True
    put(one, "own", ipv4_address=first)
    etcd.is_down = False
    assert set(etcd.values("addresses/")) == {key[len("addresses/") :]}
    put(one, "web", ipv4_address="10.9.200.2")
    assert set(etcd.values("addresses/blue/10.9.200.0/")) == {"10.9.200.2"}
    put(two, "db", ipv4_address="10.9.200.1")
    one.sandbox("web", state="absent")
    two.network("blue", state="absent", force=True)
    assert etcd.values("addresses/") == {}


def test_two_endpoints_of_a_host_can_swap_their_addresses(hosts, etcd):
    one = hosts[0]
    one.network(**WIDE)
    put(one, "a", ipv4_address="10.9.200.1")
    put(one, "b", ipv4_address="10.9.200.2")
    one.ensure(
        "sandbox",
        {"name": "a", "networks": [{"name": "blue", "ipv4_address": "10.9.200.2"}]},
        {"name": "b", "networks": [{"name": "blue", "ipv4_address": "10.9.200.1"}]},
    )
    holders = {key: json.loads(text)["endpoint"] for key, text in etcd.values("addresses/blue/10.9.200.0/").items()}
    assert holders == {"10.9.200.1": "b", "10.9.200.2": "a"}


def test_an_endpoint_moves_when_it_does_not_run_there_any_more(hosts, etcd):
    one, two, _three = hosts
    for each in (one, two):
        each.network(**WIDE)
    put(one, "web", ipv4_address="10.9.200.1")
    publication = "networks/blue/hosts/192.0.2.1/web"
    etcd._write([etcd._modules["transaction"].Put(publication, b"{}")])
    with pytest.raises(InvalidInput, match=r"endpoint 'web' runs on host '192.0.2.1'. Stop or remove it there first"):
        put(two, "web", ipv4_address="10.9.200.1")
    etcd._remove([publication])
    put(two, "web", ipv4_address="10.9.200.1")
    # The old host does not take it away when it removes what it has.
    one.sandbox("web", state="absent")
    assert json.loads(etcd.values("addresses/blue/10.9.200.0/")["10.9.200.1"])["host"] == "192.0.2.2"


def test_a_slice_that_has_run_out(hosts, etcd):
    one, two, three = hosts
    for each in (one, two):
        each.network(**SMALL)
    assert len(etcd.values("slices/blue/")) == 2
    for each, prefix in ((one, "a"), (two, "b")):
        with pytest.raises(InvalidInput, match=r"no address is free in 10.9.0.0/28"):
            for number in range(20):
                put(each, f"{prefix}{number}")
    held = [address(each, name) for each in (one, two) for name in each.listed("sandbox")]
    assert sorted(int(each.rpartition(".")[2]) for each in held) == list(range(2, 15))
    # No slice is left for this host, so it claims each address.
    three.network(**SMALL)
    with pytest.raises(InvalidInput, match=r"no address is free in 10.9.0.0/28"):
        put(three, "c")
    freed = next(name for name in one.listed("sandbox") if address(one, name) == "10.9.0.13")
    one.sandbox(freed, state="absent")
    put(three, "c")
    assert address(three, "c") == "10.9.0.13"


def test_many_at_once_are_few_transactions(hosts, etcd):
    one = hosts[0]
    one.network(**WIDE)
    etcd.asked = 0
    on = [{"name": "blue", "ipv4_address": f"10.9.200.{number}"} for number in range(1, 201)]
    one.ensure("sandbox", *({"name": f"s{number}", "networks": [each]} for number, each in enumerate(on)))
    assert len(etcd.values("addresses/blue/")) == 200
    assert etcd.asked <= 6


@pytest.mark.parametrize("check", [True, False])
def test_without_etcd_a_claim_is_refused_with_the_reason(hosts, etcd, check):
    one, two, _three = hosts
    one.network(**WIDE)
    etcd.is_down = True
    with pytest.raises(CnmError) as caught:
        put(one, "web", check=check, ipv4_address="10.9.200.1")
    assert str(caught.value) == (
        "Sandbox 'web' on network 'blue': address 10.9.200.1 has to be claimed in etcd. No member has answered."
    )
    with pytest.raises(CnmError, match=r"Network 'blue': it has to be looked up in etcd. No member has answered."):
        two.network(**WIDE, check=check)
    assert "web" not in one.listed("sandbox") and "blue" not in two.listed("network")
    put(one, "db")


def test_without_etcd_a_full_slice_is_the_reason(hosts, etcd):
    one = hosts[0]
    one.network(**SMALL)
    while not etcd.values("addresses/"):
        put(one, f"s{len(one.listed('sandbox'))}")
    etcd.is_down = True
    with pytest.raises(CnmError) as caught:
        put(one, "web")
    assert str(caught.value) == (
        "Network 'blue': this host's slice has no free address, so one has to be claimed in etcd. "
        "No member has answered."
    )


def test_without_settings_a_network_is_refused(host):
    with pytest.raises(CnmError, match=r"'/etc/cnm/etcd.json', which says how to reach it, does not exist"):
        host.network(**WIDE)


def test_what_is_given_up_without_etcd_stays_noted(hosts, etcd):
    one, two, _three = hosts
    for each in (one, two):
        each.network(**WIDE)
    put(one, "web", ipv4_address="10.9.200.1")
    put(one, "db", ipv4_address="10.9.200.2")
    etcd.is_down = True
    one.sandbox("web", state="absent")
    one.sandbox("db", state="absent")
    assert ["etcd does not answer" in each for each in one.warnings] == [True, True]
    etcd.is_down = False
    # What is wanted again is not given up.
    put(one, "db", ipv4_address="10.9.200.2")
    assert one.controller().give_up()
    assert set(etcd.values("addresses/blue/10.9.200.0/")) == {"10.9.200.2"}
    etcd.is_down = True
    one.network("blue", state="absent", force=True)
    etcd.is_down = False
    assert one.controller().give_up()
    assert {key for key in etcd.values() if "192.0.2.1" in etcd.values()[key] or key.endswith("192.0.2.1")} == set()


def test_a_claim_of_a_run_that_fails_is_given_up(hosts, etcd):
    one, two, _three = hosts
    one.network(**WIDE)
    before = etcd.values()
    one.kernel.refuse = lambda step: step.resource.key[0] == "namespace"
    with pytest.raises(KernelRefused):
        put(one, "web", ipv4_address="10.9.200.1")
    assert etcd.values() == before
    two.kernel.refuse = lambda step: step.resource.key[0] == "link"
    with pytest.raises(KernelRefused):
        two.network(**WIDE)
    assert etcd.values() == before


def test_a_run_that_is_killed_leaves_nothing_that_nobody_knows_of(hosts, etcd, monkeypatch):
    """Killed before the commit, after which nothing more is done, not even in an except clause."""
    one, two, _three = hosts
    one.network(**WIDE)
    before = etcd.values()

    def die(_step):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(sharing, "give_up", lambda *_arguments: True)
        for host, act in (
            (one, lambda: put(one, "web", ipv4_address="10.9.200.1")),
            (two, lambda: two.network(**WIDE)),
        ):
            host.kernel.before_step = die
            with pytest.raises(KeyboardInterrupt):
                act()
            host.kernel.before_step = lambda _step: None
    assert len(etcd.values()) == len(before) + 3
    with pytest.raises(InvalidInput, match="10.9.200.1 is taken: endpoint 'web' on host '192.0.2.1' has it"):
        hosts[2].network(**WIDE)
        put(hosts[2], "db", ipv4_address="10.9.200.1")
    hosts[2].network("blue", state="absent")
    for host in (one, two):
        assert host.controller().give_up()
    assert etcd.values() == before


def test_a_claim_whose_answer_is_lost_is_given_up(hosts, etcd):
    one = hosts[0]
    one.network(**WIDE)
    before = etcd.values()
    etcd.lose_answer = True
    with pytest.raises(CnmError, match="The answer was lost"):
        put(one, "web", ipv4_address="10.9.200.1")
    assert etcd.values() == before
    assert not os.path.exists(surplus.path(one.folder))


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"addresses/blue/x": "", "addresses/blue/10.9.0.0/ten": "5", "slices": "", "": ""}']
)
def test_notes_that_are_damaged_do_no_harm(hosts, etcd, content):
    one = hosts[0]
    one.network(**WIDE)
    before = etcd.values()
    with open(os.open(surplus.path(one.folder), os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
    if len(content) > 2:
        assert one.controller().give_up()
    else:
        with pytest.raises(CnmError, match=r"surplus.json', which has what is to be removed from etcd, is damaged"):
            one.controller().give_up()
    assert etcd.values() == before
