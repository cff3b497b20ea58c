# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges, veth pairs, addresses and routes."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any, Dict, List, Sequence

import pytest
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import socket as netlink
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.interface import LEAVING
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import (
    CnmError,
    Collected,
    Conflict,
    KernelRefused,
)
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Address, File, Route
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import GROUP, HostEnd, Link
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.namespace import Namespace
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step, index, plan
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST, Resource

WEB = "/run/netns/web"
BRIDGE = Link(HOST, "br-web", "bridge", address="02:42:0a:00:00:01", mtu=1400, vlan_filtering=False)
ETH0 = Link(WEB, "eth0", "veth", address="02:42:0a:00:00:02", mtu=1400, peer=HostEnd("vethweb", "br-web", mtu=1400))
ALL: Sequence[Resource] = (
    Namespace(WEB),
    BRIDGE,
    ETH0,
    Address(HOST, "br-web", "10.0.0.1/24"),
    Address(WEB, "eth0", "10.0.0.2/24"),
    Address(WEB, "eth0", "fd00::2/64"),
    Address(HOST, "br-web", "fd00::1/64"),
    Route(WEB, "0.0.0.0/0", "10.0.0.1", "eth0"),
    Route(WEB, "::/0", "fd00::1", "eth0"),
    Route(WEB, "192.0.2.0/24", "10.0.0.9", "eth0"),
)


def converge(host: Host, wanted: Sequence[Resource], known: Sequence[Resource] = ()) -> List[Step]:
    """Create WANTED on the host and remove everything else in KNOWN; return the steps taken."""
    present = host.kernel.read({resource.key for resource in (*wanted, *known)})
    steps = plan(index(wanted), present)
    host.kernel.apply(steps)
    return steps


def assert_nothing_to_do(host: Host, wanted: Sequence[Resource]) -> None:
    """Check that another run has nothing to do."""
    assert plan(index(wanted), host.kernel.read([resource.key for resource in wanted])) == []


def shown(host: Host, name: str, namespace: str = "") -> Dict[str, Any]:
    """Return what ip shows of an interface."""
    links = json.loads(host.out(["ip", "-details", "-json", "link", "show", "dev", name], namespace or None))
    return dict(links[0])


def test_a_pair_that_nobody_has_looked_at_is_known_at_once(host: Host) -> None:
    host.ip("netns add web\nlink add br-web type bridge\n")
    host.ip("link add vethweb master br-web type veth peer name eth0 netns web\n")
    pair = host.kernel.read([ETH0.key])[ETH0.key]
    assert isinstance(pair, Link) and pair.peer
    assert (pair.peer.name, pair.peer.master) == ("vethweb", "br-web")


def test_everything_is_made_and_works(host: Host) -> None:
    converge(host, ALL)
    assert_nothing_to_do(host, ALL)
    host.out(["ping", "-c1", "-W20", "10.0.0.1"], WEB)
    host.out(["ping", "-c1", "-W20", "fd00::1"], WEB)
    inner, end = shown(host, "eth0", WEB), shown(host, "vethweb")
    assert (inner["address"], inner["mtu"], inner["group"]) == ("02:42:0a:00:00:02", 1400, str(GROUP))
    assert (end["master"], end["mtu"], end["group"]) == ("br-web", 1400, str(GROUP))
    addresses = host.out(["ip", "-4", "address", "show", "dev", "eth0"], WEB)
    assert "inet 10.0.0.2/24 brd 10.0.0.255 scope global" in addresses


def test_reading_gives_what_was_wanted(host: Host) -> None:
    converge(host, ALL)
    present = host.kernel.read([resource.key for resource in ALL])
    # The metric is always read, because it is needed to remove the route.
    told = {
        key: replace(resource, metric=None) if isinstance(resource, Route) else resource
        for key, resource in present.items()
    }
    assert told == index(ALL)


def links(host: Host) -> list[tuple[str, str]]:
    """Return the host's links with their addresses, but not whether they are up, which is noticed late."""
    return [(each["ifname"], each["address"]) for each in json.loads(host.out(["ip", "-j", "link"]))]


def test_all_of_it_is_removed(host: Host) -> None:
    before = links(host)
    converge(host, ALL)
    converge(host, (), known=ALL)
    assert host.kernel.read([resource.key for resource in ALL]) == {}
    assert links(host) == before
    host.kernel.apply([Step(resource, None) for resource in reversed(ALL)])


DRIFT = {
    "inner down": (WEB, "link set eth0 down"),
    "inner mtu": (WEB, "link set eth0 mtu 1300"),
    "inner address": (WEB, "link set eth0 address 02:00:00:00:00:99"),
    "inner removed": (WEB, "link del eth0"),
    "end down": (HOST, "link set vethweb down"),
    "end mtu": (HOST, "link set vethweb mtu 1300"),
    "end without bridge": (HOST, "link set vethweb nomaster"),
    "end isolated": (HOST, "link set vethweb type bridge_slave isolated on"),
    "end renamed": (HOST, "link set vethweb name other"),
    "end in another namespace": (HOST, "link set vethweb netns /run/outside"),
    "bridge down": (HOST, "link set br-web down"),
    "bridge mtu": (HOST, "link set br-web mtu 1300"),
    "bridge removed": (HOST, "link del br-web"),
    "bridge address": (HOST, "link set br-web address 02:00:00:00:00:98"),
    "IPv4 address removed": (WEB, "address del 10.0.0.2/24 dev eth0"),
    "IPv6 address removed": (WEB, "address del fd00::2/64 dev eth0"),
    "bridge's address removed": (HOST, "address flush dev br-web"),
    "default route removed": (WEB, "route del default"),
    "default route elsewhere": (WEB, "route replace default via 10.0.0.77"),
    "default route with another metric": (WEB, "route replace default via fd00::77 dev eth0 metric 5"),
    "default route on link": (WEB, "route replace default dev eth0"),
    "IPv6 route removed": (WEB, "route del ::/0"),
    "route removed": (WEB, "route del 192.0.2.0/24"),
}


@pytest.mark.parametrize("drift", DRIFT)
def test_drift_is_seen_and_repaired_at_once(host: Host, drift: str) -> None:
    namespace, command = DRIFT[drift]
    converge(host, ALL)
    host.ip(command + "\n", namespace or None)
    assert converge(host, ALL), "the drift was not seen"
    assert_nothing_to_do(host, ALL)
    host.out(["ping", "-c1", "-W20", "10.0.0.1"], WEB)
    host.out(["ping", "-c1", "-W20", "fd00::1"], WEB)


@pytest.mark.parametrize("isolated", [False, True])
def test_two_isolated_ports_do_not_reach_each_other(host: Host, isolated: bool) -> None:
    wanted: List[Resource] = [BRIDGE]
    for number, name in ((2, "a"), (3, "b")):
        path = f"/run/netns/{name}"
        end = HostEnd(f"veth{name}", "br-web", mtu=1400, isolated=isolated)
        wanted += [
            Namespace(path),
            Link(path, "eth0", "veth", mtu=1400, peer=end),
            Address(path, "eth0", f"10.0.0.{number}/24"),
        ]
    converge(host, wanted)
    assert_nothing_to_do(host, wanted)
    ping = host.run(["ping", "-c1", "-W1" if isolated else "-W20", "10.0.0.3"], "/run/netns/a")
    assert ping.returncode == (1 if isolated else 0)


def test_isolation_is_switched_in_place(host: Host) -> None:
    isolated = replace(ETH0, peer=HostEnd("vethweb", "br-web", mtu=1400, isolated=True))
    wanted = [Namespace(WEB), BRIDGE, ETH0]
    converge(host, wanted)
    number = shown(host, "vethweb")["ifindex"]
    for eth0 in (isolated, ETH0):
        converge(host, [Namespace(WEB), BRIDGE, eth0])
        assert_nothing_to_do(host, [Namespace(WEB), BRIDGE, eth0])
        assert shown(host, "vethweb")["ifindex"] == number


def test_a_foreign_interface_with_the_name_of_a_host_end_is_a_conflict(host: Host) -> None:
    host.ip("link add vethweb type veth peer name mine\n")
    with pytest.raises(Conflict, match="'vethweb'.*not made by us"):
        converge(host, ALL)
    assert shown(host, "vethweb")["link"] == "mine"


def test_a_foreign_bridge_is_a_conflict(host: Host) -> None:
    host.ip("link add br-web type bridge\n")
    with pytest.raises(Conflict, match="'br-web'"):
        converge(host, ALL)
    with pytest.raises(Conflict, match="'br-web'"):
        host.kernel.apply([Step(None, BRIDGE)])


def test_a_pair_that_a_killed_run_left_is_replaced(host: Host) -> None:
    host.ip(f"link add vethweb group {GROUP} type veth peer name somewhere group {GROUP}\n")
    converge(host, ALL)
    assert_nothing_to_do(host, ALL)


def test_what_is_there_already_is_no_error(host: Host) -> None:
    converge(host, ALL)
    host.kernel.apply([Step(None, resource) for resource in ALL if not isinstance(resource, Namespace)])
    assert_nothing_to_do(host, ALL)


def test_a_refusal_names_the_thing_and_the_reason(host: Host) -> None:
    lost = Route(HOST, "192.0.2.0/24", "203.0.113.9", "uplink")
    with pytest.raises(KernelRefused, match=r"route 192\.0\.2\.0/24.*Nexthop has invalid gateway"):
        host.kernel.apply([Step(None, lost)])
    with pytest.raises(KernelRefused, match="no bridge 'br-web'"):
        host.kernel.apply([Step(None, Namespace(WEB)), Step(None, ETH0)])


def test_an_adopted_bridge_is_released_and_not_removed(host: Host) -> None:
    host.ip("link add br-own type bridge\n")
    adopted = Link(HOST, "br-own", "bridge", up=True, adopted=True)
    converge(host, [adopted])
    assert_nothing_to_do(host, [adopted])
    present = host.kernel.read([adopted.key])[adopted.key]
    host.kernel.apply([Step(present, adopted.released())])
    assert shown(host, "br-own")["group"] == "default"


def test_another_pair_with_the_same_numbers_is_not_taken_for_the_one_that_is_gone(host: Host) -> None:
    converge(host, ALL)
    inner, end = shown(host, "eth0", WEB)["ifindex"], shown(host, "vethweb")["ifindex"]
    host.out(["ip", "netns", "add", "other"])
    host.ip("link set vethweb netns /run/outside\n")
    host.ip(f"link add vethweb index {end} type veth peer name eth0 index {inner} netns other\n")
    present = host.kernel.read([ETH0.key])[ETH0.key]
    assert isinstance(present, Link)
    assert present.peer is None


@pytest.mark.parametrize("left", ["vethweb", "br-web"])
def test_a_removal_that_was_killed_half_way_is_finished(host: Host, left: str) -> None:
    converge(host, ALL)
    host.ip(f"link set {left} group {LEAVING}\n")
    assert converge(host, ALL)
    assert_nothing_to_do(host, ALL)
    host.ip(f"link set {left} group {LEAVING}\n")
    converge(host, (), known=ALL)
    assert host.kernel.facts.link_names() == {"lo", "uplink"}


def test_a_bridge_keeps_its_mtu_whatever_its_ports_have(host: Host) -> None:
    converge(host, ALL)
    host.ip("link add big mtu 9000 type veth peer name other\nlink set big master br-web\n")
    assert_nothing_to_do(host, ALL)
    host.ip("link del big\n")
    converge(host, [BRIDGE], known=ALL)
    assert_nothing_to_do(host, [BRIDGE])


def test_removing_many_leaves_the_others(host: Host) -> None:
    bridges = [Link(HOST, f"br-{number}", "bridge") for number in range(5)]
    host.ip("link add br-own type bridge\n")
    converge(host, bridges)
    converge(host, bridges[:1], known=bridges)
    assert host.kernel.facts.link_names() == {"lo", "uplink", "br-own", "br-0"}


@pytest.mark.parametrize("wanted", [BRIDGE, Namespace(WEB)], ids=str)
def test_without_root_the_way_out_is_named(host: Host, wanted: Resource) -> None:
    assert host.kernel.read([wanted.key]) == {}
    said = "network (configuration|namespace '/run/netns/web').*CAP_NET_ADMIN.*become: true"
    os.seteuid(65534)
    try:
        with pytest.raises(CnmError, match=said):
            host.kernel.apply([Step(None, wanted)])
    finally:
        os.seteuid(0)


def test_more_messages_than_one_send_holds(host: Host) -> None:
    number = netlink.CHUNK + 3
    wanted: List[Resource] = [BRIDGE]
    for each in range(number):
        path = f"/run/netns/s{each}"
        wanted += [Namespace(path), Link(path, "eth0", "veth", peer=HostEnd(f"veth{each}", "br-web", mtu=1500))]
    converge(host, wanted)
    assert_nothing_to_do(host, wanted)
    assert len(json.loads(host.out(["ip", "-j", "link", "show", "master", "br-web"]))) == number
    converge(host, (), known=wanted)
    assert host.kernel.facts.link_names() == {"lo", "uplink"}


def test_teardown_goes_on_and_names_every_failure(host: Host) -> None:
    broken = [File(f"/etc/netns/{name}/hosts", "") for name in ("a", "b")]
    for file in broken:
        os.makedirs(file.path)
    converge(host, [BRIDGE])
    with pytest.raises(Collected, match="/etc/netns/a/hosts.*/etc/netns/b/hosts"):
        host.kernel.apply([Step(file, None) for file in broken] + [Step(BRIDGE, None)])
    assert not host.kernel.facts.has_foreign_link("br-web")


def test_a_kernel_without_the_type_of_link_is_told_by_its_module(host: Host) -> None:
    with pytest.raises(CnmError, match="no support for links of type 'nosuch', its module 'nosuch' is missing"):
        host.kernel.apply([Step(None, Link(HOST, "br-web", "nosuch"))])
