# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody changes our objects by hand: the next run reports and repairs this, and the run after it does nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from inventory import difference, inventory
from lab import UPLINK4, UPLINK6, command
from stand_in import OUTSIDE
from tasks import BRIDGE, Tasks, answers, host_end, link, reaches, setting, source_outside

SANDBOX = {
    "isolated": "bridge link set dev {end} isolated on",
    "learning off": "bridge link set dev {end} learning off",
    "no hairpin": "bridge link set dev {end} hairpin off",
    "no master": "ip link set {end} nomaster",
    "other bridge": "ip link set {end} master {other}",
    "host's end down": "ip link set {end} down",
    "host's end smaller": "ip link set {end} mtu 1300",
    "host's end renamed": "ip link set {end} down name other0",
    "host's end deleted": "ip link delete {end}",
    "group": "ip link set {end} group 0",
    "inner down": "ip netns exec a ip link set eth0 down",
    "inner smaller": "ip netns exec a ip link set eth0 mtu 1300",
    "inner hardware address": "ip netns exec a ip link set eth0 address 02:00:00:00:00:99",
    "inner address": "ip netns exec a ip address delete {a}/24 dev eth0",
    "inner IPv6 address": "ip netns exec a ip address delete {a6}/64 dev eth0",
    "inner route": "ip netns exec a ip route delete default",
    "inner route elsewhere": "ip netns exec a ip route replace default via 10.1.0.77",
    "unpinned": "bridge fdb delete {mac} dev {end} master",
    "pinned to whoever speaks": "bridge fdb replace {mac} dev {end} master static",
    "neighbour forgotten": "ip neighbour delete {a} dev {bridge}",
    "neighbour elsewhere": "ip neighbour replace {a6} dev {bridge} lladdr 02:00:00:00:00:99 nud permanent",
    "neighbour that is not lasting": "ip neighbour replace {a} dev {bridge} lladdr {mac} nud reachable",
    "gateway elsewhere": "ip -n a neighbour replace fd00:1::1 dev eth0 lladdr 02:00:00:00:00:99 nud permanent",
    "inner renamed": "ip -n a link set eth0 down name other",
    "declared route": "ip -n a route delete 10.180.0.0/16",
    "declared route of another type": "ip -n a route replace prohibit 10.181.0.0/16",
    "setting of the sandbox": "ip netns exec a sysctl -qw net.ipv4.ip_unprivileged_port_start=1024",
    "name elsewhere": "sed -i s/{a}/10.1.0.99/ /etc/netns/a/hosts",
    "hosts file": "rm /etc/netns/a/hosts",
    "nameserver": "sed -i s/192.0.2.53/192.0.2.54/ /etc/netns/a/resolv.conf",
    "folder of both files": "rm -r /etc/netns/a",
    "namespace deleted": "ip netns delete a",
    "port": "nft flush map inet cnm published4",
    "rules of everybody": "nft flush ruleset",
}
NETWORK = {
    "bridge deleted": "ip link delete {bridge}",
    "bridge down": "ip link set {bridge} down",
    "bridge smaller": "ip link set {bridge} mtu 1300",
    "bridge's hardware address": "ip link set {bridge} address 06:00:00:00:00:02",
    "gateway": "ip address delete 10.1.0.1/24 dev {bridge}",
    "way back": "sysctl -qw net.ipv4.conf.{bridge}.rp_filter=1",
    "loopback": "sysctl -qw net.ipv4.conf.{bridge}.route_localnet=0",
    "forwarding": "sysctl -qw net.ipv4.ip_forward=0",
    "forwarding of IPv6": "sysctl -qw net.ipv6.conf.all.forwarding=0",
    "rules": "nft delete table inet cnm",
    "rule added": "nft insert rule inet cnm forward accept",
    "rule replaced": "nft replace rule inet cnm forward handle {handle} counter",
    "chain": "nft flush chain inet cnm postrouting",
    "element": "nft delete element inet cnm subnets4 {{ 10.1.0.0/24 }}",
    "verdict": "nft delete element inet cnm within {{ {bridge} . {bridge} }}; add element inet cnm within"
    " {{ {bridge} . {bridge} : drop }}",
    "all rules": "nft flush ruleset",
}
DECLARED: dict[str, Any] = {
    "published_ports": ["8080:80"],
    "dns_servers": ["192.0.2.53"],
    "sysctls": {"net.ipv4.ip_unprivileged_port_start": 7},
    "routes": [
        {"destination": "10.180.0.0/16", "gateway": "10.1.0.9", "metric": 5},
        {"destination": "10.181.0.0/16", "type": "blackhole"},
    ],
}


def failing(tasks: Tasks) -> list[str]:
    """Return which ways do not work."""
    a = "10.1.0.2"
    ways = {
        "from another sandbox": reaches("b", "a", a),
        "by the port": answers(8080, "a"),
        "by the port from inside": answers(8080, "a", "a"),
        "by the port from the host": answers(8080, "a", "", "127.0.0.1"),
        "by the port with IPv6": answers(8080, "a", OUTSIDE, UPLINK6),
        "to the outside": source_outside("a") == UPLINK4,
    }
    return [name for name, works in ways.items() if not works]


@pytest.mark.parametrize("kind", (*SANDBOX, *NETWORK))
def test_repaired(tasks: Tasks, kind: str) -> None:
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    tasks.network("other", "10.2.0.0/24")
    tasks.sandbox("a", "n", **DECLARED)
    tasks.sandbox("b", "n")
    links = ("eth0", "a"), (tasks.device("n"), "")
    hardware = [link(tasks.host, *each)["address"] for each in links]
    before = inventory(tasks.host)
    rules = command("nft -a list chain inet cnm forward")
    names = {
        "mac": hardware[0],
        "bridge": tasks.device("n"),
        "other": tasks.device("other"),
        "end": host_end(tasks.host, "a")["ifname"],
        "a": tasks.address("a", "n"),
        "a6": tasks.address("a", "n", 6),
        "handle": re.findall(r" drop # handle (\d+)$", rules, re.MULTILINE)[0],
    }
    command({**SANDBOX, **NETWORK}[kind].format(**names))
    changed, name = ("sandbox", "a") if kind in SANDBOX else ("network", "n")
    assert tasks.would(changed, {"name": name})
    assert tasks.ensure(changed, {"name": name}).changed
    assert not tasks.ensure(changed, {"name": name}).changed
    assert failing(tasks) == []
    assert difference(before, inventory(tasks.host)) == {}
    assert [link(tasks.host, *each)["address"] for each in links] == hardware
    assert setting("net/ipv4/ip_unprivileged_port_start", "a") == "7"
    assert not tasks.restore().changed


def test_another_address_beside_ours_stays(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24", {f"{BRIDGE}.enable_icc": False})
    tasks.sandbox("a", "n")
    tasks.host.ip("address delete 10.1.0.2/24 dev eth0\naddress add 10.1.0.99/24 dev eth0\n", "/run/netns/a")
    assert tasks.sandbox("a").changed
    shown = command("ip netns exec a ip -4 address show eth0")
    assert "10.1.0.2/24" in shown and "10.1.0.99/24" in shown
    assert not tasks.sandbox("a").changed
    assert source_outside("a") == UPLINK4
