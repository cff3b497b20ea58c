# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of driver macvlan: sandboxes on the LAN of one of the host's interfaces, and on an isolated network."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from inventory import inventory, nothing_left
from lab import HOST, OUTSIDE, command, pinged
from tasks import Tasks, default_route, eventually, link, listed, reaches, setting
from trunk import ON_HOST, ROUTER, ROUTER6, plug

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, InvalidInput

SUBNETS = "192.168.7.0/24,fd00:7::/64"


@pytest.fixture()
def lan(tasks: Tasks) -> Tasks:
    plug(tasks)
    return tasks


def network(tasks: Tasks, mode: str = "", name: str = "lan", subnets: str = SUBNETS, **more: Any) -> Any:
    options = {"parent": "lan0", **({"macvlan_mode": mode} if mode else {})}
    return tasks.network(name, subnets, options, driver="macvlan", **more)


def links(tasks: Tasks, place: str) -> set[str]:
    return {each["ifname"] for each in listed(tasks.host, "ip", "link", place=place)}


def mode(tasks: Tasks, place: str) -> str:
    return str(link(tasks.host, "eth0", place)["linkinfo"]["info_data"]["mode"])


def test_two_sandboxes_reach_each_other_and_the_router(lan: Tasks) -> None:
    untouched = inventory(lan.host)
    assert network(lan).changed
    assert not network(lan).changed
    for name in "ab":
        assert lan.sandbox(name, "lan").changed
        assert not lan.sandbox(name, "lan").changed
    assert inventory(lan.host)["rules"] == untouched["rules"], "their packets do not pass the host"
    assert setting("net/ipv4/ip_forward") == "0"
    shown = lan.shown("network")["lan"]
    assert shown["Host"] == {"Device": "lan0", "Mtu": 1400, "Dns": False, "Engines": [], "MacvlanMode": "bridge"}
    assert shown["IPAM"]["Config"][0]["Gateway"] == ROUTER
    inner = link(lan.host, "eth0", "a")
    assert (inner["address"], inner["mtu"], mode(lan, "a")) == ("02:42:c0:a8:07:02", 1400, "bridge")
    assert reaches("a", "b", "192.168.7.3") and reaches("b", "a", "fd00:7::2")
    assert default_route(lan.host, "a") == ROUTER and default_route(lan.host, "a", 6) == ROUTER6
    assert reaches("a", OUTSIDE, ROUTER) and reaches(OUTSIDE, "a", "192.168.7.2")
    assert pinged("b", ROUTER6) and pinged(OUTSIDE, "fd00:7::3")
    # As with Docker: the kernel does not let the parent and the links on it reach each other.
    assert not pinged(HOST, "192.168.7.2") and not pinged("a", ON_HOST)
    assert setting("net/ipv6/conf/eth0/accept_ra", "a") == "0"
    lan.end()
    assert nothing_left(lan, untouched)


def test_private_sandboxes_do_not_reach_each_other(lan: Tasks) -> None:
    network(lan, "private")
    for name in "ab":
        lan.sandbox(name, "lan")
    assert mode(lan, "a") == "private"
    assert reaches("a", OUTSIDE, ROUTER) and pinged("b", ROUTER6)
    assert not pinged("a", "192.168.7.3")
    index = link(lan.host, "eth0", "a")["ifindex"]
    # The kernel can change the mode of an existing link.
    assert network(lan, "bridge").changed
    assert mode(lan, "a") == "bridge" and link(lan.host, "eth0", "a")["ifindex"] == index
    assert eventually(lambda: pinged("a", "192.168.7.3"))
    assert network(lan, "vepa").changed and not network(lan, "vepa").changed
    assert mode(lan, "b") == "vepa"
    assert not pinged("a", "192.168.7.3")


def test_passthru_gives_the_parent_to_one(lan: Tasks) -> None:
    before = link(lan.host, "lan0")["address"]
    network(lan, "passthru")
    lan.sandbox("a", "lan")
    assert not lan.sandbox("a", "lan").changed
    assert link(lan.host, "eth0", "a")["address"] == "02:42:c0:a8:07:02"
    assert reaches("a", OUTSIDE, ROUTER)
    with pytest.raises(InvalidInput, match="mode passthru, which gives the parent to one sandbox alone"):
        lan.sandbox("b", "lan")
    with pytest.raises(InvalidInput, match="rebuilding it as 'lan0' would interrupt endpoints 'a'"):
        network(lan, "bridge")
    assert network(lan, "bridge", force=True).changed
    assert mode(lan, "a") == "bridge" and lan.sandbox("b", "lan").changed
    assert link(lan.host, "lan0")["address"] == before
    assert pinged("a", "192.168.7.3")


def test_without_a_parent_it_leads_nowhere(lan: Tasks) -> None:
    untouched = inventory(lan.host)
    lan.host.ip("address add 10.9.9.9/32 dev lo\n")
    lan.network("alone", "10.8.0.0/24,fd00:8::/64", driver="macvlan")
    assert lan.shown("network")["alone"]["Internal"]
    for name in "ab":
        lan.sandbox(name, "alone")
    assert not lan.sandbox("a").changed and not lan.restore().changed
    assert reaches("a", "b", "10.8.0.3") and reaches("b", "a", "fd00:8::2")
    assert default_route(lan.host, "a") == ""
    # Nothing reaches the host, even with a route that the sandbox adds and a forged neighbour.
    device = lan.shown("network")["alone"]["Host"]["Device"]
    other = link(lan.host, device)["link"]
    address = link(lan.host, other)["address"]
    lan.host.ip(
        f"route add 10.9.9.9 dev eth0\nneighbour add 10.9.9.9 lladdr {address} dev eth0 nud permanent\n",
        "/run/netns/a",
    )
    assert not pinged("a", "10.9.9.9")
    lan.host.ip("address delete 10.9.9.9/32 dev lo\n")
    # Changes that others make to it are repaired.
    for damage in (f"link delete {device}", f"link set {other} nomaster", f"link set {other} down"):
        command(f"ip {damage}")
        assert lan.restore().changed
        assert not lan.restore().changed
        assert reaches("a", "b", "10.8.0.3")
    lan.end()
    assert nothing_left(lan, untouched)


def test_drift_is_repaired(lan: Tasks) -> None:
    network(lan)
    lan.sandbox("a", "lan")
    for damage in (
        "link delete eth0",
        "link set eth0 down",
        "link set eth0 address 02:42:00:00:00:09",
        "link set eth0 type macvlan mode private",
        "address delete 192.168.7.2/24 dev eth0",
        "route delete default",
    ):
        lan.host.ip(f"{damage}\n", "/run/netns/a")
        assert lan.sandbox("a").changed, damage
        assert not lan.sandbox("a").changed, damage
        assert reaches("a", OUTSIDE, ROUTER), damage


@pytest.mark.parametrize("end", [{"networks": []}, {"state": "absent"}, {"state": "stopped"}])
def test_a_hidden_interface_goes_with_its_sandbox(lan: Tasks, end: dict[str, Any]) -> None:
    """The host has no link of it, but nobody in the sandbox could have put a link on one of the host's interfaces."""
    network(lan)
    lan.sandbox("other", "lan")
    hide = "link set eth0 down\nlink set eth0 name mine\nlink set mine group 0\nlink set mine up\n"
    lan.sandbox("a", "lan")
    lan.host.ip(hide, "/run/netns/a")
    assert lan.sandbox("a").changed
    assert links(lan, "a") == {"lo", "eth0"} and eventually(lambda: pinged("a", ROUTER))
    lan.host.ip("link set eth0 group 0\n", "/run/netns/a")
    lan.sandbox("a")
    lan.host.ip(hide, "/run/netns/a")
    assert lan.sandbox("a", **end).changed
    if "networks" in end:
        assert links(lan, "a") == {"lo"}
    # The old link no longer exists: the kernel would refuse a second one with the same MAC address.
    assert lan.sandbox("a", "lan", state="present").changed
    assert links(lan, "a") == {"lo", "eth0"} and eventually(lambda: pinged("a", ROUTER))


def test_the_kernel_takes_the_old_namespace_apart_while_the_new_one_is_made(lan: Tasks) -> None:
    network(lan)
    lan.sandbox("a", "lan")
    # Until this process ends, the old link keeps the MAC address, as for a moment after any namespace is removed.
    with subprocess.Popen(["ip", "netns", "exec", "a", "sleep", "1"]):
        assert eventually(lambda: command("ip netns pids a").strip())
        command("ip netns delete a")
        assert lan.sandbox("a").changed
    assert pinged("a", ROUTER)


def test_a_program_keeps_the_old_namespace(lan: Tasks) -> None:
    network(lan)
    lan.sandbox("a", "lan")
    with subprocess.Popen(["ip", "netns", "exec", "a", "sleep", "60"]) as program:
        try:
            assert eventually(lambda: command("ip netns pids a").strip())
            command("ip netns delete a")
            with pytest.raises(CnmError, match="another link on it has the MAC address 02:42:c0:a8:07:02, perhaps in"):
                lan.sandbox("a")
        finally:
            program.kill()
    assert eventually(lambda: lan.sandbox("a").changed or True)
    assert pinged("a", ROUTER)


def test_the_lan_learns_of_a_changed_mac_address(lan: Tasks) -> None:
    network(lan)
    lan.sandbox("a", "lan")
    assert pinged(OUTSIDE, "192.168.7.2") and pinged(OUTSIDE, "fd00:7::2")
    lan.sandbox("a", {"name": "lan", "mac_address": "02:00:00:00:00:07"})

    def known() -> list[str]:
        neighbours = listed(lan.host, "ip", "neighbour", "show", "dev", "lan1", place="../outside")
        return [each["lladdr"] for each in neighbours if each["dst"] in ("192.168.7.2", "fd00:7::2")]

    assert eventually(lambda: known() == ["02:00:00:00:00:07"] * 2), known()


def test_a_macvlan_of_the_administrator_stays(lan: Tasks) -> None:
    network(lan)
    lan.sandbox("a", "lan")
    lan.host.ip("link add theirs link uplink netns a type macvlan\n")
    assert not lan.sandbox("a").changed
    lan.sandbox("a", networks=[])
    assert links(lan, "a") == {"lo", "theirs"}


def test_the_parent_vanishes_and_comes_back(lan: Tasks) -> None:
    network(lan)
    lan.network("bridged", "10.1.0.0/24")
    lan.sandbox("a", "lan")
    lan.sandbox("b", "bridged")
    command("ip link delete lan0")
    assert "the interface 'lan0', the parent of network 'lan', is gone" in " ".join(restored(lan))
    assert pinged("b", "10.1.0.1")
    with pytest.raises(InvalidInput, match="this host has no interface 'lan0'"):
        network(lan)
    with pytest.raises(CnmError, match="There is no interface 'lan0'"):
        lan.sandbox("a")
    plug(lan)
    assert lan.restore().changed
    assert not lan.restore().changed
    assert reaches("a", OUTSIDE, ROUTER)
    command("ip link delete lan0")
    lan.sandbox("a", state="absent")
    assert lan.network("lan", state="absent").changed


def restored(tasks: Tasks) -> list[str]:
    """Restore; return the warnings."""
    from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller
    from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel

    warnings: list[str] = []
    with Kernel(tasks.host.program) as kernel:
        Controller(kernel, warnings.append).restore()
    return warnings


def test_all_comes_back_after_a_boot(lan: Tasks) -> None:
    network(lan)
    lan.network("alone", "10.8.0.0/24", driver="macvlan")
    lan.sandbox("a", "lan", "alone")
    lan.sandbox("b", "alone")
    before = inventory(lan.host)
    for name in "ab":
        command(f"ip netns delete {name}")
    for each in listed(lan.host, "ip", "link"):
        if each["ifname"].startswith(("dm-", "db-")):
            command(f"ip link delete {each['ifname']}")
    command("nft flush ruleset")
    command("find /run/cnm -mindepth 1 -delete")
    assert lan.restore().changed
    assert not lan.restore().changed
    assert inventory(lan.host) == before
    assert reaches("a", OUTSIDE, ROUTER) and reaches("a", "b", "10.8.0.3")


def test_what_cannot_be_a_parent_is_refused(lan: Tasks) -> None:
    lan.host.ip(
        "link add br0 type bridge\nlink add p0 type veth peer name p1\nlink set p0 master br0\n"
        "link add mac0 link lan0 type macvlan mode bridge\n"
        "tuntap add tun0 mode tun\n"
    )
    lan.network("bridged", "10.1.0.0/24")
    for parent, why in (
        ("none0", "this host has no interface 'none0'"),
        ("lan0.4095", "its number is from 1 to 4094"),
        ("lo", "'lo' is not a valid interface name"),
        ("tun0", "'tun0' is not an Ethernet interface"),
        ("mac0", "'mac0' is a macvlan itself"),
        ("p0", "'p0' is a port of 'br0'. Name 'br0' instead"),
        (lan.device("bridged"), "belongs to a network or a sandbox of this host"),
    ):
        with pytest.raises(InvalidInput, match=why):
            lan.network("lan", SUBNETS, {"parent": parent}, driver="macvlan")
    network(lan)
    with pytest.raises(InvalidInput, match="network 'lan' is already using parent 'lan0'"):
        network(lan, "passthru", name="second", subnets="192.168.8.0/24")
    with pytest.raises(InvalidInput, match="1500 bytes are more than the MTU of 'lan0', 1400"):
        lan.network("lan", options={"parent": "lan0", "com.docker.network.driver.mtu": 1500})


def test_another_link_that_excludes_ours_is_named(lan: Tasks) -> None:
    lan.host.ip("link add theirs link lan0 type macvlan mode passthru\n")
    network(lan)
    with pytest.raises(CnmError, match="'lan0' cannot have a macvlan in mode bridge: mode passthru needs it alone"):
        lan.sandbox("a", "lan")
    assert not lan.shown("sandbox")


def test_an_adopted_namespace(lan: Tasks) -> None:
    command("ip netns add theirs")
    network(lan)
    lan.sandbox("a", "lan", netns="/run/netns/theirs")
    assert not lan.sandbox("a").changed
    assert reaches("theirs", OUTSIDE, ROUTER)
    lan.sandbox("a", state="absent")
    assert links(lan, "theirs") == {"lo"}
    command("ip netns delete theirs")


def test_on_two_networks(lan: Tasks) -> None:
    network(lan)
    lan.network("bridged", "10.1.0.0/24")
    lan.sandbox("a", {"name": "lan", "gateway_priority": 1}, "bridged", published_ports=["8080:80"])
    assert reaches("a", OUTSIDE, ROUTER) and pinged("a", "10.1.0.1")
    assert default_route(lan.host, "a") == ROUTER
    lan.sandbox("b", "lan")
    with pytest.raises(InvalidInput, match="a macvlan network, whose packets do not pass the host"):
        lan.sandbox("b", published_ports=["8080:80"])
