# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks in etcd whose hosts have no slices: each address is claimed by itself, the lowest first."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL, SLICES
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, InvalidInput

BLUE = {"name": "blue", "driver": "overlay", "driver_options": {CONTROL: "etcd", SLICES: "false"}}
WIDE = {**BLUE, "ipam_config": [{"subnet": "10.9.0.0/16"}, {"subnet": "fd00:9::/64"}]}
SMALL = {**BLUE, "ipam_config": [{"subnet": "10.9.0.0/28"}]}
SLICED = {**SMALL, "driver_options": {CONTROL: "etcd", SLICES: "true"}}


def put(host, name, check=False, **attachment):
    return host.sandbox(name, check=check, networks=[{"name": "blue", **attachment}])


def address(host, name):
    return host.one("sandbox", name)["Networks"]["blue"]["IPAddress"]


def claimed(etcd):
    return {key.rpartition("/")[2] for key in etcd.values("addresses/blue/")}


def test_all_hosts_choose_the_lowest_address_of_the_whole_subnet(hosts, etcd):
    one, two, three = hosts
    one.network(**WIDE)
    # The others join by its name.
    for each in (two, three):
        each.network(name="blue", driver="overlay", driver_options={CONTROL: "etcd"})
    for number, each in enumerate((two, one, three, one)):
        put(each, f"web{number}")
    attached = [
        each.one("sandbox", f"web{number}")["Networks"]["blue"] for number, each in enumerate((two, one, three, one))
    ]
    assert [each["IPAddress"] for each in attached] == ["10.9.0.2", "10.9.0.3", "10.9.0.4", "10.9.0.5"]
    assert [each["GlobalIPv6Address"] for each in attached] == [f"fd00:9::{number}" for number in (2, 3, 4, 5)]
    assert etcd.values("slices/") == {}
    two.sandbox("web0", state="absent")
    put(three, "next")
    assert address(three, "next") == "10.9.0.2"


def test_a_small_subnet_is_used_to_its_last_address(hosts, etcd):
    for each in hosts:
        each.network(**SMALL)
    hosts[2].sandbox("fixed", networks=[{"name": "blue", "ipv4_address": "10.9.0.4"}])
    for number in range(12):
        put(hosts[number % 3], f"web{number}")
    assert claimed(etcd) == {f"10.9.0.{number}" for number in range(2, 15)}
    with pytest.raises(InvalidInput, match=r"no address is free in 10.9.0.0/28\.$"):
        put(hosts[0], "one-too-many")


def test_an_address_that_another_host_takes_meanwhile_is_not_taken(hosts, etcd):
    one, two, _three = hosts
    one.network(**SMALL)
    two.network(**SMALL)

    def meanwhile():
        etcd.before_write = lambda: None
        put(two, "faster")

    etcd.before_write = meanwhile
    put(one, "web")
    assert (address(two, "faster"), address(one, "web")) == ("10.9.0.2", "10.9.0.3")


def test_a_host_that_others_overtake_again_and_again_chooses_apart_from_them(hosts, etcd):
    one, two, _three = hosts
    for each in (one, two):
        each.network(**WIDE)
    overtaken = []

    def meanwhile():
        before_write, etcd.before_write = etcd.before_write, lambda: None
        put(two, f"faster{len(overtaken)}")
        overtaken.append(1)
        etcd.before_write = before_write

    etcd.before_write = meanwhile
    put(one, "web")
    assert address(two, "faster0") == "10.9.0.2" and len(overtaken) == 11
    assert not address(one, "web").startswith("10.9.0.")


def test_a_range_only_says_where_this_host_chooses(hosts, etcd):
    one, two, _three = hosts
    for each in (one, two):
        each.network(**{**SMALL, "ipam_config": [{"subnet": "10.9.0.0/28", "iprange": "10.9.0.8/30"}]})
        put(each, "web")
    assert (address(one, "web"), address(two, "web")) == ("10.9.0.8", "10.9.0.9")
    put(one, "fixed", ipv4_address="10.9.0.2")
    for name in ("a", "b"):
        put(two, name)
    with pytest.raises(InvalidInput, match=r"no address is free in 10.9.0.8/30\.$"):
        put(one, "db")


def test_without_etcd_whatever_has_an_address_starts_again(hosts, etcd):
    one = hosts[0]
    one.network(**SMALL)
    put(one, "web")
    etcd.is_down = True
    for state in ("stopped", "present"):
        one.sandbox("web", state=state)
    assert address(one, "web") == "10.9.0.2"
    for check in (True, False):
        with pytest.raises(CnmError) as caught:
            put(one, "db", check=check)
        assert str(caught.value) == ("Network 'blue': an address has to be claimed in etcd. No member has answered.")


def test_the_option_can_change_while_one_host_has_the_network(hosts, etcd):
    one, two, _three = hosts
    one.network(**SLICED)
    put(one, "web")
    assert address(one, "web") == "10.9.0.2"
    assert claimed(etcd) == set() and len(etcd.values("slices/")) == 1
    for check in (True, False):
        assert one.network(**SMALL, check=check).changed
    assert not one.network(**SMALL).changed
    # The endpoint has kept its address, which is now claimed by itself.
    assert address(one, "web") == "10.9.0.2" and claimed(etcd) == {"10.9.0.2"} and etcd.values("slices/") == {}
    assert "IPRange" not in one.one("network", "blue")["IPAM"]["Config"][0]
    put(one, "db")
    assert address(one, "db") == "10.9.0.3"
    one.network(**SLICED)
    assert claimed(etcd) == {"10.9.0.2", "10.9.0.3"} and len(etcd.values("slices/")) == 1
    one.network(**SMALL)
    two.network(**SMALL)
    with pytest.raises(InvalidInput, match=r"declared differently on host '192.0.2.2': driver option '.*slices'"):
        one.network(**SLICED)


def test_hosts_without_etcd_need_slices(host):
    options = {SLICES: "false"}
    with pytest.raises(
        InvalidInput,
        match=r"option 'cnm.overlay.slices': without 'cnm.overlay.control: etcd', each host needs a slice to choose",
    ):
        host.network(**{**WIDE, "driver_options": options})
    host.network(**{**WIDE, "driver_options": {SLICES: "true"}})
