# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which address an endpoint gets."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.allocation import check_address, lowest_free, span
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.network import Pool

from .conftest import pretended


def ip(text):
    return ipaddress.ip_address(text)


def pool(subnet, gateway=None, iprange=None, auxiliary=()):
    return Pool(
        ipaddress.ip_network(subnet),
        ip(gateway) if gateway else None,
        ipaddress.ip_network(iprange) if iprange else None,
        {f"aux{number}": ip(text) for number, text in enumerate(auxiliary)},
    )


@pytest.mark.parametrize(
    ("of", "taken", "expected"),
    [
        (pool("10.0.0.0/24", "10.0.0.1"), [], "10.0.0.2"),
        (pool("10.0.0.0/24"), [], "10.0.0.1"),
        (pool("10.0.0.0/24", "10.0.0.1"), ["10.0.0.2", "10.0.0.4"], "10.0.0.3"),
        (pool("10.0.0.0/24", "10.0.0.1", auxiliary=["10.0.0.2", "10.0.0.4"]), ["10.0.0.3"], "10.0.0.5"),
        (pool("10.0.0.0/24", "10.0.0.1", "10.0.0.128/25"), [], "10.0.0.128"),
        (pool("10.0.0.0/24", "10.0.0.128", "10.0.0.128/25"), ["10.0.0.5"], "10.0.0.129"),
        (pool("10.0.0.0/24", "10.0.0.254", "10.0.0.0/30"), [], "10.0.0.1"),
        (pool("10.0.0.0/31"), [], "10.0.0.0"),
        (pool("fd00::/64", "fd00::1"), [], "fd00::2"),
        (pool("::/96", "::1"), [], "::2"),
        (pool("fd00::/64"), ["fd00::1"], "fd00::2"),
    ],
)
def test_the_lowest_that_is_free(of, taken, expected):
    assert lowest_free(of, [int(ip(text)) for text in taken]) == ip(expected)


@pytest.mark.parametrize(
    ("of", "taken"),
    [
        (pool("10.0.0.0/30", "10.0.0.1"), ["10.0.0.2"]),
        (pool("10.0.0.0/24", "10.0.0.1", "10.0.0.4/31"), ["10.0.0.4", "10.0.0.5"]),
        (pool("10.0.0.0/30", "10.0.0.1", auxiliary=["10.0.0.2"]), []),
    ],
)
def test_none_is_left(of, taken):
    with pytest.raises(ValueError, match="no address is free in"):
        lowest_free(of, [int(ip(text)) for text in taken])


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 63)), st.sets(st.integers(1, 62), max_size=5), st.sampled_from([None, 26, 27, 28]))
def test_it_is_what_a_search_finds(taken, auxiliary, length):
    first = int(ip("10.0.0.0"))
    of = pool(
        "10.0.0.0/26", "10.0.0.1", length and f"10.0.0.0/{length}", [str(ip(first + number)) for number in auxiliary]
    )
    low, high = span(of)
    free = [n for n in range(low, high + 1) if n - first not in taken and ip(n) not in of.reserved]
    held = sorted(first + number for number in taken)
    if free:
        lowest = lowest_free(of, held)
        assert int(lowest) == free[0]
        check_address(of, lowest)
    else:
        with pytest.raises(ValueError, match="no address is free"):
            lowest_free(of, held)


def test_an_address_outside_the_range_can_be_asked_for(host):
    host.network("lan", ipam_config=[{"subnet": "10.1.0.0/24", "iprange": "10.1.0.128/25"}])
    host.endpoint("chosen", network="lan")
    host.endpoint("static", network="lan", ipv4_address="10.1.0.9")
    endpoints = host.listed("endpoint")
    assert (endpoints["chosen"]["IPv4Address"], endpoints["static"]["IPv4Address"]) == ("10.1.0.128/24", "10.1.0.9/24")


def test_what_is_released_is_given_again(host):
    host.network("lan", enable_ipv6=True, ipam_config=[{"subnet": "10.1.0.0/24"}, {"subnet": "fd01::/64"}])
    host.ensure("endpoint", *({"name": name, "network": "lan"} for name in "abc"))
    host.ensure(
        "endpoint",
        {"name": "b", "state": "absent"},
        {"name": "d", "network": "lan"},
        {"name": "e", "network": "lan"},
    )
    assert {name: (one["IPv4Address"], one["IPv6Address"]) for name, one in host.listed("endpoint").items()} == {
        "a": ("10.1.0.2/24", "fd01::2/64"),
        "c": ("10.1.0.4/24", "fd01::4/64"),
        "d": ("10.1.0.3/24", "fd01::3/64"),
        "e": ("10.1.0.5/24", "fd01::5/64"),
    }


NAMES = st.sampled_from("abcdefgh")
ADDRESSES = st.one_of(st.none(), st.integers(2, 7).map(lambda last: f"10.1.0.{last}"))
ACTIONS = st.lists(
    st.fixed_dictionaries({"name": NAMES, "ipv4_address": ADDRESSES, "state": st.sampled_from(["present", "absent"])}),
    min_size=1,
    max_size=6,
    unique_by=lambda action: action["name"],
)


@settings(max_examples=10, deadline=None)
@given(st.lists(ACTIONS, min_size=1, max_size=4))
def test_no_two_endpoints_ever_have_one_address(calls):
    with pretended() as host:
        host.network("lan", ipam_config=[{"subnet": "10.1.0.0/28"}])
        for actions in calls:
            before = host.remembered()
            try:
                host.ensure("endpoint", *({"network": "lan", **action} for action in actions))
            except ValueError:
                raise
            except Exception as error:
                assert "taken" in str(error)
                assert host.remembered() == before
            held = [one["IPv4Address"] for one in host.listed("endpoint").values()]
            assert len(held) == len(set(held))
            macs = [one["MacAddress"] for one in host.listed("endpoint").values()]
            assert len(macs) == len(set(macs))
            assert not {"10.1.0.0/28", "10.1.0.1/28", "10.1.0.15/28"} & set(held)
