# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of Docker 20.10, Docker 26 and Podman 5, and a sandbox, on one network of two hosts."""

from __future__ import annotations

import json

import pytest

ADDRESSES = {"site": "10.12.0.10", "docker-a": "10.12.0.11", "docker-b": "10.12.0.12", "podman-b": "10.12.0.13"}
INSIDE = {
    "a": {"site": "ip netns exec site busybox", "docker-a": "docker exec docker-a busybox"},
    "b": {"docker-b": "docker exec docker-b busybox", "podman-b": "podman exec podman-b busybox"},
}
"""On each host, the programs that run a command of busybox in a container or a sandbox."""
ALIASES = ["first-a", "first-b", "second-b"]


@pytest.fixture(autouse=True)
def name(host):
    hostname = host.check_output("hostname")
    if hostname not in INSIDE:
        pytest.skip("no engine of this host knows a network of ours")
    return hostname


@pytest.fixture()
def inside(name):
    return INSIDE[name]


def test_the_versions_are_those_that_the_docs_name(host, name):
    version = host.check_output("docker version --format='{{.Server.Version}}'")
    assert version.split(".")[0] == {"a": "20", "b": "26"}[name]
    if name == "b":
        assert host.check_output("podman version --format='{{.Version}}'").startswith("5.")


def test_everybody_reaches_everybody_on_both_hosts(host, inside):
    for program in inside.values():
        lost = [who for who, address in ADDRESSES.items() if host.run(f"{program} ping -c 1 -W 20 {address}").failed]
        assert lost == [], program


def test_everybody_finds_everybody_on_both_hosts_by_name(host, inside):
    for who, program in inside.items():
        names = {*ADDRESSES, *ALIASES} - {who}
        unknown = [each for each in sorted(names) if host.run(f"{program} ping -c 1 -W 20 {each}").failed]
        assert unknown == [], program


def test_cnm_shows_whose_they_are(host, inside):
    described = json.loads(host.check_output("cnm sandbox inspect $(cnm sandbox ls --quiet)"))
    engines = {
        labels.get("cnm.container.name", each["Name"]): labels["cnm.engine"]
        for each in described
        for labels in [each["Labels"]]
        if "cnm.engine" in labels
    }
    assert engines == {who: {"d": "docker", "p": "netavark"}[who[0]] for who in inside if who != "site"}


def test_docker_has_the_network_under_our_name(host):
    (network,) = json.loads(host.check_output("docker network inspect app"))
    assert (network["Driver"], network["IPAM"]["Driver"]) == ("cnm", "cnm")
    assert {pool["Subnet"] for pool in network["IPAM"]["Config"]} == {"10.12.0.0/16", "fd00:12::/64"}


def test_the_service_is_well(host):
    assert host.run("systemctl is-failed cnm-engines cnm-engines.socket cnm-docker.socket").failed
