# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options about who reaches whom: talk among sandboxes, the way out, the address that is seen there."""

from __future__ import annotations

import pytest
from lab import HOST, OUTSIDE4, OUTSIDE6, UPLINK4, UPLINK6, command, pinged
from stand_in import OUTSIDE
from tasks import BRIDGE, DRIVER, Tasks, default_route, reaches, source_outside

BOTH = "10.1.0.0/24,fd00:1::/64"
OUTSIDES, UPLINKS = {4: OUTSIDE4, 6: OUTSIDE6}, {4: UPLINK4, 6: UPLINK6}
both_families = pytest.mark.parametrize("version", (4, 6))


@both_families
def test_no_talk_among_sandboxes_and_again(tasks: Tasks, version: int) -> None:
    tasks.network("n", BOTH)
    tasks.sandbox("a", "n")
    tasks.sandbox("b", "n")
    b = tasks.address("b", "n", version)
    assert pinged("a", b) and reaches("a", "b", b)
    for talk in (False, True):
        assert tasks.network("n", options={f"{BRIDGE}.enable_icc": talk}).changed
        assert not tasks.network("n").changed
        assert (pinged("a", b), reaches("a", "b", b)) == (talk, talk)
        assert pinged("a", tasks.gateway("n", version))
        assert source_outside("a", OUTSIDES[version]) == UPLINKS[version]


@both_families
def test_without_masquerade_and_again(tasks: Tasks, version: int) -> None:
    tasks.network("n", BOTH, {f"{BRIDGE}.enable_ip_masquerade": False})
    tasks.sandbox("a", "n")
    assert source_outside("a", OUTSIDES[version]) is None
    for subnet, via in (("10.1.0.0/24", UPLINK4), ("fd00:1::/64", UPLINK6)):
        tasks.host.ip(f"route add {subnet} via {via}\n", OUTSIDE)
    assert source_outside("a", OUTSIDES[version]) == tasks.address("a", "n", version)
    assert tasks.network("n", options={}).changed
    assert source_outside("a", OUTSIDES[version]) == UPLINKS[version]


@pytest.mark.parametrize(("version", "source"), ((4, "198.51.100.9"), (6, "2001:db8::9")))
def test_source_address_of_what_leaves(tasks: Tasks, version: int, source: str) -> None:
    command(f"ip address add {source}/{24 if version == 4 else 64} dev uplink{' nodad' if version == 6 else ''}")
    tasks.network("n", BOTH, {f"{DRIVER}.host_ipv{version}": source})
    tasks.network("other", "10.2.0.0/24,fd00:2::/64")
    tasks.sandbox("a", "n")
    tasks.sandbox("o", "other")
    assert source_outside("a", OUTSIDES[version]) == source
    other = 10 - version
    assert source_outside("a", OUTSIDES[other]) == UPLINKS[other]
    # The kernel itself prefers the IPv6 address that was added last.
    assert tasks.network("n", options={}).changed
    assert source_outside("a", OUTSIDES[version]) == source_outside("o", OUTSIDES[version])


@both_families
def test_routed(tasks: Tasks, version: int) -> None:
    modes = {f"{BRIDGE}.gateway_mode_ipv{each}": "routed" for each in (4, 6)}
    tasks.network("n", BOTH, modes)
    tasks.sandbox("a", "n", published_ports=["8080:80"])
    tasks.sandbox("b", "n")
    for subnet, via in (("10.1.0.0/24", UPLINK4), ("fd00:1::/64", UPLINK6)):
        tasks.host.ip(f"route add {subnet} via {via}\n", OUTSIDE)
    a, b = (tasks.address(name, "n", version) for name in "ab")
    assert reaches(OUTSIDE, "a", a)
    assert not reaches(OUTSIDE, "a", a, 81)
    assert not reaches(OUTSIDE, "a", UPLINKS[version], 8080)
    assert not reaches(OUTSIDE, "b", b)
    assert pinged(OUTSIDE, a)
    assert source_outside("a", OUTSIDES[version]) == a
    assert tasks.sandbox("a", "n", published_ports=[]).changed
    assert not reaches(OUTSIDE, "a", a)


@both_families
def test_internal_and_open_again(tasks: Tasks, version: int) -> None:
    tasks.network("n", BOTH, internal=True)
    tasks.network("other", "10.2.0.0/24,fd00:2::/64")
    tasks.sandbox("a", "n")
    tasks.sandbox("b", "n")
    tasks.sandbox("o", "other")
    tasks.host.ip(f"route add 10.1.0.0/24 via {UPLINK4}\nroute add fd00:1::/64 via {UPLINK6}\n", OUTSIDE)
    a, b, gateway = tasks.address("a", "n", version), tasks.address("b", "n", version), tasks.gateway("n", version)
    assert default_route(tasks.host, "a", version) == ""
    assert pinged("a", b) and reaches("a", "b", b)
    assert pinged("a", gateway)
    # A way by hand is no way out either.
    tasks.host.ip(f"route add default via {gateway}\n", "/run/netns/a")
    assert source_outside("a", OUTSIDES[version]) is None
    assert not reaches("a", HOST, UPLINKS[version])
    assert not pinged(OUTSIDE, a)
    assert not pinged("o", a)
    assert tasks.network("n", internal=False).changed
    assert not tasks.network("n").changed
    assert default_route(tasks.host, "b", version) == gateway
    assert source_outside("b", OUTSIDES[version]) == UPLINKS[version]
    assert tasks.network("n", internal=True).changed
    assert default_route(tasks.host, "b", version) == ""


@both_families
def test_networks_are_strangers_to_each_other(tasks: Tasks, version: int) -> None:
    tasks.network("n", BOTH)
    tasks.network("other", "10.2.0.0/24,fd00:2::/64")
    tasks.sandbox("a", "n")
    tasks.sandbox("o", "other")
    assert not reaches("a", "o", tasks.address("o", "other", version))
    assert not pinged("a", tasks.gateway("other", version))
    assert not pinged("o", tasks.address("a", "n", version))


def test_two_sandboxes_on_a_net_of_two_addresses(tasks: Tasks) -> None:
    tasks.network("pair", "10.9.0.0/31", {f"{BRIDGE}.inhibit_ipv4": True}, internal=True)
    tasks.sandbox("a", "pair")
    tasks.sandbox("b", "pair")
    assert {tasks.address("a", "pair"), tasks.address("b", "pair")} == {"10.9.0.0", "10.9.0.1"}
    assert pinged("a", "10.9.0.1") and pinged("b", "10.9.0.0")
    assert "inet " not in command(f"ip address show dev {tasks.device('pair')}")
    assert not tasks.network("pair").changed


def test_ipv6_given_and_taken(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    tasks.sandbox("b", "n")
    assert default_route(tasks.host, "a", 6) == ""
    assert tasks.network("n", BOTH, enable_ipv6=True).changed
    assert pinged("a", tasks.address("b", "n", 6))
    assert source_outside("a", OUTSIDE6) == UPLINK6
    assert tasks.network("n", enable_ipv6=False, force=True).changed
    assert tasks.address("b", "n", 6) == "" and default_route(tasks.host, "a", 6) == ""
    assert source_outside("a") == UPLINK4
