# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes declared by networks and sandboxes."""

from __future__ import annotations

from typing import Any

import pytest
from lab import at, command, sysctl
from tasks import Tasks, default_route, eventually, listed, reaches

SUBNETS = {4: ("10.1.0.0/24", "10.9.0.0/24"), 6: ("fd00:1::/64", "fd00:9::/64")}
NEAR, FAR = (",".join(SUBNETS[version][number] for version in (4, 6)) for number in (0, 1))
GATEWAYS, HIDDEN = {4: "10.1.0.9", 6: "fd00:1::9"}, {4: "10.9.0.7", 6: "fd00:9::7"}
ELSEWHERE = {4: "10.8.0.0/24", 6: "fd00:8::/64"}


def routes(tasks: Tasks, version: int, place: str = "a") -> list[tuple[str, ...]]:
    """Return the routes of PLACE that the kernel did not add: destination, gateway, metric and type."""
    listing = listed(tasks.host, "ip", "-details", f"-{version}", "route", place=place)
    return sorted(
        (each["dst"], each.get("gateway", ""), str(each.get("metric", 0)), each["type"])
        for each in listing
        if each["protocol"] != "kernel"
    )


@pytest.fixture()
def routed(tasks: Tasks) -> Tasks:
    """Sandbox ``a`` on a network with its own router, which leads to sandbox ``far``."""
    tasks.network("hidden", FAR, internal=True)
    tasks.network("n", NEAR, routes=[{"destination": SUBNETS[v][1], "gateway": GATEWAYS[v]} for v in (4, 6)])
    here = {"name": "n", "ipv4_address": GATEWAYS[4], "ipv6_address": GATEWAYS[6]}
    tasks.sandbox("router", here, "hidden", sysctls={"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1})
    tasks.sandbox("far", {"name": "hidden", "ipv4_address": HIDDEN[4], "ipv6_address": HIDDEN[6]})
    back = [
        {"destination": SUBNETS[v][0], "gateway": tasks.address("router", "hidden", v), "metric": 5} for v in (4, 6)
    ]
    tasks.sandbox("far", routes=back)
    tasks.sandbox("a", "n")
    return tasks


def reached(places: int) -> list[bool]:
    return [reaches("a", "far", HIDDEN[version]) for version in (4, 6)[:places]]


def test_a_route_leads_by_way_of_a_sandbox(routed: Tasks) -> None:
    assert eventually(lambda: reached(2) == [True, True])
    assert not routed.network("n").changed and not routed.restore().changed
    for broken in ("del {}", "replace {} via {}"):
        for version in (4, 6):
            way = broken.format(SUBNETS[version][1], routed.gateway("n", version))
            command(f"ip -n a -{version} route {way}")
        assert reached(1) == [False]
        assert routed.sandbox("a").changed and not routed.sandbox("a").changed
        assert reached(2) == [True, True]
    routed.network("n", routes=[])
    assert [each[0] for version in (4, 6) for each in routes(routed, version)] == ["default"] * 2


TYPES = ("blackhole", "unreachable", "prohibit")
USUAL = {4: "0", 6: "1024"}
DEFAULTS = {4: "0.0.0.0/0", 6: "::/0"}


def test_types_and_metrics(tasks: Tasks) -> None:
    """Routes of each type are created, repaired, changed and removed, for both IP versions at once."""
    tasks.network("n", NEAR)
    way = {version: tasks.gateway("n", version) for version in (4, 6)}

    def expected(*static: tuple[str, str, str, str], metric: str = "") -> dict[int, object]:
        """Return the routes STATIC, with the destinations and gateways of each IP version, and the default routes."""
        by_version: dict[int, object] = {}
        for version in (4, 6):
            places = {"": "", "one": ELSEWHERE[version], "two": SUBNETS[version][1], "way": way[version]}
            rows = [(places[where], places[via], rank or USUAL[version], kind) for where, via, rank, kind in static]
            default = [("default", way[version], metric or USUAL[version], "unicast")] if metric != "none" else []
            by_version[version] = sorted(rows + default)
        return by_version

    def present() -> dict[int, object]:
        return {version: routes(tasks, version) for version in (4, 6)}

    def repaired() -> bool:
        return tasks.sandbox("a").changed and not tasks.sandbox("a").changed

    declared: list[dict[str, Any]] = []
    for version in (4, 6):
        declared += [
            {"destination": ELSEWHERE[version], "type": kind, "metric": 10 + number}
            for number, kind in enumerate(TYPES)
        ]
        declared.append({"destination": SUBNETS[version][1], "gateway": way[version]})
    tasks.sandbox("a", "n", routes=declared)
    kinds = [("one", "", str(10 + number), kind) for number, kind in enumerate(TYPES)]
    made = expected(*kinds, ("two", "way", "", "unicast"))
    assert present() == made and not tasks.sandbox("a").changed
    for version in (4, 6):
        command(f"ip -n a -{version} route del blackhole {ELSEWHERE[version]} metric 10")
        command(f"ip -n a -{version} route replace unreachable {ELSEWHERE[version]} metric 12")
    assert repaired() and present() == made
    command("ip -n a link set eth0 down")
    assert repaired() and present() == made
    tasks.sandbox("a", routes=[declared[0], declared[4]])
    assert present() == expected(kinds[0])
    tasks.network("n", metric=300)
    assert present() == expected(kinds[0], metric="300") and not tasks.sandbox("a").changed
    tasks.network("n", metric=0)
    assert present() == expected(kinds[0])
    tasks.network("n", no_default_route=True)
    assert present() == expected(kinds[0], metric="none") and not tasks.restore().changed
    tasks.sandbox("a", routes=[{"destination": DEFAULTS[version], "gateway": GATEWAYS[version]} for version in (4, 6)])
    assert [default_route(tasks.host, "a", version) for version in (4, 6)] == [GATEWAYS[4], GATEWAYS[6]]
    assert not tasks.sandbox("a").changed


def test_an_adopted_namespace_keeps_its_own_routes(tasks: Tasks) -> None:
    tasks.network("n", NEAR)
    command("ip netns add box")
    with at("box"):
        sysctl("net/ipv6/conf/all/disable_ipv6", 0)
        command("ip link set lo up")
        for version in (4, 6):
            command(f"ip -{version} route add blackhole {ELSEWHERE[version]} metric 7")
    before = [routes(tasks, version, "box") for version in (4, 6)]
    static: list[dict[str, Any]] = []
    for version in (4, 6):
        static.append({"destination": ELSEWHERE[version], "type": "blackhole", "metric": 8})
        static.append({"destination": SUBNETS[version][1], "gateway": GATEWAYS[version]})
    tasks.sandbox("a", "n", netns="/run/netns/box", routes=static)
    assert not tasks.sandbox("a").changed
    assert [len(routes(tasks, version, "box")) for version in (4, 6)] == [4, 4]
    tasks.ensure("sandbox", {"name": "a", "state": "absent"})
    assert [routes(tasks, version, "box") for version in (4, 6)] == before
