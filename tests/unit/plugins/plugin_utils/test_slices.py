# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slices: no two hosts have the same one, and none changes when hosts are added or removed."""

from __future__ import annotations

import ipaddress
import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.allocation import lowest_free, span
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.network import Pool
from ansible_collections.cnm.linux.plugins.plugin_utils._topology import slices


def subnets(of_ipv4, of_ipv6):
    """Return subnets, with prefix lengths from one strategy for each IP version."""
    return st.one_of(
        st.builds(
            lambda number, length: ipaddress.ip_network((number, length), strict=False),
            st.integers(10 << 24, 11 << 24),
            of_ipv4,
        ),
        st.builds(
            lambda number, length: ipaddress.IPv6Network((0xFD << 120 | number, length), strict=False),
            st.integers(0, 1 << 100),
            of_ipv6,
        ),
    )


SUBNETS = subnets(st.integers(8, 28), st.integers(48, 112))
SMALL_SUBNETS = subnets(st.integers(22, 28), st.integers(118, 124))
NUMBERS = st.dictionaries(st.text("abcdef0123456789.-", min_size=1, max_size=12), st.none() | st.integers(0, 300))


def hosts_of(subnet, numbers):
    """Return each host's slice, or nothing if this is refused."""
    problems = []
    indices = slices.chosen(subnet, numbers, problems)
    return {} if problems else {host: slices.part(subnet, index) for host, index in indices.items()}


@given(SUBNETS, NUMBERS)
def test_no_two_hosts_choose_from_the_same_addresses(subnet, numbers):
    chosen = hosts_of(subnet, numbers)
    for one, other in itertools.combinations(chosen.values(), 2):
        assert not one.overlaps(other)
    assert all(part.subnet_of(subnet) for part in chosen.values())


@given(SUBNETS, NUMBERS, st.data())
def test_a_host_that_comes_or_goes_moves_nobody(subnet, numbers, data):
    everybody = hosts_of(subnet, numbers)
    assume(everybody)
    some = data.draw(st.sets(st.sampled_from(sorted(numbers))))
    fewer = hosts_of(subnet, {host: numbers[host] for host in some})
    assert fewer == {host: everybody[host] for host in some}


@given(SUBNETS)
def test_the_slices_are_the_subnet(subnet):
    last = slices.count(subnet) - 1
    assert slices.part(subnet, 0).network_address == subnet.network_address
    assert slices.part(subnet, last).broadcast_address == subnet.broadcast_address
    assert slices.count(subnet) * slices.part(subnet, 0).num_addresses == subnet.num_addresses


@given(SMALL_SUBNETS)
def test_the_room_in_a_slice_is_what_a_host_can_choose(subnet):
    gateway = subnet.network_address + 1
    for index in range(slices.count(subnet)):
        pool = Pool(subnet, gateway, slices.part(subnet, index))
        taken = []
        while True:
            try:
                taken.append(int(lowest_free(pool, taken, span(pool)[0])))
            except ValueError:
                break
        assert len(taken) == max(slices.usable(subnet, index), 0)


@pytest.mark.parametrize(
    ("text", "count", "first"),
    [
        ("10.9.0.0/16", 256, "10.9.0.0/24"),
        ("10.9.1.0/24", 16, "10.9.1.0/28"),
        ("10.9.0.0/20", 64, "10.9.0.0/26"),
        ("10.9.1.0/25", 8, "10.9.1.0/28"),
        ("fd00:9::/64", 1 << 32, "fd00:9::/96"),
    ],
)
def test_the_rule(text, count, first):
    subnet = ipaddress.ip_network(text)
    assert (slices.count(subnet), str(slices.part(subnet, 0))) == (count, first)


def test_the_slice_of_a_name_is_the_same_in_all_versions():
    subnet = ipaddress.ip_network("10.9.0.0/16")
    assert {name: slices.number(name, None, subnet) for name in ("a", "b", "web1")} == {"a": 202, "b": 74, "web1": 174}


def test_one_slice_for_two_is_refused_and_the_way_out_is_named():
    problems = []
    slices.chosen(ipaddress.ip_network("10.9.1.0/24"), {"a": 3, "b": 3, "c": 4}, problems)
    assert problems == [
        "hosts 'a' and 'b' get the same slice of 10.9.1.0/24, 10.9.1.48/28. Give the newer of the two a "
        "cnm_host_number of its own, such as 0; the other one keeps its slice."
    ]


def test_too_many_hosts_and_too_high_a_number():
    problems = []
    assert slices.chosen(ipaddress.ip_network("10.9.1.0/29"), dict.fromkeys("abc"), problems) == {}
    assert problems == ["subnet 10.9.1.0/29 is divided into 2 slices, too few for its 3 hosts."]
    problems = []
    slices.chosen(ipaddress.ip_network("10.9.1.0/24"), {"a": 16}, problems)
    assert problems == ["host 'a': cnm_host_number 16 is not within 0 to 15, the slices of 10.9.1.0/24."]
    problems = []
    slices.chosen(ipaddress.ip_network("10.9.1.0/30"), {"a": 0}, problems)
    assert problems == ["subnet 10.9.1.0/30 leaves host 'a' no address: its slice is 10.9.1.0/31."]
