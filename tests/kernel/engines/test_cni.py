# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers that a CNI engine puts on a network."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from dhcp_server import MACS, clients, on_lan
from engine import COMMAND, FOLDER, Plugins
from inventory import difference, inventory
from lab import OUTSIDE, pinged
from needed import BUSYBOX, needs
from tasks import Tasks, answers, default_route, eventually, hosts, listed, reaches
from trunk import ROUTER

PORTS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
ALIAS = {"aliases": {"n": ["www"]}}
ROUNDS = 6


def previous(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key != "cniVersion"}


def test_containers_reach_each_other_by_name_and_the_outside_reaches_their_ports(
    tasks: Tasks, plugins: Plugins
) -> None:
    for name in ("web", "db"):
        plugins.namespace(name)
    before = inventory(tasks.host)
    tasks.sandbox("own", "n")
    result = plugins.done("ADD", "web", runtimeConfig={**PORTS, **ALIAS})
    plugins.done("ADD", "db")
    (interface,) = result["interfaces"]
    assert (interface["name"], interface["sandbox"]) == ("eth0", f"{FOLDER}/web")
    (link,) = listed(tasks.host, "ip", "address", "show", "dev", "eth0", place="web")
    address = next(each for each in link["addr_info"] if each["family"] == "inet")
    assert (link["address"], f"{address['local']}/24") == (interface["mac"], result["ips"][0]["address"])
    assert default_route(tasks.host, "web") == result["routes"][0]["gw"] == "10.1.0.1"
    for other in ("db", "own"):
        names = hosts(other)
        assert names["web"] == names["web.n"] == names["www"] == address["local"]
        assert pinged(other, names["web"])
    assert pinged("web", hosts("web")["db"]) and reaches("web", "own", hosts("web")["own"])
    assert answers(8080, "web")
    for name in ("web", "db"):
        plugins.done("DEL", name)
    tasks.sandbox("own", state="absent")
    assert difference(before, inventory(tasks.host)) == {}


LANS = {
    "uplink": {"driver_options": {"cnm.bridge.uplink": "lan0"}},
    "macvlan": {"driver": "macvlan", "driver_options": {"parent": "lan0"}},
    "DHCP": {"driver": "macvlan", "driver_options": {"parent": "lan0"}, "ipam_driver": "dhcp"},
}


@needs("busybox-static", BUSYBOX)
@pytest.mark.parametrize("lan", LANS)
def test_a_container_is_on_a_lan(tasks: Tasks, plugins: Plugins, tmp_path: Path, lan: str) -> None:
    with on_lan(tasks, tmp_path) as server:
        tasks.host.ip("address flush dev lan0\n")
        tasks.ensure("network", {"name": "lan", "ipam_config": [{"subnet": "192.168.7.0/24"}], **LANS[lan]})
        plugins.namespace("web")
        before = inventory(tasks.host)
        server.start({"a": "192.168.7.61"})
        added = plugins.done("ADD", "web", name="lan", runtimeConfig={"mac": MACS["a"], **PORTS})
        assert added["routes"][0]["gw"] == default_route(tasks.host, "web") == ROUTER
        address = added["ips"][0]["address"]
        assert address == ("192.168.7.61/24" if lan == "DHCP" else "192.168.7.2/24")
        assert reaches(OUTSIDE, "web", address.partition("/")[0]) and pinged("web", ROUTER)
        plugins.done("CHECK", "web", name="lan", prevResult=previous(added))
        plugins.done("DEL", "web", name="lan")
        assert difference(before, inventory(tasks.host)) == {}
        assert lan != "DHCP" or (eventually(lambda: server.released() == {"a"}) and not clients())


def test_an_engine_finds_the_executable_through_its_link(plugins: Plugins) -> None:
    plugins.namespace("web")
    os.makedirs("/run/cni/bin")
    link = Path("/run/cni/bin/cnm")
    link.symlink_to(COMMAND / "cnm-cni")
    plugins.done("ADD", "web", program=[str(link)])
    plugins.done("DEL", "web", program=[str(link)])


def test_a_container_on_two_networks_has_one_default_route(tasks: Tasks, plugins: Plugins) -> None:
    plugins.namespace("web")
    tasks.network("m", "10.2.0.0/24")
    tasks.sandbox("own", "m")
    for ifname, name in (("eth0", "n"), ("net1", "m")):
        plugins.done("ADD", "web", ifname, name=name, runtimeConfig=PORTS)
    assert reaches("web", "own", "10.2.0.2") and answers(8080, "web")
    plugins.done("DEL", "web", "eth0", name="n", runtimeConfig=PORTS)
    assert default_route(tasks.host, "web") == "10.2.0.1"
    assert answers(8080, "web")


def test_an_interface_that_is_there_already_is_an_error_and_stays(tasks: Tasks, plugins: Plugins) -> None:
    plugins.namespace("web")
    tasks.host.ip("link add eth0 type bridge\n", f"{FOLDER}/web")
    before = inventory(tasks.host)
    status, output = plugins.call("ADD", "web")
    assert status == 1
    assert "eth0" in output["msg"]
    assert difference(before, inventory(tasks.host)) == {}
    plugins.done("DEL", "web")
    assert difference(before, inventory(tasks.host)) == {}


def test_adding_twice_is_an_error_and_the_container_stays_connected(tasks: Tasks, plugins: Plugins) -> None:
    plugins.namespace("web")
    plugins.done("ADD", "web")
    status, output = plugins.call("ADD", "web")
    assert (status, output["code"]) == (1, 101)
    assert pinged("web", "10.1.0.1")


def test_checking_says_which_link_somebody_has_removed(tasks: Tasks, plugins: Plugins) -> None:
    plugins.namespace("web")
    result = previous(plugins.done("ADD", "web", runtimeConfig=PORTS))
    assert plugins.done("CHECK", "web", prevResult=result) is None
    tasks.host.ip("link delete eth0\n", f"{FOLDER}/web")
    status, output = plugins.call("CHECK", "web", prevResult=result)
    assert (status, output["code"]) == (1, 102)
    assert "veth 'eth0' in '/run/netns/web'" in output["msg"]
    tasks.restore()
    assert plugins.done("CHECK", "web", prevResult=result) is None


def test_removing_succeeds_twice_and_when_the_namespace_is_gone(tasks: Tasks, plugins: Plugins) -> None:
    before = inventory(tasks.host)
    for name in ("web", "db"):
        plugins.namespace(name)
        plugins.done("ADD", name, runtimeConfig=PORTS if name == "web" else {})
    for _time in range(2):
        plugins.done("DEL", "db")
    tasks.host.out(["ip", "netns", "delete", "web"])
    plugins.done("DEL", "web", netns="")
    plugins.done("DEL", "web")
    tasks.host.out(["ip", "netns", "delete", "db"])
    assert tasks.shown("sandbox") == tasks.shown("endpoint") == {}
    assert difference(before, inventory(tasks.host)) == {}


def test_a_container_that_lost_its_namespace_is_attached_again_with_its_address(tasks: Tasks, plugins: Plugins) -> None:
    plugins.namespace("web")
    plugins.namespace("other")
    first = plugins.done("ADD", "web")
    plugins.done("ADD", "other")
    tasks.host.out(["ip", "netns", "delete", "web"])
    netns = plugins.namespace("web-again")
    again = plugins.done("ADD", "web", netns=netns)
    assert again["ips"] == first["ips"]
    assert pinged("other", "10.1.0.2")


def test_collecting_removes_what_the_engine_does_not_know(tasks: Tasks, plugins: Plugins) -> None:
    for name in ("a", "b", "c"):
        plugins.namespace(name)
        plugins.done("ADD", name)
    tasks.sandbox("own", "n")
    tasks.host.out(["ip", "netns", "delete", "b"])
    plugins.done("GC", "", **{"cni.dev/valid-attachments": [{"containerID": "id-a", "ifname": "eth0"}]})
    assert sorted(tasks.shown("sandbox")) == ["a", "own"]
    assert listed(tasks.host, "ip", "link", "show", "type", "veth", place="c") == []
    assert pinged("a", tasks.address("own", "n"))


def test_the_status_is_good_and_says_what_is_not(tasks: Tasks, plugins: Plugins) -> None:
    before = inventory(tasks.host)
    assert plugins.done("STATUS", "") is None
    status, output = plugins.call("STATUS", "", network="nowhere")
    assert (status, output["code"]) == (1, 50)
    assert difference(before, inventory(tasks.host)) == {}


def test_a_killed_request_leaves_nothing_after_the_next_one(tasks: Tasks, plugins: Plugins, seed: int) -> None:
    chance = random.Random(seed)
    plugins.namespace("web")
    before = inventory(tasks.host)
    began = time.monotonic()
    plugins.done("ADD", "web", runtimeConfig=PORTS)
    seconds = time.monotonic() - began
    complete = inventory(tasks.host)
    plugins.done("DEL", "web")
    killed = 0
    for turn in range(ROUNDS):
        for command in ("ADD", "DEL"):
            if command == "DEL":
                plugins.call("ADD", "web", runtimeConfig=PORTS)
            process = plugins.process(command, "web", runtimeConfig=PORTS)
            delay = chance.uniform(seconds / 4, seconds)
            time.sleep(delay)
            process.kill()
            process.communicate()
            killed += process.returncode < 0
            about = f"round {turn}, {command} killed after {delay:.3f} s"
            print(about)
            if command == "ADD" and turn % 2:
                plugins.call("ADD", "web", runtimeConfig=PORTS)
                assert difference(complete, inventory(tasks.host)) == {}, about
            plugins.done("DEL", "web", runtimeConfig=PORTS)
            assert difference(before, inventory(tasks.host)) == {}, about
            assert tasks.shown("sandbox") == tasks.shown("endpoint") == {}, about
    assert killed


def test_requests_at_once_get_addresses_of_their_own(tasks: Tasks, plugins: Plugins) -> None:
    names = [f"c{number}" for number in range(6)]
    for name in names:
        plugins.namespace(name)
    processes = [plugins.process("ADD", name) for name in names]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(names), outputs
    addresses = {each["IPv4Address"] for each in tasks.shown("endpoint").values()}
    assert len(addresses) == len(names)
