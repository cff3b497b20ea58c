# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker 1.9's walk-through, on each host."""

import json


def inspect(host, network):
    """Return the answer of ``cnm network inspect``."""
    return json.loads(host.check_output("cnm network inspect %s", network))[0]


def addresses(host, network):
    """Return the address of each endpoint on NETWORK."""
    return {each["Name"]: each["IPv4Address"] for each in inspect(host, network)["Containers"].values()}


def test_list(host):
    names = {line.split()[1] for line in host.check_output("cnm network ls").splitlines()[1:]}
    assert {"bridge", "host", "none", "web", "myapp"} <= names


def test_addresses(host):
    assert addresses(host, "web") == {"nginx1": "172.18.0.2/16"}
    assert addresses(host, "myapp") == {"newapp": "172.19.0.2/16", "nginx1": "172.19.0.3/16"}


def test_mac_address_follows_from_the_address(host):
    assert "02:42:ac:13:00:03" in host.check_output("cnm sandbox exec nginx1 ip -oneline link show")


def test_they_find_each_other(host):
    host.check_output("cnm sandbox exec newapp ping -c 1 -W 20 nginx1")
    host.check_output("cnm sandbox exec nginx1 ping -c 1 -W 20 newapp")


def test_networks_are_isolated(host):
    assert host.run("cnm sandbox exec newapp ping -c 1 -W 1 172.18.0.2").failed


def test_routes(host):
    for name in ("web", "myapp"):
        subnet = inspect(host, name)["IPAM"]["Config"][0]["Subnet"]
        assert f"{subnet} dev br-{inspect(host, name)['Id'][:12]}" in host.check_output("ip route")
