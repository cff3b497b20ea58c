# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options about who reaches whom: traffic between sandboxes, the way out, and the address seen outside."""

from __future__ import annotations

from typing import Any

import pytest
from lab import HOST, OUTSIDE4, OUTSIDE6, UPLINK4, UPLINK6, command, pinged
from stand_in import OUTSIDE
from tasks import BRIDGE, DRIVER, Tasks, default_route, listed, reaches, source_outside

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import KernelRefused

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
    tasks.host.ip(f"address add {source}/{24 if version == 4 else 64} dev uplink{' nodad' if version == 6 else ''}\n")
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
    # A default route that somebody adds by hand does not lead out either.
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


WORDS = {
    4: {"all": "0.0.0.0/0", "theirs": "10.9.0.1", "second": "10.9.0.9", "nobody": "10.1.0.77", "form": "scope site"},
    6: {"all": "::/0", "theirs": "fd00:9::1", "second": "fd00:9::9", "nobody": "fd00:1::77", "form": "metric 1"},
}
"""The values of the placeholders for each IP version. 'form' is in our routes and not in others."""
THEIRS = {version: words["theirs"] for version, words in WORDS.items()}
OWN_ROUTES = {
    "as ip makes it": (4, 6, "route add default via {theirs}"),
    "with the lowest metric but one": (4, 6, "route add default via {theirs} metric 2"),
    "as network managers make it": (4, 6, "route add default via {theirs} proto dhcp metric 100"),
    "two": (4, 6, "route add default via {theirs}\nroute append default via {second}"),
    "by two gateways": (4, 6, "route add default nexthop via {theirs} nexthop via {second}"),
    "another for a type of service": (4, "route add default via {theirs}\nroute add default via {second} tos 0x10"),
    "another for a source": (6, "route add default via {theirs}\nroute add default via {second} from fd00:9::/64"),
    "advertised": (6, "route add default via {theirs} proto ra metric 1024 pref high"),
}
EACH_OWN = [(version, texts[-1]) for texts in OWN_ROUTES.values() for version in (4, 6) if version in texts]


class Box:
    """Somebody else's namespace, with default routes through its own interface."""

    def __init__(self, tasks: Tasks, version: int, routes: str = "route add default via {theirs}") -> None:
        self.tasks, self.version = tasks, version
        command("ip netns add box")
        tasks.host.ip("link add v0 type veth peer name eth0 netns box\nlink set v0 up\n")
        self.ip("link set eth0 up\naddress add 10.9.0.2/24 dev eth0\naddress add fd00:9::2/64 dev eth0 nodad")
        self.ip(routes)
        self.routes = self.own_routes()

    def ip(self, lines: str) -> None:
        lines = lines.format_map(WORDS[self.version])
        self.tasks.host.ip(f"{lines}\n", "/run/netns/box")

    def own_routes(self) -> list[dict[str, Any]]:
        """Return the routes that do not use our interfaces."""
        listing = [each for n in (4, 6) for each in listed(self.tasks.host, "ip", f"-{n}", "route", place="box")]
        return [each for each in listing if each.get("dev") not in ("eth1", "eth2")]

    def way(self) -> str:
        """Return the gateway that packets to the outside take."""
        (route,) = listed(self.tasks.host, "ip", "route", "get", OUTSIDES[self.version], place="box")
        return str(route["gateway"])

    def adopt(self, *networks: Any) -> None:
        assert self.tasks.sandbox("web", *networks, netns="/run/netns/box").changed
        self.assert_nothing_to_do()

    def assert_nothing_to_do(self) -> None:
        assert not self.tasks.sandbox("web").changed and not self.tasks.restore().changed


@pytest.mark.parametrize(("version", "routes"), EACH_OWN)
def test_an_adopted_namespace_has_its_own_way_out_when_it_leaves(tasks: Tasks, version: int, routes: str) -> None:
    tasks.network("n", BOTH)
    box = Box(tasks, version, routes)
    for last in ({"state": "stopped"}, {"networks": []}, {"state": "absent"}):
        box.adopt("n")
        assert (box.way(), box.own_routes()) == (tasks.gateway("n", version), box.routes)
        assert source_outside("box", OUTSIDES[version]) == UPLINKS[version]
        assert tasks.ensure("sandbox", {"name": "web", **last}).changed
        assert (box.way() in (THEIRS[version], WORDS[version]["second"]), box.own_routes()) == (True, box.routes)
        assert not tasks.restore().changed


@both_families
def test_the_way_out_of_an_adopted_namespace_is_ours_also_when_its_owner_s_gateway_is_heard_of(
    tasks: Tasks, version: int
) -> None:
    """Of equal IPv4 routes, the kernel takes the one whose gateway it has heard from recently."""
    tasks.network("n", BOTH)
    box = Box(tasks, version)
    box.adopt("n")
    gateway = tasks.gateway("n", version)
    box.ip("neighbour replace {theirs} dev eth0 lladdr 02:00:00:00:00:01 nud reachable")
    for _again in range(3):
        box.ip(f"neighbour replace {gateway} dev eth1 lladdr 02:00:00:00:00:02 nud stale")
        assert box.way() == gateway


@both_families
def test_the_way_out_of_an_adopted_namespace_changes(tasks: Tasks, version: int) -> None:
    tasks.network("n", BOTH)
    tasks.network("other", "10.2.0.0/24,fd00:2::/64")
    box = Box(tasks, version)
    box.adopt("n", "other")
    for name, priority in (("other", 5), ("n", -5)):
        assert tasks.sandbox("web", "n", {"name": "other", "gateway_priority": priority}).changed
        assert (box.way(), box.own_routes()) == (tasks.gateway(name, version), box.routes)
        box.assert_nothing_to_do()
    assert tasks.network("n", "10.3.0.0/24,fd00:3::/64", force=True).changed
    assert (box.way(), box.own_routes()) == (tasks.gateway("n", version), box.routes)
    for name, way in (("n", tasks.gateway("other", version)), ("other", THEIRS[version])):
        assert tasks.network(name, internal=True).changed
        assert (box.way(), box.own_routes()) == (way, box.routes)
        box.assert_nothing_to_do()


BY_HAND = {
    "ours deleted": "route delete {all} dev eth1",
    "ours put back otherwise": "route delete {all} dev eth1\nroute add {all} via {gateway} dev eth1 metric 7",
    "ours leads elsewhere": "route replace {all} via {nobody} dev eth1 {form}",
    "ours on link": "route delete {all} dev eth1\nroute prepend {all} dev eth1 {form}",
    "theirs deleted": "route delete {all} dev eth0",
    "theirs before ours": "route prepend {all} via {second}",
    "theirs in place of ours": "route delete {all} dev eth1\nroute prepend {all} via {second} metric 7",
    "our interface down and up": "link set eth1 down\nlink set eth1 up",
    "our interface deleted": "link delete eth1",
}
NOTHING_TO_DO = ((4, "theirs deleted"), (6, "theirs deleted"), (6, "theirs before ours"))


@both_families
@pytest.mark.parametrize("kind", BY_HAND)
def test_changed_by_hand_in_an_adopted_namespace(tasks: Tasks, version: int, kind: str) -> None:
    """Our route is the one in use again, and other routes stay as their owner left them."""
    tasks.network("n", BOTH)
    box = Box(tasks, version)
    box.adopt("n")
    gateway = tasks.gateway("n", version)
    box.ip(BY_HAND[kind].replace("{gateway}", gateway))
    left = box.own_routes()
    with Kernel(tasks.host.program) as kernel:
        foreseen = Controller(kernel, tasks.warnings.append, True).ensure("sandbox", [{"name": "web"}])
    assert tasks.sandbox("web") == foreseen
    assert foreseen.changed == ((version, kind) not in NOTHING_TO_DO)
    assert (box.way(), box.own_routes()) == (gateway, left)
    box.assert_nothing_to_do()
    tasks.sandbox("web", state="absent")
    assert box.own_routes() == left


def test_an_adopted_namespace_whose_own_route_cannot_be_preceded(tasks: Tasks) -> None:
    tasks.network("n", BOTH)
    box = Box(tasks, 6, "route add default via {theirs} metric 1")
    with pytest.raises(KernelRefused, match="route ::/0 via fd00:1::1 in '/run/netns/box': File exists"):
        tasks.sandbox("web", "n", netns="/run/netns/box")
    assert (box.way(), box.own_routes()) == (THEIRS[6], box.routes)
