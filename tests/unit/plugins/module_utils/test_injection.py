# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Input that would have another meaning in a file, in the kernel or for nft: refused before anything is changed."""

from __future__ import annotations

import pytest

PREFIX = "com.docker.network.container_iface_prefix"
BRIDGE = "com.docker.network.bridge.name"


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("sandbox", {"dns_servers": ["fe80::1%a\nnameserver 192.0.2.66"]}, "not a valid interface name"),
        ("sandbox", {"etc_hosts": {"host": "fe80::1%a\n192.0.2.66 evil"}}, "is an IP address with a zone"),
        ("endpoint", {"network": "lan", "ipv6_address": "fd00::9%eth0"}, "is an IP address with a zone"),
        ("network", {"ipam_config": [{"subnet": "fd00:5::%eth0/64"}]}, "is an IP address with a zone"),
        ("sandbox", {"dns_opts": ["ndots:2\0"]}, "not one word"),
        ("sandbox", {"dns_opts": ["ndots:2\x1b"]}, "not one word"),
        ("sandbox", {"sysctls": {"net.ipv4\0.x": "1"}}, "not a setting"),
        ("sandbox", {"sysctls": {"net.ipv4/../../kernel/panic": "1"}}, "not a setting"),
        ("sandbox", {"sysctls": {"net.": "1"}}, "not a setting"),
        ("sandbox", {"sysctls": {"net.ipv4.ip_forward": "1\x00"}}, "is not one line of printable ASCII"),
        ("sandbox", {"sysctls": {"net.ipv4.ip_forward": ""}}, "is not one line of printable ASCII"),
        ("endpoint", {"network": "lan", "interface_name": "eth\x01"}, "not a valid interface name"),
        ("endpoint", {"network": "lan", "interface_name": "ë" * 15}, "not a valid interface name"),
        ("endpoint", {"network": "lan", "interface_name": 'e"x'}, "not a valid interface name"),
        ("endpoint", {"network": "lan", "interface_name": "lo"}, "not a valid interface name"),
        ("network", {"driver_options": {BRIDGE: "all"}}, "not a valid interface name"),
        ("network", {"driver_options": {BRIDGE: "default"}}, "not a valid interface name"),
        ("network", {"driver_options": {PREFIX: "a\\b"}}, "not a valid interface name"),
        ("endpoint", {"network": "bridge", "aliases": ["web"]}, "does not resolve names"),
        ("sandbox", {"networks": [{"name": "none", "aliases": ["web"]}]}, "does not resolve names"),
    ],
)
def test_it_is_refused(still, kind, options, message):
    assert message in still.refused(kind, {"name": "new", **options})


def test_a_namespace_of_ours_by_another_path_is_not_adopted(lan):
    lan.kernel.facts.namespaces.update({"/run/netns/db": "7", "/run/netns/../netns/db": "7"})
    text = lan.refused("sandbox", {"name": "new", "netns": "/run/netns/../netns/db"})
    assert "is already used by sandbox 'db'" in text
