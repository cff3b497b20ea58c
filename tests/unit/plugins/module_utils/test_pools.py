# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which subnet a network gets if the user does not name one."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.subnets import (
    DEFAULT,
    default,
    unique_local,
    untaken,
)


def subnets(host, name):
    return [config["Subnet"] for config in host.one("network", name)["IPAM"]["Config"]]


def test_the_default_pools_in_docker_s_order():
    assert [str(pool) for pool in DEFAULT] == [f"172.{second}.0.0/16" for second in range(17, 32)] + [
        f"192.168.{third}.0/20" for third in range(0, 256, 16)
    ]


def test_networks_get_them_in_that_order_and_then_none_is_left(host):
    names = [f"net{number:02}" for number in range(len(DEFAULT) - 1)]
    host.ensure("network", *({"name": name} for name in names))
    assert [subnets(host, name) for name in names] == [[str(pool)] for pool in DEFAULT[1:]]
    text = host.refused("network", {"name": "more"})
    assert "no default address pool is free: 172.17.0.0/16 (network 'bridge'), 172.18.0.0/16 (network 'net00')" in text
    assert "192.168.240.0/20 (network 'net29')" in text
    assert "ipam_config" in text
    assert "default-address-pools" in text
    host.network("net03", state="absent")
    host.network("more")
    assert subnets(host, "more") == ["172.21.0.0/16"]


@pytest.mark.parametrize(
    ("fact", "value", "who"),
    [
        ("routes", [("172.18.4.0/24", "tun0")], "route 172.18.4.0/24 on 'tun0'"),
        ("routes", [("172.16.0.0/14", "tun0"), ("10.0.0.0/8", "eth0")], "route 172.16.0.0/14 on 'tun0'"),
        ("servers", ["172.18.0.2"], "name server 172.18.0.2"),
    ],
)
def test_a_pool_that_the_host_uses_is_skipped(host, fact, value, who):
    host.network("first", ipam_config=[{"subnet": "172.20.8.0/24"}])
    setattr(host.kernel.facts, fact, value)
    host.network("web")
    expected = "172.21.0.0/16" if "/14" in who else "172.19.0.0/16"
    assert subnets(host, "web") == [expected]
    host.kernel.facts.bases = [(DEFAULT[1], 16)]
    text = host.refused("network", {"name": "more"})
    assert f"172.18.0.0/16 ({who})" in text


def test_the_default_bridge_skips_as_well(host):
    host.kernel.facts.routes = [("172.17.0.0/16", "docker0")]
    host.network("web")
    assert (subnets(host, "bridge"), subnets(host, "web")) == (["172.18.0.0/16"], ["172.19.0.0/16"])


def test_the_user_s_own_pools(host):
    host.kernel.facts.bases = [(ipaddress.ip_network("10.0.0.0/23"), 24), (ipaddress.ip_network("10.9.0.0/16"), 16)]
    host.ensure("network", {"name": "one"}, {"name": "two"})
    assert [subnets(host, name) for name in ("bridge", "one", "two")] == [
        ["10.0.0.0/24"],
        ["10.0.1.0/24"],
        ["10.9.0.0/16"],
    ]


def test_unique_local_subnets_are_stable_and_of_one_site(host):
    host.network("web", enable_ipv6=True)
    host.network("app", enable_ipv6=True)
    web, app = subnets(host, "web")[1], subnets(host, "app")[1]
    assert ipaddress.ip_network(web).prefixlen == 64
    assert ipaddress.ip_network(web).subnet_of(ipaddress.ip_network("fd00::/8"))
    assert (web != app, web[:14] == app[:14]) == (True, True)
    for name in ("web", "app"):
        host.network(name, state="absent")
    for name in ("app", "web"):
        host.network(name, enable_ipv6=True)
    assert (subnets(host, "web")[1], subnets(host, "app")[1]) == (web, app)


def test_a_unique_local_subnet_that_is_taken_is_skipped():
    tries = unique_local("seed", "ffff" + "0" * 60)
    assert [str(next(tries)).split(":")[3] for _try in range(2)] == ["ffff", ""]


BASES = st.lists(
    st.sampled_from([("10.0.0.0/24", 28), ("10.0.0.0/26", 32), ("10.0.1.0/24", 24), ("10.0.0.128/25", 26)]), max_size=3
)


@given(BASES, st.lists(st.tuples(st.integers(0, 600), st.integers(0, 40)), max_size=6))
def test_what_is_taken_is_passed_over_and_nothing_else(bases, taken):
    parted = [(ipaddress.ip_network(base), size) for base, size in bases]
    ranges = sorted((int(ipaddress.ip_address("10.0.0.0")) - 10 + start,) * 2 for start, _length in taken)
    ranges = [(first, first + length) for (first, _end), (_start, length) in zip(ranges, sorted(taken))]
    free = [
        pool
        for pool in default(parted)
        if not any(first <= int(pool.broadcast_address) and int(pool.network_address) <= last for first, last in ranges)
    ]
    assert list(untaken(parted, ranges)) == free
