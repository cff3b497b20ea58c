# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network blue, which goes between hosts only in a tunnel of WireGuard."""

import pytest

HOSTS = "abc"


@pytest.fixture
def name(host):
    """Return the name of the host in the inventory."""
    return host.check_output("hostname")


def test_the_tunnel_is_there_now_and_after_a_boot(host):
    assert host.check_output("systemctl is-enabled wg-quick@wg-cnm") == "enabled"
    assert host.check_output("systemctl is-active wg-quick@wg-cnm") == "active"
    assert host.file("/etc/wireguard/wg-cnm.conf").mode == 0o600
    assert len(host.check_output("wg show wg-cnm peers").split()) == len(HOSTS) - 1


def test_private_keys_are_on_their_hosts_only(host):
    key = host.check_output("sed -n 's/^PrivateKey = //p' /etc/wireguard/wg-cnm.conf")
    assert len(key) == 44
    assert key not in host.check_output("journalctl --no-pager")


def test_the_network_is_in_the_tunnel(host, name):
    inside = f"ip netns exec blue-{name}"
    for other in HOSTS.replace(name, ""):
        assert host.run(f"{inside} ping -4 -c 1 -W 20 blue-{other}").rc == 0
        # 1500, less 60 for WireGuard, less 50 for VXLAN, less 28 for the headers of the packet.
        assert host.run(f"{inside} ping -4 -c 1 -W 5 -M do -s 1362 blue-{other}").rc == 0
        assert host.run(f"{inside} ping -4 -c 1 -W 1 -M do -s 1363 blue-{other}").rc != 0
    rules = host.check_output("nft list table inet cnm")
    assert 'elements = { "wg-cnm" }' in rules
    assert "udp dport . @th,96,24 @encrypted" in rules
