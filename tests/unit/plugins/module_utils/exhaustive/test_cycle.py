# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same cycle for every option of every object: predicted, done, done only once, changed, repaired, undone."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import KINDS, NAMING

from ..conftest import pretended

MTU = {"com.docker.network.driver.mtu": "1400"}
WIDE = {"driver": "overlay", "ipam_config": [{"subnet": "10.8.0.0/24"}]}
VNI = "com.docker.network.driver.overlay.vxlanid_list"
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
    "openvswitch": (
        "network",
        {"driver": "openvswitch", "driver_options": {"cnm.openvswitch.vlan": 7}},
        {"driver_options": {"cnm.openvswitch.datapath": "netdev", **MTU}},
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
    host.network("lan", ipam_config=[{"subnet": "10.9.0.0/24"}])
    host.network("back", internal=True)
    host.sandbox("box")
    host.sandbox("neighbour", networks=[{"name": "lan"}])
    return host


def held(host):
    """Return what the host holds, except kernel settings, which stay when they are not needed."""
    return {one for one in host.kernel.present.values() if one.removable}


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


@pytest.mark.parametrize("option", ["enable_ipv6", "internal", "mode", "encrypted", "networks", "all of it"])
def test_whatever_is_lost_is_restored(world, option):
    kind, options, _change = OPTIONS[option]
    world.ensure(kind, {"name": "it", **options})
    expected = held(world)
    for key in {one.kind: one.key for one in sorted(expected, key=lambda one: one.key)}.values():
        world.kernel.lose(key)
        assert world.controller().restore().changed
        assert held(world) ^ expected == set()
        assert not world.controller().restore().changed


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
