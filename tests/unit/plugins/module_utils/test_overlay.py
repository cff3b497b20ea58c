# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of several hosts: what they consist of on one host, what inspect shows, and what is refused."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import (
    CONTROL,
    ENCRYPTED,
    LEARNING,
    PORT,
    VNI,
    VTEP,
)
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.fdb import FdbEntry

MTU = "com.docker.network.driver.mtu"
POOLS = [{"subnet": "10.9.0.0/24"}]
DUAL = [*POOLS, {"subnet": "fd00:9::/64"}]


def peer(number, *endpoints):
    return {"name": f"h{number}", "address": f"192.0.2.{number}", "endpoints": list(endpoints)}


def remote(name, number, **more):
    return {"name": name, "ipv4_address": f"10.9.0.{number}", **more}


def overlay(host, name="blue", check=False, **options):
    return host.network(name, check=check, **{"driver": "overlay", "ipam_config": POOLS, **options})


def link(host, kind):
    (device,) = [one for key, one in host.kernel.present.items() if key.kind == "link" and one.type == kind]
    return device


def entries(host, kind="forwarding"):
    """Return what the host itself knows about other hosts, without the name of the device."""
    return {
        (*key[3:5], *filter(None, key[5:])): one for key, one in host.kernel.present.items() if key[:2] == (kind, "")
    }


def names(host, sandbox):
    text = host.kernel.present[("file", f"/etc/netns/{sandbox}/hosts")].text
    return {name: line.split()[0] for line in text.splitlines() for name in line.split()[1:]}


def test_a_network_that_learns(host):
    overlay(host, peers=[peer(2), peer(3)])
    device = link(host, "vxlan")
    assert (device.mtu, device.tunnel.local, device.tunnel.port, device.tunnel.device) == (
        1450,
        "192.0.2.1",
        4789,
        "eth0",
    )
    assert device.tunnel.learning and device.tunnel.suppress and device.tunnel.master == link(host, "bridge").name
    assert link(host, "bridge").mtu == 1450 and link(host, "bridge").address == "02:42:0a:09:00:01"
    assert set(entries(host)) == {("00:00:00:00:00:00", "192.0.2.2"), ("00:00:00:00:00:00", "192.0.2.3")}
    assert not overlay(host, peers=[peer(3), peer(2)]).changed


def test_a_network_whose_endpoints_are_all_declared(host):
    overlay(
        host,
        driver_options={LEARNING: False},
        peers=[peer(2, remote("a", 22, aliases=["x"])), peer(3, remote("b", 33, mac_address="02-00-00-00-00-0B"))],
    )
    host.sandbox("here", networks=[{"name": "blue"}])
    assert {(key, one.destination) for key, one in entries(host).items()} == {
        (("02:42:0a:09:00:16", "tunnel"), "192.0.2.2"),
        (("02:42:0a:09:00:16", "bridge"), ""),
        (("02:00:00:00:00:0b", "tunnel"), "192.0.2.3"),
        (("02:00:00:00:00:0b", "bridge"), ""),
    }
    neighbours = {key[0]: one.mac for key, one in entries(host, "neighbour").items()}
    assert neighbours == {
        "10.9.0.22": "02:42:0a:09:00:16",
        "10.9.0.33": "02:00:00:00:00:0b",
        "10.9.0.2": "02:42:0a:09:00:02",
    }
    lines = names(host, "here")
    assert {name: lines[name] for name in ("a", "a.blue", "x", "b", "here")} == {
        "a": "10.9.0.22",
        "a.blue": "10.9.0.22",
        "x": "10.9.0.22",
        "b": "10.9.0.33",
        "here": "10.9.0.2",
    }


def test_inspect(host):
    overlay(host, peers=[peer(2, remote("a", 22))], driver_options={VNI: 77, PORT: 8472})
    network = host.one("network", "blue")
    assert (network["Scope"], network["Peers"]) == ("global", [{"Name": "h2", "IP": "192.0.2.2"}])
    ((key, one),) = network["Containers"].items()
    assert key == f"ep-{one['EndpointID']}"
    assert (one["Name"], one["IPv4Address"], one["Host"]) == ("a", "10.9.0.22/24", "h2")
    shown = {
        key: network["Host"][key]
        for key in ("VxlanId", "VxlanPort", "VtepAddress", "VtepDevice", "Learning", "Control", "Encrypted", "Mtu")
    }
    assert shown == {
        "VxlanId": 77,
        "VxlanPort": 8472,
        "VtepAddress": "192.0.2.1",
        "VtepDevice": "eth0",
        "Learning": True,
        "Control": "inventory",
        "Encrypted": False,
        "Mtu": 1450,
    }
    assert network["Options"] == {VNI: "77", PORT: "8472"}


def test_the_network_has_one_id_and_one_vni_everywhere(host):
    overlay(host)
    before = host.one("network", "blue")
    overlay(host, state="absent")
    host.kernel.facts.machine_id = lambda: "another"
    host.kernel.facts.ends = {"192.0.2.7": ("eth0", 1500)}
    overlay(host)
    after = host.one("network", "blue")
    assert before["Id"] == after["Id"] and before["Host"]["VxlanId"] == after["Host"]["VxlanId"]
    # The number is fixed here, so that hosts with different versions of this collection agree.
    assert after["Host"]["VxlanId"] == 4667033


def test_an_underlay_of_ipv6(host):
    overlay(
        host,
        ipam_config=DUAL,
        driver_options={VTEP: "2001:db8::1"},
        peers=[{"name": "h2", "address": "2001:DB8:0::2"}],
    )
    device = link(host, "vxlan")
    assert (device.mtu, device.tunnel.local) == (1430, "2001:db8::1")
    assert set(entries(host)) == {("00:00:00:00:00:00", "2001:db8::2")}
    overlay(host, peers=[{"name": "2001:db8::2", "address": "2001:db8::2"}])
    assert host.one("network", "blue")["Peers"] == [{"Name": "2001:db8::2", "IP": "2001:db8::2"}]


def test_a_peer_that_left_and_its_entries(host):
    overlay(host, peers=[peer(2), peer(3)])
    host.kernel.present.update(
        {entry.key: entry for entry in [FdbEntry("", link(host, "vxlan").name, "02:00:00:00:00:99", "192.0.2.9")]}
    )
    assert overlay(host, peers=[peer(3)]).changed
    assert set(entries(host)) == {("00:00:00:00:00:00", "192.0.2.3")}, "also what nobody remembers"
    assert not overlay(host).changed, "None leaves the peers as they are"
    assert overlay(host, peers=[]).changed
    assert not entries(host)


def test_check_mode_changes_nothing(host):
    with host.kernel.unchanged():
        assert overlay(host, check=True, peers=[peer(2)]).changed
    overlay(host, peers=[peer(2)])
    with host.kernel.unchanged():
        assert overlay(host, check=True, peers=[peer(2), peer(3)]).changed


@pytest.mark.parametrize("kind", ["forwarding", "neighbour", "bridge", "vxlan"])
def test_drift(host, kind):
    overlay(host, driver_options={LEARNING: False}, peers=[peer(2, remote("a", 22))])
    host.sandbox("here", networks=[{"name": "blue"}])
    before = dict(host.kernel.present)
    if kind in ("bridge", "vxlan"):
        host.kernel.lose(link(host, kind).key)
    else:
        del host.kernel.present[next(key for key in before if key.kind == kind)]
    assert host.kernel.present != before
    assert overlay(host, driver_options={LEARNING: False}).changed
    assert host.kernel.present == before
    assert not overlay(host, driver_options={LEARNING: False}).changed


def test_it_comes_back_and_goes(host):
    overlay(host, ipam_config=DUAL, peers=[peer(2)])
    host.sandbox("here", networks=[{"name": "blue"}])
    before = dict(host.kernel.present)
    host.kernel.forget()
    assert host.controller().restore().changed
    assert {key for key in host.kernel.present if key.kind != "sysctl"} == {
        key for key in before if key.kind != "sysctl"
    }
    host.sandbox("here", state="absent")
    host.network("blue", state="absent")
    assert not host.left()


def test_addresses_of_other_hosts_are_not_given_away(host):
    overlay(host, peers=[peer(2, remote("a", 2), remote("b", 4))])
    for name in ("x", "y"):
        host.sandbox(name, networks=[{"name": "blue"}])
    assert [host.one("endpoint", name)["IPv4Address"] for name in ("x", "y")] == ["10.9.0.3/24", "10.9.0.5/24"]
    message = host.refused("endpoint", {"name": "z", "network": "blue", "ipv4_address": "10.9.0.4"})
    assert message == "Endpoint 'z': address 10.9.0.4 is taken: endpoint 'b' on host 'h2' has it."


def test_an_endpoint_that_moves_here_brings_its_address(host):
    overlay(host, driver_options={LEARNING: False}, peers=[peer(2, remote("a", 22))])
    host.sandbox("a", networks=[{"name": "blue", "ipv4_address": "10.9.0.22"}])
    assert not entries(host), "nothing leads to where it was"
    assert [one["Name"] for one in host.one("network", "blue")["Containers"].values()] == ["a"]


def test_an_endpoint_that_has_moved_away(host):
    overlay(host, driver_options={LEARNING: False}, peers=[peer(2)])
    host.sandbox("a", networks=[{"name": "blue", "ipv4_address": "10.9.0.22"}])
    host.sandbox("b", networks=[{"name": "blue"}])
    assert overlay(host, driver_options={LEARNING: False}, peers=[peer(2, remote("a", 22))]).changed
    assert host.links()["/run/netns/b"] == ["eth0"] and "/run/netns/a" not in host.links()
    assert entries(host)[("02:42:0a:09:00:16", "tunnel")].destination == "192.0.2.2"
    assert names(host, "b")["a"] == "10.9.0.22"
    assert not overlay(host, driver_options={LEARNING: False}, peers=[peer(2, remote("a", 22))]).changed
    item = {"name": "blue", "driver": "overlay", "peers": [peer(2, remote("x", 2))]}
    assert "10.9.0.2 is taken: endpoint 'b' on this host has it" in host.refused("network", item)


@pytest.mark.parametrize(
    ("options", "sentences"),
    [
        ({"driver_options": {VNI: 0}}, ["'0' is not a VXLAN network identifier: one number from 1 to 16777215"]),
        ({"driver_options": {VNI: 16777216}}, ["'16777216' is not a VXLAN network identifier"]),
        ({"driver_options": {VNI: "7,8"}}, ["'7,8' is not a VXLAN network identifier"]),
        ({"driver_options": {PORT: 0}}, ["'0' is not a UDP port"]),
        ({"driver_options": {ENCRYPTED: "wireguard"}}, ["option 'encrypted': 'wireguard' is neither true nor false"]),
        ({"driver_options": {CONTROL: "consul"}}, ["'consul' is none of 'inventory', 'etcd' and 'evpn'"]),
        ({"driver_options": {VTEP: "127.0.0.1"}}, ["'127.0.0.1' is not an address at which other hosts"]),
        ({"driver_options": {VTEP: "192.0.2.99"}}, ["no interface of this host has the address 192.0.2.99"]),
        ({"driver_options": {"com.docker.network.bridge.name": "br0"}}, ["driver 'overlay' has no option"]),
        ({"driver_options": {MTU: 1451}}, ["an MTU of 1451 bytes does not fit", "1450 of them"]),
        ({"ipam_config": []}, ["it needs an IPv4 subnet in ipam_config, the same on every host"]),
        ({"enable_ipv6": True}, ["it needs an IPv6 subnet in ipam_config"]),
        ({"peers": [peer(1)]}, ["peer 'h1' has 192.0.2.1, which is this host's own address"]),
        (
            {"peers": [peer(2), {**peer(2), "name": "x"}]},
            ["peer 'x': its address 192.0.2.2 is already used by peer 'h2'"],
        ),
        ({"peers": [peer(2), {**peer(3), "name": "h2"}]}, ["peer 'h2': it is listed twice"]),
        ({"peers": [{"name": "x", "address": "2001:db8::5"}]}, ["all hosts need addresses of the same family"]),
        ({"peers": [peer(2, remote("a", 1))]}, ["endpoint 'a': address 10.9.0.1 is taken: it is the gateway"]),
        ({"peers": [peer(2, {"name": "a", "ipv4_address": "10.8.0.1"})]}, ["address 10.8.0.1 is not in the network's"]),
        ({"peers": [peer(2, remote("a", 5)), peer(3, remote("b", 5))]}, ["endpoint 'a' on host 'h2' has it"]),
        (
            {"peers": [peer(2, remote("a", 5)), peer(3, remote("a", 6))]},
            ["host 'h2' also has an endpoint with that name"],
        ),
        ({"peers": [peer(2, {"name": "a"})]}, ["it needs an ipv4_address or an ipv6_address"]),
    ],
)
def test_what_is_refused(host, options, sentences):
    message = host.refused("network", {"name": "blue", "driver": "overlay", "ipam_config": POOLS, **options})
    for sentence in sentences:
        assert sentence in message


def test_all_problems_at_once(host):
    item = {"name": "blue", "driver": "overlay", "driver_options": {VNI: 0, PORT: 0}, "peers": [peer(1)]}
    message = host.refused("network", item)
    for part in ("VXLAN network identifier", "UDP port", "subnet in ipam_config", "this host's own address"):
        assert part in message


def test_a_vni_twice(host):
    overlay(host, driver_options={VNI: 5})
    item = {"driver": "overlay", "ipam_config": [{"subnet": "10.8.0.0/24"}], "driver_options": {VNI: 5}}
    message = host.refused("network", {"name": "red", **item})
    assert "the VNI 5 is already used by network 'blue'" in message
    assert host.network("red", **{**item, "driver_options": {VNI: 5, PORT: 4790}}).changed


def test_a_port_of_somebody_else(host):
    host.kernel.facts.vxlans = [("flannel.1", 4789, False)]
    item = {"name": "blue", "driver": "overlay", "ipam_config": POOLS}
    assert "UDP port 4789 is already used by the VXLAN device 'flannel.1'" in host.refused("network", item)
    assert overlay(host, driver_options={PORT: 4790}).changed


TUNNEL = {"cnm.overlay.vtep_address": "10.99.0.1"}
SECRET = {**TUNNEL, ENCRYPTED: True, VNI: 77}


def rules(host):
    """Return the elements that are about encryption, each as its set and its entry."""
    return {key[1:] for key in host.kernel.present if key.kind == "element" and key.set in ("encrypted", "encrypting")}


def in_tunnel(host):
    host.kernel.facts.ends["10.99.0.1"] = ("wg0", 1420)
    host.kernel.facts.wireguard = {"wg0"}


@pytest.mark.parametrize("value", [True, "true", "", 1])
def test_an_encrypted_network_is_only_in_the_tunnel(host, value):
    in_tunnel(host)
    overlay(host, driver_options={**SECRET, ENCRYPTED: value})
    device = link(host, "vxlan")
    assert (device.tunnel.device, device.mtu) == ("wg0", 1370)
    assert rules(host) == {("encrypted", "4789 . 77"), ("encrypting", "wg0")}
    shown = host.one("network", "blue")
    assert shown["Options"][ENCRYPTED] == "true" and shown["Host"]["Encrypted"] is True
    assert not overlay(host, driver_options=SECRET).changed
    host.network("red", driver="overlay", ipam_config=[{"subnet": "10.8.0.0/24"}], driver_options=TUNNEL)
    assert rules(host) == {("encrypted", "4789 . 77"), ("encrypting", "wg0")}, "network red may be in the clear"
    overlay(host, driver_options=TUNNEL)
    assert rules(host) == set()


def test_an_encrypted_network_is_refused_outside_of_a_tunnel(host):
    item = {"name": "blue", "driver": "overlay", "ipam_config": POOLS, "driver_options": {ENCRYPTED: True}}
    message = host.refused("network", item)
    assert message.startswith("Network 'blue': it is encrypted, and 'eth0', the interface with 192.0.2.1, is not Wire")
    host.kernel.facts.ends = {"192.0.2.1": ("", 1500)}
    assert "what leads to the others from 192.0.2.1, is not WireGuard's" in host.refused("network", item)
    assert not host.left()
    overlay(host, driver_options={ENCRYPTED: "no"})
    assert host.one("network", "blue")["Options"] == {ENCRYPTED: "false"}
    assert rules(host) == set()


def test_a_tunnel_that_is_replaced_by_something_else(host):
    """Another interface may have the name and the address of the tunnel after a boot."""
    in_tunnel(host)
    overlay(host, driver_options=SECRET)
    host.kernel.facts.wireguard = set()
    host.kernel.forget()
    host.controller().restore()
    assert host.warnings == [
        "Network 'blue' does not reach other hosts: it is encrypted, and the interface 'wg0', through which it reaches "
        "them, is not WireGuard's. Fix this, then restore again."
    ]
    assert "vxlan" not in {one.type for key, one in host.kernel.present.items() if key.kind == "link"}
    assert rules(host) == {("encrypted", "4789 . 77")}, "nothing may send for it"
    host.kernel.facts.wireguard = {"wg0"}
    assert host.controller().restore().changed
    assert link(host, "vxlan").tunnel.device == "wg0"
    assert rules(host) == {("encrypted", "4789 . 77"), ("encrypting", "wg0")}


def test_ipv6_needs_room(host):
    host.kernel.facts.ends = {"192.0.2.1": ("eth0", 1300)}
    message = host.refused("network", {"name": "blue", "driver": "overlay", "ipam_config": DUAL})
    assert "IPv6 needs an MTU of at least 1280 bytes (RFC 8200), and 1250 would be left of the 1300" in message
    assert overlay(host).changed


def test_a_bridge_does_not_become_an_overlay(host):
    host.network("blue", ipam_config=POOLS)
    message = host.refused("network", {"name": "blue", "driver": "overlay"})
    assert "its driver is 'bridge' and cannot be changed to 'overlay'" in message
    assert "peers work only with driver 'overlay'" in host.refused("network", {"name": "blue", "peers": [peer(2)]})


def test_another_address_of_the_host(host):
    host.kernel.facts.ends["192.0.2.50"] = ("eth1", 9000)
    overlay(host)
    overlay(host, driver_options={VTEP: "192.0.2.50"})
    device = link(host, "vxlan")
    assert (device.tunnel.local, device.tunnel.device, device.mtu) == ("192.0.2.50", "eth1", 8950)


def test_a_host_that_has_another_address_after_a_boot(host):
    overlay(host)
    host.kernel.facts.ends = {"192.0.2.7": ("eth0", 1500)}
    host.kernel.forget()
    host.controller().restore()
    (warning,) = host.warnings
    assert warning.startswith("Network 'blue' does not reach other hosts: 192.0.2.1, the address from which this host ")
    overlay(host)
    assert host.warnings[1].startswith(
        "Network 'blue': 192.0.2.1 is no longer an address of this host, which now sends"
    )
    assert link(host, "vxlan").tunnel.local == "192.0.2.7"


def test_a_sandbox_that_other_hosts_are_not_told_of_is_warned_of(host):
    told = {"driver_options": {LEARNING: False}, "peers": [peer(2)]}
    fixed = {"networks": [{"name": "blue", "ipv4_address": "10.9.0.22"}]}
    overlay(host, **told, known=["10.9.0.22"])
    host.sandbox("a", **fixed)
    assert host.warnings == []
    host.sandbox("adhoc", networks=[{"name": "blue"}])
    (warning,) = host.warnings
    assert warning.startswith("Network 'blue': other hosts do not know 'adhoc', and cannot reach it before ")
    host.sandbox("adhoc", state="absent")
    overlay(host, **told, known=[])
    assert not overlay(host, **told, known=[]).changed
    assert host.warnings[-1].startswith("Network 'blue': other hosts do not know 'a', and cannot reach it before ")
    host.warnings.clear()
    overlay(host, driver_options={LEARNING: True}, known=[], peers=[peer(2)])
    host.sandbox("adhoc", networks=[{"name": "blue"}])
    assert host.warnings == []


def test_a_host_does_not_leave_its_range_with_addresses_that_others_may_choose(host):
    def part(text, *known, **more):
        item = {"driver": "overlay", "ipam_config": [{**POOLS[0], "iprange": text}], "peers": [peer(2)]}
        return {"name": "blue", **item, "known": list(known), **more}

    host.ensure("network", part("10.9.0.16/28"))
    host.sandbox("a", networks=[{"name": "blue"}])
    message = host.refused("network", part("10.9.0.32/28"))
    assert "from 10.9.0.32/28, and 'a' would keep those chosen from 10.9.0.16/28" in message
    assert host.ensure("network", part("10.9.0.32/28", "10.9.0.16")).changed, "other hosts know it"
    host.sandbox("b", networks=[{"name": "blue"}])
    host.sandbox("b", state="absent")
    assert host.ensure("network", part("10.9.0.48/28")).changed
