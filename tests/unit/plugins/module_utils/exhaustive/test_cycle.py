# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same cycle for every option of every object: predicted, done, done only once, changed, repaired, undone."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.dhcp import DhcpClient
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Parent
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import KINDS, NAMING

from ..conftest import pretended

MTU = {"com.docker.network.driver.mtu": "1400"}
WIDE = {"driver": "overlay", "ipam_config": [{"subnet": "10.8.0.0/24"}]}
VNI = "com.docker.network.driver.overlay.vxlanid_list"
UPLINK = "cnm.bridge.uplink"
POOL = [{"subnet": "192.168.7.0/24"}]
DHCP = {"ipam_driver": "dhcp", "ipam_config": POOL}
ON_LAN = {
    "macvlan": {"driver": "macvlan", "driver_options": {"parent": "eth1"}, "ipam_config": POOL},
    "ipvlan": {"driver": "ipvlan", "driver_options": {"parent": "eth1.10"}, "ipam_config": POOL},
    "uplink": {"driver_options": {UPLINK: "eth1"}, "ipam_config": POOL},
    "switch": {"driver": "openvswitch", "driver_options": {UPLINK: "eth1"}, "ipam_config": POOL},
    "veth on a switch": {
        "driver": "openvswitch",
        "driver_options": {"cnm.openvswitch.vlan": 7, "com.docker.network.container_iface_prefix": "net"},
        "ipam_config": POOL,
    },
    "DHCP by macvlan": {"driver": "macvlan", "driver_options": {"parent": "eth1"}, **DHCP},
    "DHCP by an uplink": {"driver_options": {UPLINK: "eth1"}, **DHCP},
}
"""The options of networks on a LAN, or on a switch that could lead to one."""
FAR = {"name": "h2", "address": "192.0.2.2", "endpoints": [{"name": "far", "ipv4_address": "10.8.0.9"}]}
OPTIONS = {
    "driver": ("network", {"driver": "bridge"}, {}),
    "labels": ("network", {"labels": {"a": "b"}}, {"labels": {"a": "c"}}),
    "no labels": ("network", {"labels": {"a": "b"}}, {"labels": {}}),
    "internal": ("network", {"internal": True}, {"internal": False}),
    "no dns": ("network", {"dns": False}, {}),
    "enable_ipv6": ("network", {"enable_ipv6": True}, {"enable_ipv6": False}),
    "subnet": ("network", {"ipam_config": [{"subnet": "10.1.0.0/24"}]}, {"ipam_config": [{"subnet": "10.2.0.0/24"}]}),
    "gateway": (
        "network",
        {"ipam_config": [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.254"}]},
        {"ipam_config": [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.253"}]},
    ),
    "iprange": (
        "network",
        {"ipam_config": [{"subnet": "10.1.0.0/24", "iprange": "10.1.0.128/25"}]},
        {"ipam_config": [{"subnet": "10.1.0.0/24", "iprange": ""}]},
    ),
    "aux_addresses": (
        "network",
        {"ipam_config": [{"subnet": "10.1.0.0/24", "aux_addresses": {"a": "10.1.0.1"}}]},
        {"ipam_config": [{"subnet": "10.1.0.0/24", "aux_addresses": {}}]},
    ),
    "mtu": ("network", {"driver_options": MTU}, {"driver_options": {}}),
    "icc": ("network", {"driver_options": {"com.docker.network.bridge.enable_icc": "false"}}, {"driver_options": {}}),
    "masquerade": ("network", {"driver_options": {"com.docker.network.bridge.enable_ip_masquerade": False}}, {}),
    "host_ipv4": ("network", {"driver_options": {"com.docker.network.host_ipv4": "192.0.2.1"}}, {"driver_options": {}}),
    "mode": ("network", {"driver_options": {"com.docker.network.bridge.gateway_mode_ipv4": "routed"}}, {}),
    "device": ("network", {"driver_options": {"com.docker.network.bridge.name": "br-new"}}, {"driver_options": {}}),
    "routes of a network": (
        "network",
        {
            "ipam_config": [{"subnet": "10.1.0.0/24"}],
            "routes": [
                {"destination": "10.7.0.0/16", "gateway": "10.1.0.9"},
                {"destination": "10.6.0.1", "type": "blackhole"},
            ],
            "metric": 7,
            "dns_servers": ["192.0.2.7"],
        },
        {"routes": [], "no_default_route": True, "metric": 0, "dns_servers": []},
    ),
    "peers": ("network", {**WIDE, "peers": [FAR]}, {"peers": []}),
    "known peers": ("network", {**WIDE, "driver_options": {"cnm.overlay.learning": False}, "peers": [FAR]}, {}),
    "learning": (
        "network",
        {**WIDE, "driver_options": {"cnm.overlay.learning": False}, "peers": [FAR]},
        {"driver_options": {}},
    ),
    "number": ("network", {**WIDE, "driver_options": {VNI: 7}}, {"driver_options": {VNI: "8"}}),
    "port": ("network", {**WIDE, "driver_options": {"cnm.overlay.port": 8472}}, {"driver_options": {}}),
    "end": (
        "network",
        {**WIDE, "driver_options": {"cnm.overlay.vtep_address": "192.0.2.1"}},
        {"driver_options": {"cnm.overlay.vtep_address": "2001:db8::1"}},
    ),
    "encrypted": (
        "network",
        {**WIDE, "driver_options": {"encrypted": True}, "peers": [FAR]},
        {"driver_options": {"encrypted": False}},
    ),
    "macvlan_mode": (
        "network",
        {"driver": "macvlan", "driver_options": {"macvlan_mode": "private"}},
        {"driver_options": {"macvlan_mode": "passthru", **MTU}},
    ),
    "ipvlan": (
        "network",
        {"driver": "ipvlan", "driver_options": {"ipvlan_mode": "l2", "ipvlan_flag": "private"}},
        {"driver_options": {"ipvlan_flag": "vepa", **MTU}},
    ),
    "parent": (
        "network",
        {"driver": "macvlan", "driver_options": {"parent": "eth1"}, "ipam_config": POOL},
        {"driver_options": {"parent": "eth1.10"}},
    ),
    "VLAN": (
        "network",
        {"driver": "ipvlan", "driver_options": {"parent": "eth1.10", "ipvlan_mode": "l3"}, "ipam_config": POOL},
        {"driver_options": {"parent": "eth1.20"}},
    ),
    "uplink": (
        "network",
        {"driver_options": {UPLINK: "eth1"}, "ipam_config": [{**POOL[0], "aux_addresses": {"host": "192.168.7.9"}}]},
        {"driver_options": {UPLINK: "eth1.10"}, "ipam_config": [{**POOL[0], "aux_addresses": {}}]},
    ),
    "no uplink": ("network", {"driver_options": {UPLINK: "eth1.10"}, "ipam_config": POOL}, {"driver_options": {}}),
    "DHCP": (
        "network",
        {"driver": "macvlan", "driver_options": {"parent": "eth1.10"}, **DHCP},
        {"ipam_config": [{"subnet": "192.168.8.0/24"}], "labels": {"a": "b"}},
    ),
    "openvswitch": (
        "network",
        {"driver": "openvswitch", "driver_options": {"cnm.openvswitch.vlan": 7}},
        {"driver_options": {"cnm.openvswitch.datapath": "netdev", **MTU}},
    ),
    "openvswitch with an uplink": (
        "network",
        {"driver": "openvswitch", "driver_options": {UPLINK: "eth1", "com.docker.network.bridge.name": "switch0"}},
        {"driver_options": {"com.docker.network.bridge.name": "switch1", "cnm.openvswitch.vlan": 8}},
    ),
    "address": ("endpoint", {"network": "lan", "ipv4_address": "10.9.0.9"}, {"ipv4_address": "10.9.0.10"}),
    "mac": ("endpoint", {"network": "lan", "mac_address": "02:00:00:00:00:01"}, {"mac_address": "02:00:00:00:00:02"}),
    "aliases": ("endpoint", {"network": "lan", "sandbox": "box", "aliases": ["a", "b"]}, {"aliases": []}),
    "ports": ("endpoint", {"network": "lan", "sandbox": "box", "published_ports": ["80", 81]}, {"published_ports": []}),
    "priority": ("endpoint", {"network": "lan", "sandbox": "box", "gateway_priority": 5}, {"gateway_priority": 0}),
    "interface": (
        "endpoint",
        {"network": "lan", "sandbox": "box", "interface_name": "data0"},
        {"interface_name": "data1"},
    ),
    "left": ("endpoint", {"network": "lan", "sandbox": "box"}, {"state": "left"}),
    "nothing": ("sandbox", {}, {}),
    "hostname": ("sandbox", {"hostname": "a"}, {"hostname": "b", "domainname": "c"}),
    "dns": (
        "sandbox",
        {"dns_servers": ["192.0.2.1"], "dns_search_domains": ["a.b"], "dns_opts": ["ndots:2"]},
        {"dns_servers": [], "dns_search_domains": [], "dns_opts": []},
    ),
    "etc_hosts": ("sandbox", {"etc_hosts": {"a": "192.0.2.1"}}, {"etc_hosts": {}}),
    "sysctls": ("sandbox", {"sysctls": {"net.core.somaxconn": 100}}, {"sysctls": {"net/core/somaxconn": "200"}}),
    "routes": (
        "sandbox",
        {"networks": [{"name": "lan"}], "routes": [{"destination": "10.7.0.0/16", "gateway": "10.9.0.9", "metric": 3}]},
        {"routes": [{"destination": "10.7.0.0/16", "type": "prohibit", "metric": 3}], "no_default_route": True},
    ),
    "networks": ("sandbox", {"networks": [{"name": "lan"}, {"name": "back"}]}, {"networks": [{"name": "back"}]}),
    "no networks": ("sandbox", {"networks": [{"name": "lan"}]}, {"networks": []}),
    "all of it": (
        "sandbox",
        {
            "networks": [
                {
                    "name": "lan",
                    "ipv4_address": "10.9.0.7",
                    "mac_address": "02:00:00:00:00:01",
                    "aliases": ["x"],
                    "gateway_priority": 3,
                    "interface_name": "data0",
                }
            ],
            "published_ports": ["8080:80", {"container_port": "90-91", "allowed_sources": ["10.0.0.0/8"]}],
            "labels": {"a": 1},
        },
        {"published_ports": ["8081:80"], "labels": {}},
    ),
    "stopped": ("sandbox", {"networks": [{"name": "lan"}]}, {"state": "stopped"}),
    "host": ("sandbox", {"networks": [{"name": "host"}]}, {"networks": [{"name": "lan"}]}),
    "none": ("sandbox", {"networks": [{"name": "none"}]}, {}),
}


@pytest.fixture(scope="module", params=[False, True], ids=["hosts files", "DNS"])
def template(request):
    with pretended() as host:
        host.kernel.facts.name_server = request.param
        yield prepared(host)


@pytest.fixture
def world(template):
    with pretended() as host:
        host.become(template)
        yield host


def prepared(host):
    host.kernel.facts.wireguard = {"eth0"}
    host.kernel.facts.links = {"eth1": []}
    host.kernel.facts.parents = {"eth1": Parent("", 1500, False, False, True, "")}
    host.network("lan", ipam_config=[{"subnet": "10.9.0.0/24"}])
    host.network("back", internal=True)
    host.sandbox("box")
    host.sandbox("neighbour", networks=[{"name": "lan"}])
    return host


def held(host):
    """Return what the host holds, except kernel settings, which stay when they are not needed."""
    present = [one for one in host.kernel.present.values() if one.removable]
    # Which address a DHCP client has asked for first does not matter later.
    return {replace(one, address="") if isinstance(one, DhcpClient) else one for one in present}


def foretold(host, kind, item):
    """Return the result of a run for ITEM, after checking that check mode predicts it without changing anything."""
    objects = host.remembered()
    with host.kernel.unchanged():
        answer = host.ensure(kind, item, check=True)
    assert host.remembered() == objects
    result = host.ensure(kind, item)
    assert asdict(answer) == asdict(result)
    return result


def quiet(host, kind, item):
    """Return the result of a run for ITEM; check that neither it nor check mode changes anything."""
    for check in (True, False):
        with host.kernel.unchanged():
            result = host.ensure(kind, item, check=check)
        assert not result.changed
        assert [each for each in result.differences if each["before"] != each["after"]] == []
    return result


@pytest.mark.parametrize("option", OPTIONS)
def test_the_cycle(world, option):
    kind, options, change = OPTIONS[option]
    before = (world.remembered(), held(world))
    item = {"name": "it", **options}
    assert foretold(world, kind, item).changed
    quiet(world, kind, item)

    changed = {"name": "it", **change}
    if kind == "endpoint":
        changed["network"] = "lan"
    assert foretold(world, kind, changed).changed == bool(change)
    assert [one["Name"] for one in quiet(world, kind, changed).objects] == ["it"]

    gone = {"name": "it", "state": "absent"}
    result = foretold(world, kind, gone)
    assert result.changed
    assert result.objects == [{}]
    quiet(world, kind, gone)
    assert (world.remembered(), held(world)) == before


@pytest.mark.parametrize("place", ON_LAN)
def test_the_cycle_of_an_endpoint_on_a_lan(world, place):
    world.network("wire", **ON_LAN[place])
    before = (world.remembered(), held(world))
    item = {"name": "it", "network": "wire"}
    assert foretold(world, "endpoint", item).changed
    joined = {**item, "sandbox": "box"}
    if place.startswith("DHCP"):
        # Nobody knows the address before the server gives it.
        world.kernel.server[world.one("endpoint", "it")["MacAddress"]] = "192.168.7.61"
        assert world.ensure("endpoint", joined, check=True).changed and world.ensure("endpoint", joined).changed
    else:
        assert foretold(world, "endpoint", joined).changed
    quiet(world, "endpoint", joined)
    comes_back(world)
    assert foretold(world, "endpoint", {**item, "ipv4_address": "192.168.7.80", "aliases": ["a"]}).changed
    quiet(world, "endpoint", joined)
    assert foretold(world, "endpoint", {**item, "state": "left"}).changed
    quiet(world, "endpoint", item)
    gone = {**item, "state": "absent"}
    assert foretold(world, "endpoint", gone).changed
    quiet(world, "endpoint", gone)
    assert (world.remembered(), held(world)) == before


def comes_back(host):
    """Check that a restore brings back what is lost: one resource of each kind, and all in a reboot."""
    expected = held(host)
    for key in {one.kind: one.key for one in sorted(expected, key=lambda one: one.key)}.values():
        host.kernel.lose(key)
        assert host.controller().restore().changed
        assert held(host) ^ expected == set()
        assert not host.controller().restore().changed
    host.kernel.forget()
    assert host.controller().restore().changed and not host.controller().restore().changed
    assert held(host) ^ expected == set()


@pytest.mark.parametrize(
    "option", ["enable_ipv6", "internal", "mode", "encrypted", "VLAN", "uplink", "openvswitch", "networks", "all of it"]
)
def test_whatever_is_lost_is_restored(world, option):
    kind, options, _change = OPTIONS[option]
    world.ensure(kind, {"name": "it", **options})
    comes_back(world)


DRIFT = {"network": ("lan", {"link", "address", "element", "ruleset"}), "sandbox": ("neighbour", None)}


@pytest.mark.parametrize("kind", DRIFT)
def test_the_task_itself_repairs_what_it_is_about(world, kind):
    name, kinds = DRIFT[kind]
    device = world.one("network", "lan")["Host"]["Device"]
    expected = held(world)
    repaired = set()
    for key in sorted(one.key for one in expected):
        if (kind == "network") == (device in key or key.kind in ("ruleset", "element")):
            world.kernel.lose(key)
            if world.ensure(kind, {"name": name}).changed:
                repaired.add(key.kind)
            world.controller().restore()
            assert held(world) ^ expected == set()
    naming = {each.kind for each in KINDS.values() if each.subsystem == NAMING and world.kernel.facts.name_server}
    assert repaired == (kinds or {"namespace", "link", "address", "neighbour", "route", "file"} | naming)


def test_after_a_reboot_all_comes_back(world):
    present = dict(world.kernel.present)
    world.kernel.forget()
    assert world.controller(check=True).restore().changed
    assert world.controller().restore().changed
    assert world.kernel.present == present
    assert not world.controller().restore().changed
