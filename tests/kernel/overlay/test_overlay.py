# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of three hosts, as seen by their sandboxes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from fleet import Fleet, Member, until

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import LEARNING
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError

DUAL = ["10.9.0.0/16", "fd00:9::/64"]
RED = ["10.10.0.0/16"]
KNOWN = {LEARNING: False}


def fixed(member: Member) -> dict[str, Any]:
    """Return what sandbox N on host N requests on network blue."""
    number = member.number
    return {"name": "blue", "ipv4_address": f"10.9.{number}.5", "ipv6_address": f"fd00:9:0:0:{number}::5"}


def declared(fleet: Fleet) -> dict[str, list[dict[str, Any]]]:
    return {
        member.name: [{**fixed(member), "name": f"s{member.number}", "aliases": [f"db{member.number}"]}]
        for member in fleet.members
    }


def addresses(member: Member, sandbox: str, network: str = "blue") -> list[str]:
    attachment = member.shown("sandbox")[sandbox]["Networks"][network]
    return [text for text in (attachment["IPAddress"], attachment["GlobalIPv6Address"]) if text]


def matrix(fleet: Fleet) -> list[str]:
    """Return the pairs of host and address where the host's sandbox does not reach the address."""
    lost = []
    known = {member.name: addresses(member, f"s{member.number}") for member in fleet.members}
    for one, other in itertools.permutations(fleet.members, 2):
        for address in known[other.name]:
            if not until(lambda one=one, address=address: one.ping(f"s{one.number}", address, patience=0.3)):
                lost.append(f"{one.name} to {address}")
    return lost


def tunnel(member: Member, network: str = "blue") -> str:
    return str(member.shown("network")[network]["Host"]["VxlanDevice"])


def forwarding(member: Member, network: str = "blue") -> set[tuple[str, str]]:
    """Return the permanent entries of a network's VXLAN device, and the hosts they lead to."""
    return {
        (each["mac"], each["dst"])
        for each in member.listed("bridge", "fdb", "show", "dev", tunnel(member, network))
        if "dst" in each and each.get("state") == "permanent"
    }


def neighbours(member: Member, network: str = "blue") -> list[str]:
    """Return the permanent neighbours at the bridge."""
    bridge = member.shown("network")[network]["Host"]["Device"]
    return sorted(each["dst"] for each in member.listed("ip", "neighbour", "show", "dev", bridge, "nud", "permanent"))


def leads_to(member: Member, network: str = "blue") -> set[str]:
    """Return the hosts to which any entry of a network leads, permanent or learned."""
    entries = member.listed("bridge", "fdb", "show", "dev", tunnel(member, network))
    return {each["dst"] for each in entries if "dst" in each}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("learning", [True, False])
def test_everybody_reaches_everybody(fleet: Fleet, family: int, learning: bool) -> None:
    fleet.family = family
    options = {LEARNING: learning}
    fleet.network("blue", DUAL, endpoints=declared(fleet), driver_options=options)
    fleet.sandboxes(fixed)
    assert matrix(fleet) == []
    one = fleet.members[0]
    for name in ("s2", "s3.blue", "db2"):
        assert one.ping("s1", name) and one.ping("s1", name, "-6"), name
    room = 1450 if family == 4 else 1430
    assert one.ping("s1", "10.9.2.5", "-M", "do", "-s", str(room - 28))
    assert not one.ping("s1", "10.9.2.5", "-M", "do", "-s", str(room - 27))
    assert one.ping("s1", "fd00:9:0:0:3::5", "-M", "do", "-s", str(room - 48))
    assert not one.ping("s1", "fd00:9:0:0:3::5", "-M", "do", "-s", str(room - 47))
    again = fleet.network("blue", DUAL, endpoints=declared(fleet), driver_options=options)
    assert [result.changed for result in again] == [False] * 3


def test_an_internal_network_with_a_filter_for_bridges(fleet: Fleet) -> None:
    for member in fleet.members:
        for family in ("iptables", "ip6tables"):
            member.run("sh", "-c", f"echo 1 >/proc/sys/net/bridge/bridge-nf-call-{family} || true")
    fleet.network("blue", DUAL, internal=True)
    fleet.sandboxes("blue")
    assert matrix(fleet) == []
    one = fleet.members[0]
    assert not one.ping("s1", "198.51.100.1", patience=0.3)
    assert not one.ping("s1", "10.99.5.2", patience=0.3)


def test_addresses_chosen_by_each_host_for_itself(fleet: Fleet) -> None:
    fleet.network("blue", DUAL)
    fleet.sandboxes("blue")
    assert [addresses(member, f"s{member.number}")[0] for member in fleet.members] == [
        "10.9.1.0",
        "10.9.2.0",
        "10.9.3.0",
    ]
    assert matrix(fleet) == []


def test_each_leaves_by_its_own_host(fleet: Fleet) -> None:
    fleet.network("blue", DUAL)
    fleet.sandboxes("blue")
    for member in fleet.members:
        assert until(lambda member=member: member.ping(f"s{member.number}", "198.51.100.1", patience=0.3))
        assert member.ping(f"s{member.number}", "10.9.0.1"), "the gateway, which is the host's own"
        device = member.shown("network")["blue"]["Host"]["Device"]
        assert member.listed("ip", "link", "show", "dev", device)[0]["address"] == "02:42:0a:09:00:01"
        assert until(lambda member=member, device=device: not unsure(member, device)), "none is taken for a duplicate"


def unsure(member: Member, device: str) -> list[Any]:
    (link,) = member.listed("ip", "address", "show", "dev", device)
    return [each for each in link["addr_info"] if each.get("dadfailed") or each.get("tentative")]


def test_networks_are_isolated(fleet: Fleet) -> None:
    one, two, three = fleet.members
    fleet.network("blue", DUAL, [one, two])
    fleet.network("red", RED, [two, three])
    for member, networks in ((one, ["blue"]), (two, ["blue"]), (two, ["red"]), (three, ["red"])):
        name = f"s{member.number}{networks[0]}"
        member.ensure("sandbox", {"name": name, "networks": [{"name": each} for each in networks]})
    blue2, red2 = (addresses(two, f"s2{name}", name)[0] for name in ("blue", "red"))
    red3 = addresses(three, "s3red", "red")[0]
    assert until(lambda: one.ping("s1blue", blue2, patience=0.3))
    assert until(lambda: two.ping("s2red", red3, patience=0.3))
    for member, sandbox, target in (
        (one, "s1blue", red2),
        (one, "s1blue", red3),
        (two, "s2blue", red2),
        (two, "s2blue", red3),
        (three, "s3red", blue2),
    ):
        assert not member.ping(sandbox, target, patience=0.3), (sandbox, target)


def test_published_ports_arrive_where_the_sandbox_is(fleet: Fleet) -> None:
    fleet.network("blue", DUAL)
    one, two, _three = fleet.members
    one.ensure("sandbox", {"name": "web", "networks": [{"name": "blue"}], "published_ports": ["8080:80"]})
    with one.here():
        import subprocess

        server = subprocess.Popen(["ip", "netns", "exec", "web", "python3", "-m", "http.server", "80"], cwd="/proc")
    try:

        def answer(address: str) -> str:
            argv = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "10", f"http://{address}:8080/"]
            return two.run(*argv, check=False).stdout

        assert until(lambda: answer("10.99.5.1") == "200")
        assert answer("10.99.5.2") == "000"
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("learning", [True, False])
def test_a_move_is_known_at_once(fleet: Fleet, learning: bool) -> None:
    one, two, three = fleet.members
    here = {"name": "m", "ipv4_address": "10.9.200.7", "ipv6_address": "fd00:9:0:0:200::7"}
    options = {LEARNING: learning}
    watcher = {"name": "w", "ipv4_address": "10.9.3.7", "ipv6_address": "fd00:9:0:0:3::7"}

    def play(home: Member, away: Member) -> None:
        places = {home.name: [here], three.name: [watcher]}
        fleet.network("blue", DUAL, endpoints=places, driver_options=options)
        away.ensure("sandbox", {"name": "m", "state": "absent"})
        home.ensure("sandbox", {"name": "m", "networks": [{**here, "name": "blue"}]})

    play(one, two)
    three.ensure("sandbox", {"name": "w", "networks": [{**watcher, "name": "blue"}]})
    for target in ("10.9.200.7", "fd00:9:0:0:200::7"):
        assert until(lambda target=target: three.ping("w", target, patience=0.3))
    for home, away in ((two, one), (one, two)):
        play(home, away)
        first = three.first_answer("w", "10.9.200.7")
        assert first is not None and first <= 10, "within a second"
        assert three.ping("w", "fd00:9:0:0:200::7")
        assert three.ping("w", "m")


def test_addresses_and_sandboxes_change_places(fleet: Fleet) -> None:
    """Whatever moves from one host to another in a play, no host is refused, whatever their order."""
    network = {"name": "blue", "driver": "overlay", "ipam_config": [{"subnet": "10.9.0.0/16"}]}

    def inventory(places: dict[str, dict[str, int]]) -> dict[str, Any]:
        return {
            host: {
                "cnm_host_number": int(host[1:]),
                "cnm_networks": [network],
                "cnm_sandboxes": [
                    {"name": name, "networks": [{"name": "blue", "ipv4_address": f"10.9.200.{last}"}]}
                    for name, last in sandboxes.items()
                ],
            }
            for host, sandboxes in {"h3": {"w": 3}, **places}.items()
        }

    one, two, three = fleet.members
    states = (
        {"h1": {"a": 1}, "h2": {"b": 2}},
        {"h1": {"a": 2}, "h2": {"b": 1}},
        {"h1": {"a": 4}, "h2": {"b": 1, "n": 2}},
        {"h1": {"b": 1, "n": 2}, "h2": {"a": 4}},
        {"h1": {"b": 4, "n": 2}, "h2": {"a": 1}},
    )
    for number, state in enumerate(states):
        order = fleet.members if number % 2 else [three, two, one]
        fleet.play(inventory(state), *order)
        for name, last in ((name, last) for sandboxes in state.values() for name, last in sandboxes.items()):
            assert three.ping("w", f"10.9.200.{last}"), (state, name)
            assert three.ping("w", name), (state, name)
        assert fleet.play(inventory(state), *order) == [False] * 3, state


def test_a_dead_host_leaves_the_others_alone_and_finds_its_place(fleet: Fleet) -> None:
    one, two, three = fleet.members
    fleet.network("blue", DUAL, endpoints=declared(fleet), driver_options=KNOWN)
    fleet.sandboxes(fixed)
    assert matrix(fleet) == []
    three.forget()
    fleet.plug(3, up=False)
    assert one.ping("s1", "s2") and two.ping("s2", "s1")
    again = fleet.network("blue", DUAL, endpoints=declared(fleet), driver_options=KNOWN, members=[one, two])
    assert all(result.changed for result in again), "the peer that inventory no longer has"
    fleet.plug(3, up=True)
    assert three.restore().changed
    assert not three.restore().changed
    again = fleet.network("blue", DUAL, endpoints=declared(fleet), driver_options=KNOWN)
    assert [result.changed for result in again] == [True, True, False], "it has never heard of its own end"
    assert matrix(fleet) == []


def test_a_host_that_left(fleet: Fleet) -> None:
    one, two, three = fleet.members
    fleet.network("blue", DUAL)
    fleet.sandboxes("blue")
    assert matrix(fleet) == []
    gone = addresses(three, "s3")[0]
    fleet.plug(3, up=False)
    assert "10.99.5.3" in leads_to(one), "it has learnt that"
    fleet.network("blue", DUAL, [one, two])
    assert forwarding(one) == {("00:00:00:00:00:00", "10.99.5.2")}
    assert leads_to(one) == {"10.99.5.2"}
    fleet.plug(3, up=True)
    three.ensure("sandbox", {"name": "s3", "state": "absent"})
    three.ensure("network", {"name": "blue", "state": "absent"})
    assert not [each for each in three.listed("ip", "link") if each["ifname"].startswith(("br-", "vx-"))]
    assert not one.ping("s1", gone, patience=0.3)
    assert one.ping("s1", addresses(two, "s2")[0])


@pytest.mark.parametrize("learning", [True, False])
def test_drift_is_repaired(fleet: Fleet, learning: bool) -> None:
    one, _two, _three = fleet.members
    options = {LEARNING: learning}

    def play() -> bool:
        (first, *_others) = fleet.network("blue", DUAL, endpoints=declared(fleet), driver_options=options)
        return bool(first.changed)

    play()
    fleet.sandboxes(fixed)
    assert matrix(fleet) == []
    device = tunnel(one)
    bridge = one.shown("network")["blue"]["Host"]["Device"]
    entries = sorted(forwarding(one))
    damages = [
        f"bridge fdb del {entries[0][0]} dev {device} dst {entries[0][1]} self",
        f"bridge fdb add 02:00:00:00:00:99 dev {device} dst 10.99.5.77 self permanent",
        f"bridge fdb add 02:00:00:00:00:99 dev {device} master static",
        f"bridge fdb append 00:00:00:00:00:00 dev {device} dst 10.99.5.77 self permanent",
        f"bridge fdb append 00:00:00:00:00:00 dev {device} dst 10.99.5.2 vni 7 self permanent",
        f"bridge fdb add 02:00:00:00:00:99 dev {device} dst 10.99.5.2 port 4790 via under self permanent",
        f"bridge fdb add 02:00:00:00:00:99 dev {device} master permanent",
        f"bridge link set dev {device} neigh_suppress off",
        f"ip link set {device} mtu 1400",
        f"ip link set {device} down",
        f"ip link set {device} nomaster",
        f"ip link delete {device}",
        f"ip link set {bridge} down",
        f"ip link delete {bridge}",
    ]
    if not learning:
        damages += [
            f"ip neighbour del 10.9.2.5 dev {bridge}",
            f"bridge fdb replace {entries[0][0]} dev {device} dst 10.99.5.77 self permanent",
            f"bridge fdb del {entries[0][0]} dev {device} master",
            f"bridge fdb replace {entries[0][0]} dev {device} dst {entries[0][1]} vni 7 self permanent",
            f"bridge fdb replace {entries[0][0]} dev {device} master permanent",
            f"bridge link set dev {device} learning on",
        ]
    for damage in damages:
        one.run(*damage.split())
        assert play(), damage
        assert not play(), damage
        assert sorted(forwarding(one)) == entries, damage
    assert matrix(fleet) == []


def test_nothing_is_flooded_where_all_is_declared(fleet: Fleet) -> None:
    one, two, _three = fleet.members
    fleet.network("blue", DUAL, endpoints=declared(fleet), driver_options=KNOWN)
    fleet.sandboxes(fixed)
    assert matrix(fleet) == []
    before = two.listed("ip", "-s", "link", "show", "dev", tunnel(two))[0]["stats64"]["rx"]["packets"]
    assert not one.ping("s1", "10.9.77.77", patience=0.3)
    for member in fleet.members:
        member.run("ip", "netns", "exec", f"s{member.number}", "ip", "neighbour", "flush", "all")
    assert one.ping("s1", "10.9.3.5") and one.ping("s1", "fd00:9:0:0:3::5")
    after = two.listed("ip", "-s", "link", "show", "dev", tunnel(two))[0]["stats64"]["rx"]["packets"]
    assert before == after
    # A bridge whose MAC address follows from its ports would lose its neighbours with each port that comes or goes.
    kept = neighbours(one)
    one.ensure("sandbox", {"name": "extra", "networks": [{"name": "blue", "mac_address": "02:00:00:00:00:01"}]})
    one.ensure("sandbox", {"name": "extra", "state": "absent"})
    assert neighbours(one) == kept != []
    # Traffic continues while hosts start learning one by one, as when a sandbox is added whose address is chosen.
    one.ensure("network", fleet.item(one, "blue", DUAL, endpoints=declared(fleet), driver_options={LEARNING: True}))
    for member in fleet.members:
        member.run("ip", "netns", "exec", f"s{member.number}", "ip", "neighbour", "flush", "all")
    assert one.ping("s1", "10.9.2.5") and two.ping("s2", "10.9.1.5") and two.ping("s2", "10.9.3.5")


def test_nobody_else_is_asked_for_the_gateway(fleet: Fleet) -> None:
    fleet.network("blue", DUAL)
    fleet.sandboxes("blue")
    assert matrix(fleet) == []
    one = fleet.members[0]

    def sent() -> int:
        return int(one.listed("ip", "-s", "link", "show", "dev", tunnel(one))[0]["stats64"]["tx"]["packets"])

    def silent() -> bool:
        before = sent()
        one.run("ip", "netns", "exec", "s1", "ip", "neighbour", "flush", "all")
        return one.ping("s1", "10.9.0.1") and sent() == before

    assert until(silent), "links say a few things of their own in their first seconds"


def test_a_port_that_is_taken(fleet: Fleet) -> None:
    one = fleet.members[0]
    item = {"name": "blue", "driver": "overlay", "ipam_config": [{"subnet": "10.9.0.0/16"}]}
    one.run("ip", "link", "add", "theirs", "type", "vxlan", "id", "9", "dstport", "4789", "dev", "under")
    with pytest.raises(Exception, match="UDP port 4789 is already used by the VXLAN device 'theirs'"):
        one.ensure("network", item)
    one.run("ip", "netns", "add", "pod")
    one.run("ip", "link", "set", "theirs", "netns", "pod")
    one.run("ip", "-n", "pod", "link", "set", "theirs", "up")
    with pytest.raises(Exception, match="UDP port 4789 is in use by something that is not ours"):
        one.ensure("network", item)
    one.run("ip", "netns", "delete", "pod")
    assert until(lambda: "4789" not in one.run("ss", "-lun").stdout)
    assert one.ensure("network", item).changed


def test_a_tunnel_from_an_address_of_the_loopback(fleet: Fleet) -> None:
    for member in fleet.members:
        member.run("ip", "address", "add", f"10.77.0.{member.number}/32", "dev", "lo")
        member.vtep[4] = f"10.77.0.{member.number}"
        for other in fleet.members:
            if other is not member:
                member.run("ip", "route", "add", f"10.77.0.{other.number}", "via", f"10.99.5.{other.number}")
    fleet.network("blue", DUAL)
    fleet.sandboxes("blue")
    assert matrix(fleet) == []


def test_a_host_whose_address_is_translated(fleet: Fleet) -> None:
    one, *others = fleet.members
    for member in others:
        member.run("ip", "route", "add", "10.98.0.1", "via", one.vtep[4])
    rules = (
        "add table ip translation",
        "add chain ip translation in { type nat hook prerouting priority dstnat; }",
        "add chain ip translation out { type nat hook postrouting priority srcnat; }",
        f"add rule ip translation in ip daddr 10.98.0.1 dnat to {one.vtep[4]}",
        f"add rule ip translation out ip saddr {one.vtep[4]} udp dport 4789 snat to 10.98.0.1",
    )
    for rule in rules:
        one.run("nft", *rule.split())
    network = {"name": "blue", "driver": "overlay", "ipam_config": [{"subnet": "10.9.0.0/16"}]}
    inventory = {
        member.name: {
            "cnm_host_number": member.number,
            "cnm_networks": [{**network, "driver_options": {LEARNING: True}}],
            "cnm_sandboxes": [{"name": f"s{member.number}", "networks": [{**fixed(member), "ipv6_address": None}]}],
        }
        for member in fleet.members
    }
    inventory["h1"].update(cnm_vtep_address="10.98.0.1", cnm_vtep_local_address=one.vtep[4])
    fleet.play(inventory)
    assert matrix(fleet) == []


def test_an_underlay_that_comes_later_than_the_restore(fleet: Fleet) -> None:
    """At boot, it may come up after us: until then sandboxes are on their networks without reaching other hosts."""
    fleet.network("blue", DUAL)
    fleet.sandboxes("blue")
    one = fleet.members[0]
    one.ensure("network", {"name": "local"})
    one.ensure("sandbox", {"name": "beside", "networks": [{"name": "blue"}, {"name": "local"}]})
    one.forget()
    one.run("ip", "link", "set", "under", "down", "name", "elsewhere")
    one.restore()
    said = "Network 'blue' does not reach other hosts: the interface 'under', through which it reaches them, is gone."
    assert [warning for warning in one.warnings if warning.startswith(said)]
    assert one.ping("s1", "beside") and not one.ping("s1", addresses(fleet.members[1], "s2")[0], patience=0.3)
    assert not one.restore().changed
    assert not one.ensure("network", {"name": "local"}).changed
    with pytest.raises(CnmError, match="interface 'under'"):
        one.ensure("sandbox", {"name": "s1", "networks": [{"name": "blue"}]})
    assert one.ping("s1", "beside")
    one.run("ip", "link", "set", "elsewhere", "up", "name", "under")
    assert one.restore().changed
    assert matrix(fleet) == []
    assert not one.restore().changed


@pytest.mark.parametrize("learning", [True, False])
def test_an_underlay_that_is_made_again(fleet: Fleet, learning: bool) -> None:
    """As wg0 is when it is restarted: its VXLAN device is deleted with it, and its sandboxes keep running."""
    fleet.network("blue", DUAL, endpoints=declared(fleet), driver_options={LEARNING: learning})
    fleet.sandboxes(fixed)
    one = fleet.members[0]
    device = tunnel(one)
    inside = one.run("ip", "-n", "s1", "link", "show", "dev", "eth0").stdout
    one.run("ip", "link", "delete", "under")
    assert one.run("ip", "link", "show", "dev", device, check=False).returncode
    fleet.connect(one)
    assert one.restore().changed
    assert not one.restore().changed
    assert matrix(fleet) == []
    assert one.run("ip", "-n", "s1", "link", "show", "dev", "eth0").stdout == inside


@pytest.mark.parametrize("learning", [True, False])
def test_another_mac_address_is_known_on_other_hosts(fleet: Fleet, learning: bool) -> None:
    one, two, _three = fleet.members
    where = {"ipv4_address": "10.9.1.7", "ipv6_address": "fd00:9:0:0:1::7"}

    def play(mac: str) -> None:
        here = {"name": "m", **where, "mac_address": mac}
        places = {one.name: [here], two.name: [{**fixed(two), "name": "w"}]}
        fleet.network("blue", DUAL, endpoints=places, driver_options={LEARNING: learning})
        one.ensure("sandbox", {"name": "m", "networks": [{**here, "name": "blue"}]})

    play("02:00:00:00:00:01")
    two.ensure("sandbox", {"name": "w", "networks": [fixed(two)]})
    assert all(until(lambda target=target: two.ping("w", target, patience=0.3)) for target in where.values())
    play("02:00:00:00:00:02")
    assert all(two.ping("w", target) for target in where.values())
