# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values for options, drawn from the argument specs, so that new options are tried without changes here."""

from __future__ import annotations

from typing import Any, Mapping

from hypothesis import strategies as st

EVIL = (
    "",
    " ",
    "\0",
    "\n",
    "a\nb",
    "a\n127.0.0.1 evil",
    "a\tb",
    "\x1b[2J",
    "\x7f",
    "é" * 15,
    "\u202e",
    "a\u2028b",
    "٣",
    "../../etc/passwd",
    "/etc/passwd",
    "/dev/null",
    "/run/netns/../netns/box",
    ".",
    "..",
    "-",
    "--help",
    "%s%n",
    "{{ lookup('env', 'HOME') }}",
    "$(id)",
    "'; drop table network; --",
    'x"y',
    "a\\b",
    "*",
    "all",
    "default",
    "lo",
    "uplink",
    "# END cnm",
    "x" * 16,
    "x" * 64,
    "x" * 5000,
    "0",
    "-1",
    "9" * 30,
    "9" * 5000,
    "1e9",
    "nan",
    "true",
    "null",
    "[]",
)
NUMBERS = (0, 1, -1, 255, 65535, 65536, 2**31, 2**63, 2**64, -(2**70), 10**400, 1.5)
NAMES = ("lan", "lan", "lan", "box", "new", "bridge", "host", "none", "old")
ADDRESSES = (
    "10.9.0.9",
    "10.9.0.1",
    "10.9.0.255",
    "10.9.0.9/24",
    "010.9.0.9",
    "10.9.0",
    "fd00:9::9",
    "fd00:9::9%eth0",
    "fe80::1%a\nb",
    "::",
    "::ffff:10.9.0.9",
    "0.0.0.0",
    "255.255.255.255",
    "127.0.0.1",
    "224.0.0.1",
)
SUBNETS = (
    "10.8.0.0/24",
    "10.8.0.0/255.255.255.0",
    "10.8.0.0/0.0.0.255",
    "10.8.0.1/24",
    "10.9.0.0/25",
    "10.8.0.0/33",
    "10.8.0.0/-1",
    "10.8.0.0/",
    "0.0.0.0/0",
    "0.0.0.0/1",
    "10.8.0.0/30",
    "10.8.0.0/31",
    "10.8.0.0/32",
    "fd00:8::/64",
    "fd00:8::/126",
    "fd00:8::/127",
    "fd00:8::/128",
    "fd00::/8",
    "fd00:8::%eth0/64",
    "::/0",
    "fe80::/64",
)
MACS = ("02:42:0a:09:00:09", "02-42-0A-09-00-09", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "2:42:a:9:0:9")
KEYS = (
    "com.docker.network.bridge.name",
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.bridge.host_binding_ipv4",
    "cnm.host_binding_ipv6",
    "com.docker.network.bridge.inhibit_ipv4",
    "com.docker.network.bridge.gateway_mode_ipv4",
    "com.docker.network.bridge.gateway_mode_ipv6",
    "com.docker.network.bridge.default_bridge",
    "com.docker.network.driver.mtu",
    "com.docker.network.enable_ipv6",
    "com.docker.network.host_ipv4",
    "com.docker.network.host_ipv6",
    "com.docker.network.container_iface_prefix",
    "cnm.allow_host_overlap",
    "cnm.bridge.uplink",
    "net.ipv4.ip_forward",
    "net/ipv4/ip_forward",
    "net.ipv4.conf.eth0.forwarding",
    "net.nothing",
    "net.",
    "net.ipv4/../../kernel/panic",
    "kernel.panic",
    "host.example",
    "container_port",
    "host_port",
    "host_ip",
    "protocol",
    "allowed_sources",
)
WORDS = ("routed", "nat", "tcp", "udp", "sctp", "eth0", "brx", "1400", "68", "65535", "1", "false", "ndots:2", "db")
PORTS = (
    "8080:80",
    "80",
    "0:80",
    "8080:80/icmp",
    "1-65535",
    "8000-8010:80-90",
    "8000-8010:80",
    "90-80",
    "127.0.0.1:8080:80",
    "[::1]:8080:80",
    "[fe80::1%eth0]:8080:80",
    "192.0.2.1::80",
    "8080:80:90:100",
    ":80",
    "/tcp",
    "٨٠:80",
)
SENSIBLE: Mapping[str, tuple[str, ...]] = {
    "name": NAMES,
    "network": NAMES,
    "sandbox": NAMES,
    "subnet": SUBNETS,
    "iprange": SUBNETS,
    "netns": ("/run/netns/old", "/run/netns/box", "/proc/self/ns/net", "/proc/1/ns/mnt", "/run/netns", "old"),
    "mac_address": MACS,
    "published_ports": PORTS,
}
"""Valid or nearly valid values for options with these names; other options get addresses and words."""

# Infinity and lone surrogates break Ansible's own argument parser.
junk = st.one_of(st.sampled_from(EVIL), st.text(st.characters(codec="utf-8"), max_size=20))
numbers = st.one_of(st.sampled_from(NUMBERS), st.integers())
scalars = st.one_of(junk, numbers, st.booleans(), st.none(), st.sampled_from((*ADDRESSES, *WORDS)))
nested = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | junk, inner, max_size=3),
    max_leaves=5,
)


def _texts(name: str) -> st.SearchStrategy[Any]:
    near = st.sampled_from(SENSIBLE.get(name, (*ADDRESSES, *WORDS)))
    return near | near | near | junk


def values(name: str, spec: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Draw values for the option NAME, mostly of its type, but also others."""
    kind = spec.get("type", "str")
    right: st.SearchStrategy[Any]
    if kind == "list":
        each = values(name, {**spec, "type": spec.get("elements", "str")})
        right = st.lists(each, max_size=3)
    elif kind == "dict" and "options" in spec:
        right = items(spec["options"])
    elif kind == "dict":
        right = st.dictionaries(st.sampled_from(KEYS) | junk, _texts(name) | scalars, max_size=3)
    elif kind == "int":
        right = st.integers(-2, 70000) | numbers
    elif kind == "bool":
        right = st.booleans()
    elif kind == "raw":
        right = st.one_of(_texts(name), nested, st.dictionaries(st.sampled_from(KEYS[-5:]), scalars, max_size=5))
    elif "choices" in spec:
        right = st.sampled_from(spec["choices"])
    else:
        right = _texts(name)
    return st.integers(0, 19).flatmap(lambda number: nested if number == 19 else right)


def items(options: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a few of OPTIONS, and always those that are required or name the object."""
    names = sorted(options)
    always = [name for name in names if options[name].get("required") or name in ("name", "network")]
    return st.sets(st.sampled_from(names), max_size=5).flatmap(
        lambda chosen: st.fixed_dictionaries({name: values(name, options[name]) for name in sorted({*chosen, *always})})
    )
