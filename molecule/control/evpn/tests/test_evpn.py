# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that tell each other of the endpoints on the network 'green' by BGP. Host c has an FRR of its own."""

import json

import pytest

HOSTS = {"a": 1, "b": 2, "c": 3}


@pytest.fixture
def name(host):
    """Return the name of the host in the inventory."""
    return host.check_output("hostname")


def reached(host, sandbox, target):
    return host.run(f"ip netns exec {sandbox} ping -c 1 -w 20 {target}").rc == 0


def test_everybody_on_green_by_address_and_by_name(host, name):
    for other, number in HOSTS.items():
        if other != name:
            targets = (f"10.10.{number}.5", f"fd00:10::{number}:5", f"green-{other}", f"green-{other}.green")
            assert [each for each in targets if not reached(host, f"green-{name}", each)] == []


def test_the_entries_are_those_of_frr(host):
    shown = json.loads(host.check_output("cnm network inspect green"))[0]["Host"]
    assert (shown["Control"], shown["Learning"]) == ("evpn", False)
    led = [
        each
        for each in json.loads(host.check_output("bridge -json fdb show"))
        if each["ifname"] == shown["VxlanDevice"]
    ]
    floods = {each["dst"] for each in led if each["mac"] == "00:00:00:00:00:00"}
    known = [each for each in led if "extern_learn" in each.get("flags", []) and "dst" in each]
    assert len(floods) == 2 and {each["dst"] for each in known} == floods


def test_each_host_has_its_neighbours(host, name):
    found = json.loads(host.check_output("vtysh -c 'show bgp l2vpn evpn summary json'"))["peers"]
    states = [each["state"] for address, each in found.items() if address.startswith("10.254.")]
    assert states == ["Established"] * 2
    assert host.check_output("systemctl is-enabled frr") == "enabled"


def test_the_configuration_of_somebody_else_stays(host, name):
    text = host.file("/etc/frr/frr.conf").content_string
    assert ("203.0.113.1" in text) == (name == "c")
    assert ("router bgp 65000" in text and "peer-group cnm" in text) == (name != "c")
    assert host.file("/etc/frr/cnm.conf").exists == (name == "c")
