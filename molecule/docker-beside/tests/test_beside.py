# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's networks and ours work on one host, and neither reaches the other."""

from __future__ import annotations

import ipaddress
import json

import pytest

NEIGHBOUR = {"a": "10.213.4.12", "b": "10.213.4.13", "c": "10.213.4.11"}


@pytest.fixture()
def neighbour(host):
    """The address of another host of the fleet."""
    return NEIGHBOUR[host.check_output("hostname")]


def fetch(host, url, prefix="", patience=20):
    return host.run(f"{prefix} curl --silent --show-error --max-time {patience} {url}")


def inside_container(host, name):
    """Return the prefix that runs a command of the host in the container's network namespace."""
    process = host.check_output("docker inspect --format='{{.State.Pid}}' " + name)
    return f"nsenter --net=/proc/{process}/ns/net"


def container_address(host, name, network):
    form = '{{(index .NetworkSettings.Networks "' + network + '").IPAddress}}'
    return host.check_output(f"docker inspect --format='{form}' {name}")


def sandbox_address(host, name, network):
    described = json.loads(host.check_output(f"cnm sandbox inspect {name}"))
    return described[0]["Networks"][network]["IPAddress"]


def test_both_are_reached_from_other_hosts(host, neighbour):
    assert fetch(host, f"http://{neighbour}:8080/").stdout.startswith("ours on ")
    assert fetch(host, f"http://{neighbour}:8081/").stdout.startswith("theirs on ")


def test_both_are_reached_from_the_host_itself(host):
    name = host.check_output("hostname")
    assert fetch(host, "http://127.0.0.1:8080/").stdout == f"ours on {name}\n"
    assert fetch(host, "http://127.0.0.1:8081/").stdout == f"theirs on {name}\n"


def test_both_reach_out(host, neighbour):
    assert host.run(f"ip netns exec web ping -c 1 -W 20 {neighbour}").succeeded
    assert host.run(f"docker exec theirs busybox ping -c 1 -W 20 {neighbour}").succeeded


def test_neighbours_reach_each_other_by_name(host):
    assert host.run("ip netns exec db ping -c 1 -W 20 web").succeeded
    assert host.run("docker exec client busybox ping -c 1 -W 20 theirs").succeeded


def test_neither_reaches_into_the_other(host):
    web, theirs = sandbox_address(host, "web", "front"), container_address(host, "theirs", "bridge")
    assert fetch(host, f"http://{web}/").succeeded and fetch(host, f"http://{theirs}/").succeeded
    assert not fetch(host, f"http://{web}/", inside_container(host, "theirs"), patience=3).succeeded
    assert not fetch(host, f"http://{theirs}/", "ip netns exec web", patience=3).succeeded


def test_the_internal_network_has_no_way_out(host, neighbour):
    assert not host.run(f"ip netns exec db ping -c 1 -W 1 {neighbour}").succeeded


def test_no_subnet_is_in_both(host):
    theirs = json.loads(host.check_output("docker network inspect $(docker network ls --quiet)"))
    ours = json.loads(host.check_output("cnm network inspect bridge front back"))

    def subnets(networks):
        return [
            ipaddress.ip_network(pool["Subnet"]) for network in networks for pool in network["IPAM"]["Config"] or []
        ]

    assert not [(one, other) for one in subnets(theirs) for other in subnets(ours) if one.overlaps(other)]


def test_others_chains_are_as_docker_makes_them(host):
    rules = host.check_output("iptables --list-rules FORWARD")
    assert "-j DOCKER-USER" in rules.splitlines()[1]
    assert "cnm" not in rules


def test_restored_before_docker(host):
    after = host.check_output("systemctl show --property=After --value docker.service")
    assert "cnm-restore.service" in after.split()
    assert host.service("cnm-restore").is_enabled
    assert host.run("systemctl is-failed cnm-restore cnm-refresh ours docker").failed
