# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests made from shapes are the same bytes as those that pyroute2 encodes as a whole."""

from __future__ import annotations

import ipaddress
import struct
from typing import Any, Container, Dict, List, Optional, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import (
    address,
    interface,
    link_requests,
    macvlan,
    neighbour,
    request,
    route,
    veth,
)
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.socket import attributes
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.uapi import (
    NLM_F_ACK,
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_DELNEIGH,
    RTM_DELROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWNEIGH,
    RTM_NEWROUTE,
)
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.fdb import ANYBODY, FdbEntry, Neighbour
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Address, Route
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import (
    GROUP,
    VLAN_GROUP,
    HostEnd,
    Link,
    Lower,
    Tunnel,
)
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step

from .pyroute2_requests import encoded

INET, INET6, BRIDGE = 2, 10, 7
NEW, SET = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE

names = st.text("abcdefghijklmnop-.%0123456789", min_size=1, max_size=15)
numbers = st.integers(1, (1 << 31) - 1)
macs = st.binary(min_size=6, max_size=6).filter(any).map(lambda value: value.hex(":"))
ipv4, ipv6 = (st.ip_addresses(v=version).map(str) for version in (4, 6))
addresses = ipv4 | ipv6


def padded(name: str) -> str:
    """Return NAME padded, so that pyroute2 encodes it with the zeros that a slot has and the kernel does not need."""
    return name.ljust(15, "\0")


def family(text: str) -> int:
    return INET6 if ":" in text else INET


@settings(deadline=None)
@given(names, names, macs | st.none(), st.none() | numbers, st.none() | numbers, st.integers(0, 9), numbers)
def test_pairs(name: str, end: str, mac: Any, mtu: Any, end_mtu: Any, master: int, descriptor: int) -> None:
    def given_to(*values: Tuple[str, Any]) -> List[Tuple[str, Any]]:
        return [(attribute, value) for attribute, value in values if value]

    queues = [("IFLA_NUM_TX_QUEUES", 1), ("IFLA_NUM_RX_QUEUES", 1)]
    inner = given_to(
        ("IFLA_IFNAME", padded(name)),
        ("IFLA_GROUP", GROUP),
        ("IFLA_ADDRESS", mac),
        ("IFLA_MTU", mtu),
        *queues,
        ("IFLA_NET_NS_FD", descriptor),
    )
    pair = [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", [("VETH_INFO_PEER", inner)])]
    own = given_to(
        ("IFLA_IFNAME", padded(end)),
        ("IFLA_GROUP", GROUP),
        ("IFLA_MTU", end_mtu),
        *queues,
        ("IFLA_MASTER", master),
        ("IFLA_LINKINFO", pair),
    )
    wanted = veth.creation(veth.Pair(mtu, end_mtu, GROUP, master, True), end, name, mac, descriptor)
    assert wanted == encoded("ifinfmsg", RTM_NEWLINK, NEW, own, flags=1, change=1)


@settings(deadline=None)
@given(names, macs, numbers)
def test_settings_of_links(name: str, mac: str, number: int) -> None:
    first = ("IFLA_IFNAME", padded(name))
    for changed in ([("IFLA_ADDRESS", mac), ("IFLA_MTU", number)], [("IFLA_GROUP", number), ("IFLA_MASTER", number)]):
        wanted = encoded("ifinfmsg", RTM_NEWLINK, NLM_F_ACK, [first, *changed])
        assert link_requests.setting(name, changed) == wanted
    up = encoded("ifinfmsg", RTM_NEWLINK, NLM_F_ACK, [first], flags=1, change=1)
    assert link_requests.setting_up(name) == up
    assert link_requests.deletion("IFLA_IFNAME", name) == encoded("ifinfmsg", RTM_DELLINK, NLM_F_ACK, [first])
    wanted = encoded("ifinfmsg", RTM_DELLINK, NLM_F_ACK, [("IFLA_GROUP", number)])
    assert link_requests.deletion("IFLA_GROUP", number) == wanted


@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize("hairpin", [False, True])
@pytest.mark.parametrize("learning", [False, True])
def test_modes_of_ports(isolated: bool, hairpin: bool, learning: bool) -> None:
    modes = [
        ("IFLA_BRPORT_ISOLATED", int(isolated)),
        ("IFLA_BRPORT_LEARNING", int(learning)),
        ("IFLA_BRPORT_MODE", int(hairpin)),
    ]
    values = [
        ("IFLA_IFNAME", padded("v1")),
        ("IFLA_LINKINFO", [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", modes)]),
    ]
    wanted = encoded("ifinfmsg", RTM_NEWLINK, NLM_F_ACK, values)
    assert link_requests.port_modes(HostEnd("v1", "br0", 1500, isolated, hairpin, learning=learning)) == wanted


def test_a_bridge() -> None:
    values = [
        ("IFLA_IFNAME", padded("br0")),
        ("IFLA_GROUP", GROUP),
        ("IFLA_ADDRESS", "02:42:ac:12:00:01"),
        ("IFLA_LINKINFO", [("IFLA_INFO_KIND", "bridge")]),
    ]
    bridge = Link("", "br0", "bridge", "02:42:ac:12:00:01")
    assert link_requests.creation(bridge, {}, {}) == encoded("ifinfmsg", RTM_NEWLINK, NEW, values, flags=1, change=1)


@pytest.mark.parametrize("wanted", [False, True])
def test_a_bridge_that_is_aware_of_vlans(wanted: bool) -> None:
    data = [("IFLA_BR_VLAN_FILTERING", int(wanted))]
    values = [
        ("IFLA_IFNAME", padded("br0")),
        ("IFLA_MTU", 1500),
        ("IFLA_LINKINFO", [("IFLA_INFO_KIND", "bridge"), ("IFLA_INFO_DATA", data)]),
    ]
    message = link_requests.setting("br0", [("IFLA_MTU", 1500), link_requests.vlan_filtering(wanted)])
    assert message == encoded("ifinfmsg", RTM_NEWLINK, NLM_F_ACK, values)
    assert interface.parse(message).vlan_filtering is wanted


@pytest.mark.parametrize("kind", ["veth", "bridge", "vlan", "macvlan", "ipvlan", "vxlan"])
def test_all_that_is_read_of_an_interface_is_kept(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the attributes in an answer, only those are kept that are named."""
    unnamed = set()

    class Kept(Dict[int, bytes]):
        def __init__(self, values: Dict[int, bytes], wanted: Optional[Container[int]]) -> None:
            super().__init__(values)
            self.wanted = wanted

        def get(self, number: int, default: Any = None) -> Any:
            if self.wanted is not None and number not in self.wanted:
                unnamed.add(number)
            return super().get(number, default)

        def __getitem__(self, number: int) -> bytes:
            return self.get(number)

    def noted(data: bytes, offset: int = 0, wanted: Optional[Container[int]] = None) -> Kept:
        return Kept(attributes(data, offset, wanted), wanted)

    monkeypatch.setattr(interface, "attributes", noted)
    port = [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", [("IFLA_BRPORT_STATE", 3)])]
    message = link_requests.setting("a", [("IFLA_MTU", 1500), ("IFLA_LINKINFO", [("IFLA_INFO_KIND", kind), *port])])
    assert interface.parse(message).forwarding
    assert not unnamed


@settings(deadline=None)
@given(st.integers(1, (1 << 24) - 1), addresses, st.integers(1, 65535), st.booleans(), st.sampled_from(["", "eth0"]))
def test_tunnels(vni: int, local: str, port: int, learning: bool, device: str) -> None:
    tunnel = Tunnel(vni, local, port, device, learning, "br0")
    data = [
        ("IFLA_VXLAN_ID", vni),
        ("IFLA_VXLAN_LOCAL6" if ":" in local else "IFLA_VXLAN_LOCAL", local),
        ("IFLA_VXLAN_TTL", 64),
        ("IFLA_VXLAN_LEARNING", int(learning)),
        ("IFLA_VXLAN_PORT", port),
    ]
    if device:
        data.append(("IFLA_VXLAN_LINK", 7))
    values = [
        ("IFLA_IFNAME", padded("cnmv1")),
        ("IFLA_GROUP", GROUP),
        ("IFLA_MTU", 1450),
        ("IFLA_MASTER", 9),
        ("IFLA_LINKINFO", [("IFLA_INFO_KIND", "vxlan"), ("IFLA_INFO_DATA", data)]),
    ]
    others = {"eth0": 7, "br0": 9}
    made = link_requests.creation(Link("", "cnmv1", "vxlan", mtu=1450, tunnel=tunnel), {}, others)
    assert made == encoded("ifinfmsg", RTM_NEWLINK, NEW, values, flags=1, change=1)
    modes = [
        ("IFLA_BRPORT_LEARNING", int(learning)),
        ("IFLA_BRPORT_NEIGH_SUPPRESS", 1),
        ("IFLA_BRPORT_ISOLATED", 1),
    ]
    port = ("IFLA_LINKINFO", [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", modes)])
    wanted = encoded("ifinfmsg", RTM_NEWLINK, NLM_F_ACK, [("IFLA_IFNAME", padded("cnmv1")), port])
    assert link_requests.tunnel_modes("cnmv1", tunnel) == wanted


@pytest.mark.parametrize(("mode", "number"), [("private", 1), ("vepa", 2), ("bridge", 4), ("passthru", 8)])
def test_macvlans(mode: str, number: int) -> None:
    information = (
        "IFLA_LINKINFO",
        [("IFLA_INFO_KIND", "macvlan"), ("IFLA_INFO_DATA", [("IFLA_MACVLAN_MODE", number)])],
    )
    values = [
        ("IFLA_IFNAME", padded("eth0")),
        ("IFLA_GROUP", GROUP),
        ("IFLA_ADDRESS", "02:42:ac:12:00:02"),
        ("IFLA_LINK", 7),
        ("IFLA_NET_NS_FD", 5),
        information,
    ]
    item = Link("/run/netns/a", "eth0", "macvlan", "02:42:ac:12:00:02", lower=Lower("eth1", mode))
    made = link_requests.creation(item, {"/run/netns/a": 5}, {"eth1": 7})
    assert made == encoded("ifinfmsg", RTM_NEWLINK, NEW, values, flags=1, change=1)
    wanted = encoded("ifinfmsg", RTM_NEWLINK, NLM_F_ACK, [("IFLA_IFNAME", padded("eth0")), information])
    assert link_requests.setting("eth0", [macvlan.information(mode)]) == wanted


@pytest.mark.parametrize(("mode", "number"), [("l2", 0), ("l3", 1), ("l3s", 2)])
@pytest.mark.parametrize(("flag", "bits"), [("bridge", 0), ("private", 1), ("vepa", 2)])
def test_ipvlans(mode: str, number: int, flag: str, bits: int) -> None:
    data = [("IFLA_IPVLAN_MODE", number), ("IFLA_IPVLAN_FLAGS", bits)]
    information = ("IFLA_LINKINFO", [("IFLA_INFO_KIND", "ipvlan"), ("IFLA_INFO_DATA", data)])
    values = [
        ("IFLA_IFNAME", padded("eth0")),
        ("IFLA_GROUP", GROUP),
        ("IFLA_LINK", 7),
        ("IFLA_NET_NS_FD", 5),
        information,
    ]
    lower = Lower("eth1", mode, flag=flag)
    made = link_requests.creation(Link("/run/netns/a", "eth0", "ipvlan", lower=lower), {"/run/netns/a": 5}, {"eth1": 7})
    assert made == encoded("ifinfmsg", RTM_NEWLINK, NEW, values, flags=1, change=1)
    assert struct.pack("=HHH", 6, 2, bits) in made, "a number of 16 bits (linux/if_link.h)"


def test_vlans() -> None:
    information = ("IFLA_LINKINFO", [("IFLA_INFO_KIND", "vlan"), ("IFLA_INFO_DATA", [("IFLA_VLAN_ID", 10)])])
    values = [
        ("IFLA_IFNAME", padded("eth1.10")),
        ("IFLA_GROUP", VLAN_GROUP),
        ("IFLA_LINK", 7),
        ("IFLA_NET_NS_FD", 5),
        information,
    ]
    item = Link("", "eth1.10", "vlan", group=VLAN_GROUP, lower=Lower("eth1", tag=10))
    made = link_requests.creation(item, {"": 5}, {"eth1": 7})
    assert made == encoded("ifinfmsg", RTM_NEWLINK, NEW, values, flags=1, change=1)


@settings(deadline=None)
@given(st.ip_addresses(v=4), st.integers(0, 32), numbers)
def test_ipv4_addresses(held: ipaddress.IPv4Address, prefix: int, index: int) -> None:
    values = [("IFA_LOCAL", str(held)), ("IFA_ADDRESS", str(held))]
    removed = encoded("ifaddrmsg", RTM_DELADDR, NLM_F_ACK, values, family=INET, prefixlen=prefix, index=index)
    if prefix < 31:
        values.append(("IFA_BROADCAST", str(ipaddress.ip_network((held, prefix), strict=False).broadcast_address)))
    added = encoded("ifaddrmsg", RTM_NEWADDR, SET, values, family=INET, prefixlen=prefix, index=index)
    item = Address("", "eth0", f"{held}/{prefix}")
    assert address.addition(item, index).message == added
    assert address.removal(item, index).message == removed


@settings(deadline=None)
@given(st.ip_addresses(v=6), st.integers(0, 128), numbers)
def test_ipv6_addresses(held: ipaddress.IPv6Address, prefix: int, index: int) -> None:
    values = [("IFA_LOCAL", str(held)), ("IFA_ADDRESS", str(held))]
    fields = {"family": INET6, "prefixlen": prefix, "index": index}
    item = Address("", "eth0", f"{held}/{prefix}")
    assert address.addition(item, index).message == encoded("ifaddrmsg", RTM_NEWADDR, SET, values, flags=2, **fields)
    assert address.removal(item, index).message == encoded("ifaddrmsg", RTM_DELADDR, NLM_F_ACK, values, **fields)


@settings(deadline=None)
@given(st.data(), st.sampled_from([4, 6]), st.integers(0, 32), numbers, st.integers(1, 9999))
def test_routes(data: st.DataObject, version: int, prefix: int, index: int, metric: int) -> None:
    host = data.draw(st.ip_addresses(v=version))
    gateway = str(data.draw(st.ip_addresses(v=version)))
    network = ipaddress.ip_network((host, prefix), strict=False)
    to = [("RTA_DST", str(network.network_address))] if prefix else []
    values = [*to, ("RTA_GATEWAY", gateway), ("RTA_OIF", index)]
    fields = {"family": family(gateway), "dst_len": prefix, "table": 254}

    def made(item: Route) -> bytes:
        (change,) = route.changes(Step(None, item), {"eth0": index})
        return change.message

    plain = Route("", str(network), gateway, "eth0")
    assert made(plain) == encoded("rtmsg", RTM_NEWROUTE, SET, values, proto=4, type=1, **fields)
    ranked = [*values, ("RTA_PRIORITY", metric)]
    static = Route("", str(network), gateway, "eth0", metric=metric, static=True)
    assert made(static) == encoded("rtmsg", RTM_NEWROUTE, NEW, ranked, proto=99, type=1, **fields)
    nowhere = Route("", str(network), "", "", metric=metric, type="blackhole", static=True)
    only = [*to, ("RTA_PRIORITY", metric)]
    assert made(nowhere) == encoded("rtmsg", RTM_NEWROUTE, NEW, only, proto=99, type=6, **fields)
    foremost = Route("", str(network), gateway, "eth0", foremost=True)
    mode, more, scope = (NEW & ~NLM_F_EXCL, [], 200) if version == 4 else (NEW, [("RTA_PRIORITY", 1)], 0)
    wanted = encoded("rtmsg", RTM_NEWROUTE, mode, values + more, proto=4, type=1, scope=scope, **fields)
    assert made(foremost) == wanted
    wanted = encoded("rtmsg", RTM_DELROUTE, NLM_F_ACK, values, scope=255 if version == 4 else 0, **fields)
    assert route.removal(plain, index).message == wanted


@settings(deadline=None)
@given(addresses, macs, numbers)
def test_neighbours(held: str, mac: str, index: int) -> None:
    item = Neighbour("", "br0", held, mac)
    fields: Dict[str, int] = {"family": family(held), "ifindex": index, "state": 0x80}
    values = [("NDA_DST", held), ("NDA_LLADDR", mac)]
    assert neighbour.addition(item, index).message == encoded("ndmsg", RTM_NEWNEIGH, SET, values, **fields)
    assert neighbour.removal(item, index).message == encoded("ndmsg", RTM_DELNEIGH, NLM_F_ACK, values[:1], **fields)


@settings(deadline=None)
@given(addresses, macs, numbers, st.integers(1, 65535))
def test_forwarding_entries(held: str, mac: str, index: int, port: int) -> None:
    by_tunnel = {"family": BRIDGE, "ifindex": index, "state": 0x80, "flags": 2}
    by_bridge = {"family": BRIDGE, "ifindex": index, "state": 0x40, "flags": 0x44}
    there = [("NDA_LLADDR", mac), ("NDA_DST", held)]
    for item, mode, values, fields in (
        (FdbEntry("", "v1", mac, held), SET, there, by_tunnel),
        (FdbEntry("", "v1", mac, ""), SET, there[:1], by_bridge),
        (
            FdbEntry("", "v1", ANYBODY, held),
            NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND,
            [("NDA_LLADDR", ANYBODY), there[1]],
            by_tunnel,
        ),
    ):
        assert neighbour.addition(item, index).message == encoded("ndmsg", RTM_NEWNEIGH, mode, values, **fields)
        assert neighbour.removal(item, index).message == encoded("ndmsg", RTM_DELNEIGH, NLM_F_ACK, values, **fields)
    astray = [*there, ("NDA_VNI", index), ("NDA_PORT", port), ("NDA_IFINDEX", index)]
    item = FdbEntry("", "v1", mac, held, astray=(index, port, index, 0))
    assert neighbour.removal(item, index).message == encoded("ndmsg", RTM_DELNEIGH, NLM_F_ACK, astray, **by_tunnel)


@settings(deadline=None)
@given(macs, numbers)
def test_pins(mac: str, index: int) -> None:
    values = [("NDA_LLADDR", mac)]
    for sticky, flags in ((True, 0x44), (False, 0x04)):
        pinned = encoded("ndmsg", RTM_NEWNEIGH, SET, values, family=BRIDGE, ifindex=index, state=0x40, flags=flags)
        assert neighbour.pin(index, mac, sticky) == pinned
        unpinned = encoded("ndmsg", RTM_DELNEIGH, NLM_F_ACK, values, family=BRIDGE, ifindex=index, flags=4)
        assert neighbour.unpin(index, mac, sticky) == unpinned


def test_what_pyroute2_does_not_know_is_refused_and_not_left_out() -> None:
    port = [("IFLA_BRPORT_ISOLATED", 1), ("IFLA_BRPORT_UNHEARD_OF", 1)]
    information = [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", port)]
    with pytest.raises(KernelRefused, match="does not know the attribute IFLA_BRPORT_UNHEARD_OF"):
        request.encode("link", RTM_NEWLINK, NLM_F_ACK, [("IFLA_LINKINFO", information)])


def test_too_long_a_name_does_not_become_another() -> None:
    assert request.NAME.pack("a" * 15) == b"a" * 15 + b"\0"
    assert request.NAME.pack("a" * 17) == b"a" * 16


def test_what_differs_from_one_sandbox_to_the_next_is_no_new_shape() -> None:
    """Encoding each request separately takes pyroute2 a hundred times as long."""

    def pair(number: int) -> None:
        veth.creation(veth.Pair(1500, 1500, GROUP, number, True), f"v{number}", f"e{number}", _mac(number), number)

    def macvlan_link(number: int) -> None:
        item = Link(f"/run/netns/{number}", "eth0", "macvlan", _mac(number), lower=Lower("eth1", "bridge"))
        link_requests.creation(item, {item.namespace: number}, {"eth1": number})

    def entries(number: int) -> None:
        held = Address("", "eth0", f"10.0.0.{number}/24")
        address.addition(held, number)
        address.removal(held, number)
        for item in (Neighbour("", "br0", f"10.0.0.{number}", _mac(number)), FdbEntry("", "v", _mac(number), "")):
            neighbour.addition(item, number)
            neighbour.removal(item, number)
        neighbour.pin(number, _mac(number), True)
        route.removal(Route("", "10.1.0.0/16", f"10.0.0.{number}", "eth0"), number)
        link_requests.setting(f"v{number}", [("IFLA_GROUP", number)])

    for make in (pair, macvlan_link, entries):
        make(1)
        before = request.shape.cache_info().misses
        make(2)
        assert request.shape.cache_info().misses == before


def _mac(number: int) -> str:
    return f"02:42:0a:00:00:{number:02x}"
