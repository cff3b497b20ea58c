# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody may have meant who has written a word that does not exist."""

from __future__ import annotations

from typing import Collection, Dict

_OTHERS: Dict[str, str] = {
    "add_host": "etc_hosts",
    "alias": "aliases",
    "connected": "joined",
    "created": "present",
    "deleted": "absent",
    "disconnected": "left",
    "dns": "dns_servers",
    "dns_opt": "dns_opts",
    "dns_options": "dns_opts",
    "dns_search": "dns_search_domains",
    "driver_opts": "driver_options",
    "expose": "published_ports",
    "exited": "stopped",
    "extra_hosts": "etc_hosts",
    "gateway": "ipam_config",
    "ifname": "interface_name",
    "interface": "interface_name",
    "ip": "ipv4_address",
    "ip6": "ipv6_address",
    "ip_address": "ipv4_address",
    "ip_range": "iprange",
    "ipam": "ipam_config",
    "ipam_options": "ipam_config",
    "ipv6": "enable_ipv6",
    "mac": "mac_address",
    "mtu": "driver_options",
    "namespace": "netns",
    "network_mode": "networks",
    "options": "driver_options",
    "opts": "driver_options",
    "ports": "published_ports",
    "publish": "published_ports",
    "removed": "absent",
    "running": "present",
    "started": "present",
    "subnet": "ipam_config",
    "up": "present",
}
"""Words of Docker, Compose and other modules, and our words for the same."""

_MORE = {"mtu": " with the key 'com.docker.network.driver.mtu'"}


_LATER = ("ipvlan_l2", "ipvlan_l3", "sriov", "vlan", "weave")
_PAGE = "https://github.com/cnm-linux/cnm.linux/blob/main/docs/docker.md"


def not_supported(driver: str) -> str:
    """Return the end of a sentence that says that we lack DRIVER, which others have; empty for other words."""
    return f"; driver '{driver}' is not supported, see {_PAGE}" if driver in _LATER else ""


def did_you_mean(word: str, words: Collection[str]) -> str:
    """Return the end of a message that suggests the one of WORDS that is like WORD; empty if none is."""
    other = _OTHERS.get(word)
    if other in words:
        return f"; did you mean '{other}'{_MORE.get(word, '')}?"
    last = word.rpartition(".")[2]
    alike = [known for known in sorted(words) if "." in known and known.rpartition(".")[2] == last]
    if not alike:
        from difflib import get_close_matches

        alike = get_close_matches(word, words, 1, 0.7)
    return f"; did you mean '{alike[0]}'?" if alike else ""
