# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers that Podman puts on a network through netavark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dhcp_server import MACS, clients, on_lan
from engine import FOLDER, Plugins
from inventory import difference, inventory
from lab import pinged
from needed import BUSYBOX, needs
from tasks import Tasks, answers, hosts, link
from trunk import ROUTER

ID = "752947ff91f961eb3cb47ffe9315016979f3ffbec09e4d96a4fae3fb03391697"


def network(name: str, *subnets: str) -> dict[str, Any]:
    return {
        "name": name,
        "id": 64 * "1",
        "driver": "cnm",
        "subnets": [{"subnet": subnet} for subnet in subnets],
        "dns_enabled": True,
        "ipam_options": {"driver": "host-local"},
        "options": {},
    }


def container(name: str, on: dict[str, Any]) -> dict[str, Any]:
    return {
        "container_id": f"{name}{ID}"[:64],
        "container_name": name,
        "port_mappings": [{"container_port": 80, "host_ip": "", "host_port": 8080, "protocol": "tcp", "range": 1}]
        if name == "web"
        else None,
        "network": on,
        "network_options": {"aliases": [f"{name}-alias"], "interface_name": "eth0", "static_mac": None},
    }


def test_setup_connects_and_teardown_leaves_nothing(tasks: Tasks, plugins: Plugins) -> None:
    status, on = plugins.netavark("create", **network("made", "10.8.0.0/24"))
    assert (status, on["network_interface"]) == (0, tasks.device("made"))
    for name in ("web", "db"):
        plugins.namespace(name)
    before = inventory(tasks.host)
    for name in ("web", "db"):
        status, block = plugins.netavark("setup", f"{FOLDER}/{name}", **container(name, on))
        assert status == 0, block
        assert block["interfaces"]["eth0"]["mac_address"] == link(tasks.host, "eth0", name)["address"]
    assert pinged("db", hosts("db")["web-alias"]) and pinged("web", hosts("web")["db.made"])
    assert answers(8080, "web")
    status, block = plugins.netavark("setup", f"{FOLDER}/web", **container("web", on))
    assert status == 1 and "is already on network 'made'" in block["error"]
    for name in ("web", "db", "web"):
        assert plugins.netavark("teardown", f"{FOLDER}/{name}", **container(name, on)) == (0, None)
    assert difference(before, inventory(tasks.host)) == {}
    assert tasks.shown("sandbox") == tasks.shown("endpoint") == {}


def test_teardown_succeeds_when_the_namespace_is_gone(tasks: Tasks, plugins: Plugins) -> None:
    _status, on = plugins.netavark("create", **network("n"))
    before = inventory(tasks.host)
    plugins.namespace("web")
    plugins.netavark("setup", f"{FOLDER}/web", **container("web", on))
    tasks.host.out(["ip", "netns", "delete", "web"])
    assert plugins.netavark("teardown", f"{FOLDER}/web", **container("web", on)) == (0, None)
    assert difference(before, inventory(tasks.host)) == {}


def test_containers_of_both_protocols_and_sandboxes_reach_each_other(tasks: Tasks, plugins: Plugins) -> None:
    _status, on = plugins.netavark("create", **network("n"))
    for name in ("web", "db"):
        plugins.namespace(name)
    plugins.netavark("setup", f"{FOLDER}/web", **container("web", on))
    plugins.done("ADD", "db")
    tasks.sandbox("own", "n")
    everybody = ("web", "db", "own")
    for one in everybody:
        assert all(pinged(one, hosts(one)[other]) for other in everybody if other != one)


@needs("busybox-static", BUSYBOX)
def test_an_address_comes_from_a_dhcp_server(tasks: Tasks, plugins: Plugins, tmp_path: Path) -> None:
    with on_lan(tasks, tmp_path) as server:
        tasks.network("lan", "192.168.7.0/24", {"parent": "lan0"}, driver="macvlan", ipam_driver="dhcp")
        server.start({"b": "192.168.7.62"})
        _status, on = plugins.netavark("create", **network("lan"))
        plugins.namespace("db")
        wish = container("db", on)
        wish["network_options"]["static_mac"] = MACS["b"]
        status, block = plugins.netavark("setup", f"{FOLDER}/db", **wish)
        assert (status, block["interfaces"]["eth0"]["subnets"][0]["ipnet"]) == (0, "192.168.7.62/24")
        assert pinged("db", ROUTER)
        assert plugins.netavark("teardown", f"{FOLDER}/db", **wish) == (0, None)
        assert not clients()
