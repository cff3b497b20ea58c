# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests of netavark (plugin-API.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest
from cnm_engines import runs

from .conftest import Engine

ID = "752947ff91f961eb3cb47ffe9315016979f3ffbec09e4d96a4fae3fb03391697"


def network(**changes: Any) -> Dict[str, Any]:
    """Return a network as Podman describes it."""
    return {
        "name": "blue",
        "id": "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9",
        "driver": "cnm",
        "network_interface": "",
        "subnets": [],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": True,
        "ipam_options": {"driver": "host-local"},
        "options": None,
        **changes,
    }


def container(on: Dict[str, Any], **changes: Any) -> Dict[str, Any]:
    """Return the input of setup and teardown for a container on network ON."""
    wishes = {"aliases": [ID[:12]], "interface_name": "eth0", "static_ips": None, "static_mac": None}
    wishes.update(changes.pop("network_options", {}))
    return {
        "container_id": ID,
        "container_name": "web",
        "port_mappings": None,
        "network": on,
        "network_options": wishes,
        **changes,
    }


def test_the_plugin_tells_its_versions(engine: Engine) -> None:
    assert engine.netavark("info") == (0, {"version": "0.1.0", "api_version": "1.0.0"})


@pytest.mark.parametrize("arguments", [(), ("bogus",), ("setup",), ("setup", "a", "b"), ("create", "x")])
def test_a_wrong_call_says_how_to_call(engine: Engine, arguments: Any) -> None:
    status, output = engine.netavark(*arguments)
    assert status == 1
    assert output == {
        "error": "The netavark plugin cnm is called with 'create', 'setup NETNS', 'teardown NETNS' or 'info'."
    }


def test_a_network_of_ours_completes_podmans(engine: Engine) -> None:
    given = network()
    status, output = engine.netavark("create", **given)
    assert status == 0
    device = engine.listed("network")["blue"]["Host"]["Device"]
    assert output == {
        **given,
        "network_interface": device,
        "subnets": [
            {"subnet": "10.1.0.0/24", "gateway": "10.1.0.1"},
            {"subnet": "fd00:1::/64", "gateway": "fd00:1::1"},
        ],
        "ipv6_enabled": True,
        "dns_enabled": False,
        "ipam_options": {"driver": "cnm"},
        "options": {"cnm.network": "blue"},
    }


def test_the_option_names_our_network(engine: Engine) -> None:
    status, output = engine.netavark("create", **network(name="podnet", options={"cnm.network": "red"}))
    assert (status, output["name"], output["options"]) == (0, "podnet", {"cnm.network": "red"})
    assert output["subnets"] == [{"subnet": "10.2.0.0/24", "gateway": "10.2.0.1"}]


def test_a_missing_network_is_made_if_there_is_a_subnet(engine: Engine) -> None:
    subnet = {
        "subnet": "10.8.0.0/24",
        "gateway": "10.8.0.254",
        "lease_range": {"start_ip": "10.8.0.64", "end_ip": "10.8.0.127"},
    }
    options = {"com.docker.network.driver.mtu": "1400"}
    given = network(name="green", subnets=[subnet], options=options, internal=True)
    status, output = engine.netavark("create", **given)
    assert status == 0
    assert output["subnets"] == [{"subnet": "10.8.0.0/24", "gateway": "10.8.0.254"}]
    made = engine.listed("network")["green"]
    assert made["IPAM"]["Config"] == [{"Subnet": "10.8.0.0/24", "IPRange": "10.8.0.64/26", "Gateway": "10.8.0.254"}]
    assert (made["Internal"], made["Host"]["Mtu"], made["Labels"]) == (True, 1400, {"cnm.engine": "netavark"})


def test_a_missing_network_without_a_subnet_is_refused(engine: Engine) -> None:
    assert engine.netavark("create", **network(name="green")) == (
        1,
        {"error": "There is no network 'green'. Create it first, or give the subnet with which to create it."},
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "'name' is missing."),
        ({"subnets": "x"}, """'subnets' is "x", which is not a list."""),
        ({"subnets": [{"subnet": "10.9.0.0/24"}]}, "its subnets are 10.1.0.0/24, fd00:1::/64, not 10.9.0.0/24."),
        ({"subnets": [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.9"}]}, "its gateway is 10.1.0.1, not 10.1.0.9."),
        (
            {"subnets": [{"subnet": "10.1.0.0/24", "lease_range": {"start_ip": "10.1.0.64", "end_ip": "10.1.0.127"}}]},
            "its iprange is None, not 10.1.0.64/26.",
        ),
        (
            {"subnets": [{"subnet": "10.1.0.0/24", "lease_range": {"start_ip": "10.1.0.1", "end_ip": "10.1.0.9"}}]},
            "'subnets[0].lease_range': 10.1.0.1 to 10.1.0.9 is not one block of addresses",
        ),
        ({"internal": True}, "it is not internal."),
        ({"network_interface": "br0"}, "'network_interface' cannot be chosen here; it is a property of our network."),
        ({"routes": [{"destination": "10.0.0.0/8"}]}, "'routes' cannot be chosen here"),
        ({"network_dns_servers": ["192.0.2.1"]}, "'network_dns_servers' cannot be chosen here"),
        ({"ipam_options": {"driver": "dhcp"}}, "IPAM driver 'dhcp' cannot be used; our network chooses the addresses."),
        ({"name": "red", "ipv6_enabled": True}, "it has no IPv6."),
        ({"options": {"mtu": "1400"}}, "the option 'mtu' would have no effect."),
        ({"name": "green", "subnets": [{"subnet": "10.8.0.0/24"}], "options": {"vlan": "7"}}, "vlan"),
        ({"name": "green", "subnets": [{"subnet": "10.1.0.0/25"}]}, "overlaps 10.1.0.0/24 of network 'blue'."),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_touched(
    engine: Engine, changes: Dict[str, Any], said: str
) -> None:
    before = engine.listed("network")
    with engine.kernel.unchanged():
        status, output = engine.netavark("create", **network(**changes))
    assert status == 1
    assert said in output["error"]
    assert engine.listed("network") == before


def test_setup_joins_and_teardown_leaves_nothing(engine: Engine) -> None:
    before = set(engine.kernel.present)
    ports = [{"container_port": 80, "host_ip": "", "host_port": 8080, "protocol": "tcp", "range": 2}]
    given = container(network(), port_mappings=ports, network_options={"aliases": ["www", ID[:12]]})
    assert engine.netavark("setup", "/run/netns/a", **given) == (
        0,
        {
            "dns_search_domains": [],
            "dns_server_ips": [],
            "interfaces": {
                "eth0": {
                    "mac_address": "02:42:0a:01:00:02",
                    "subnets": [
                        {"ipnet": "10.1.0.2/24", "gateway": "10.1.0.1"},
                        {"ipnet": "fd00:1::2/64", "gateway": "fd00:1::1"},
                    ],
                }
            },
        },
    )
    sandbox = engine.listed("sandbox")["web"]
    assert sandbox["Labels"] == {"cnm.engine": "netavark", "cnm.container": ID, "cnm.network.eth0": "blue"}
    assert sandbox["Networks"]["blue"]["Aliases"] == ["www", ID[:12]]
    assert sorted(sandbox["Ports"]) == ["80/tcp", "81/tcp"]
    for _time in range(2):
        assert engine.netavark("teardown", "/run/netns/a", **given) == (0, None)
    assert engine.listed("sandbox") == engine.listed("endpoint") == {}
    assert set(engine.kernel.present) == before


def test_addresses_and_mac_can_be_chosen(engine: Engine) -> None:
    wishes = {"static_ips": ["10.1.0.9"], "static_mac": "aa:bb:cc:dd:aa:00", "interface_name": "net0"}
    _status, output = engine.netavark("setup", "/run/netns/a", **container(network(), network_options=wishes))
    assert output["interfaces"]["net0"]["mac_address"] == "aa:bb:cc:dd:aa:00"
    assert output["interfaces"]["net0"]["subnets"][0]["ipnet"] == "10.1.0.9/24"


@pytest.mark.parametrize("asked", [True, False])
def test_the_gateway_answers_names_if_podman_wants_that(engine: Engine, asked: bool) -> None:
    engine.kernel.facts.name_server = True
    engine.ensure("network", {"name": "named", "ipam_config": [{"subnet": "10.7.0.0/24"}]})
    on = network(name="named", dns_enabled=asked)
    assert engine.netavark("create", **on)[1]["dns_enabled"] is asked
    _status, output = engine.netavark("setup", "/run/netns/a", **container(on))
    assert output["dns_server_ips"] == (["10.7.0.1"] if asked else [])


def test_teardown_succeeds_when_the_namespace_is_gone(engine: Engine) -> None:
    given = container(network())
    engine.netavark("setup", "/run/netns/a", **given)
    engine.vanish("/run/netns/a")
    assert engine.netavark("teardown", "/run/netns/a", **given) == (0, None)
    assert engine.listed("sandbox") == engine.listed("endpoint") == {}


def test_a_container_of_podman_is_not_one_of_cni(engine: Engine) -> None:
    engine.done("ADD", ID)
    assert engine.netavark("teardown", "/run/netns/a", **container(network())) == (0, None)
    assert list(engine.listed("sandbox")) == [ID[:12]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"container_id": None}, "'container_id' is missing."),
        ({"network_options": {"interface_name": ""}}, "'network_options.interface_name' is missing."),
        ({"network_options": {"static_ips": ["x"]}}, "'network_options.static_ips': 'x' is not an IP address"),
        ({"network_options": {"options": {"a": "b"}}}, "cnm has no option 'a' for containers."),
        ({"port_mappings": [{"container_port": 80}]}, "'port_mappings[0].host_port' is missing; Podman has to choose"),
        ({"container_name": "-x"}, "'-x' is not a valid name"),
    ],
)
def test_a_wrong_container_is_refused_in_one_message(engine: Engine, changes: Dict[str, Any], said: str) -> None:
    with engine.kernel.unchanged():
        status, output = engine.netavark("setup", "/run/netns/a", **container(network(), **changes))
    assert status == 1
    assert said in output["error"]


def test_a_container_on_an_ipvlan_has_the_mac_address_of_the_parent(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine.ensure("network", {"name": "flat", "driver": "ipvlan", "ipam_config": [{"subnet": "10.8.0.0/24"}]})
    device = engine.listed("network")["flat"]["Host"]["Device"]
    tmp_path.joinpath(device).mkdir()
    tmp_path.joinpath(device, "address").write_text("02:00:00:00:00:99\n")
    monkeypatch.setattr(runs, "_INTERFACES", str(tmp_path))
    on = engine.netavark("create", **network(name="flat", dns_enabled=False))[1]
    status, output = engine.netavark("setup", "/run/netns/a", **container(on))
    assert status == 0, output
    assert output["interfaces"]["eth0"]["mac_address"] == "02:00:00:00:00:99"
