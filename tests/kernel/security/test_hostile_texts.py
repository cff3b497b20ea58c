# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and other texts that would have a special meaning in a file, a rule, a path or a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inventory import inventory
from lab import command
from tasks import Tasks

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

HOSTILE = ("a\nb", "a\0b", "a b", "\x1b[2J", "a\x9bb", "a\u202eb", "../a", "/etc/a", "a;b", 'a"b', "a'b", "é" * 15)
BREAKS = ("\n", "\0", "\x1b", "\x9b", " ", "\u2028")
ZONES = ("fd00:1::5%a\nb", "fd00:1::5%} ; flush ruleset ; {", "fe80::1%")
BRIDGE = "com.docker.network.bridge.name"
PREFIX = "com.docker.network.container_iface_prefix"


def refused(tasks: Tasks, kind: str, item: dict[str, Any]) -> None:
    """Ask for ITEM; check that it is refused in one printable line."""
    try:
        tasks.ensure(kind, item)
    except InvalidInput as error:
        assert str(error).isprintable()
    else:
        pytest.fail(f"accepted: {item}")


@pytest.fixture()
def lan(tasks: Tasks) -> Tasks:
    tasks.network("lan", "10.1.0.0/24,fd00:1::/64")
    return tasks


@pytest.fixture()
def still(lan: Tasks) -> Iterator[Tasks]:
    """A host with a network, which must be unchanged afterwards."""
    before = inventory(lan.host)
    yield lan
    assert inventory(lan.host) == before


@pytest.mark.parametrize("text", HOSTILE)
def test_objects(still: Tasks, text: str) -> None:
    refused(still, "network", {"name": text})
    refused(still, "sandbox", {"name": text})
    refused(still, "endpoint", {"name": text, "network": "lan"})


@pytest.mark.parametrize("text", HOSTILE)
def test_what_stands_in_the_files_of_a_sandbox(still: Tasks, text: str) -> None:
    web = {"name": "web", "networks": [{"name": "lan"}]}
    for option in ("hostname", "domainname"):
        refused(still, "sandbox", {**web, option: text})
    for option in ("dns_servers", "dns_search_domains"):
        refused(still, "sandbox", {**web, option: [text]})
    refused(still, "sandbox", {**web, "etc_hosts": {text: "192.0.2.1"}})
    refused(still, "sandbox", {**web, "etc_hosts": {"a": text}})
    refused(still, "sandbox", {**web, "networks": [{"name": "lan", "aliases": [text]}]})


def test_resolver_options(still: Tasks) -> None:
    for mark in (*BREAKS, "#", ";"):
        refused(still, "sandbox", {"name": "web", "dns_opts": [f"ndots:1{mark}nameserver"]})


@pytest.mark.parametrize("text", [*HOSTILE, "lo", "all", "default", ".", "..", "br-+", "br-*", "a\\b", "$(reboot)"])
def test_interfaces(still: Tasks, text: str) -> None:
    refused(still, "sandbox", {"name": "web", "networks": [{"name": "lan", "interface_name": text}]})
    refused(still, "network", {"name": "new", "driver_options": {BRIDGE: text}})


def test_the_beginning_of_interface_names(still: Tasks) -> None:
    for text in HOSTILE:
        refused(still, "network", {"name": "new", "driver_options": {PREFIX: text}})


@pytest.mark.parametrize("text", ZONES)
def test_addresses_with_a_zone(still: Tasks, text: str) -> None:
    """Python takes everything after the percent sign as the zone."""
    web = {"name": "web", "networks": [{"name": "lan"}]}
    refused(still, "sandbox", {**web, "etc_hosts": {"a": text}})
    refused(still, "sandbox", {**web, "dns_servers": [text]})
    refused(still, "sandbox", {**web, "networks": [{"name": "lan", "ipv6_address": text}]})
    refused(still, "sandbox", {**web, "published_ports": [{"container_port": 80, "host_ip": text}]})
    refused(still, "sandbox", {**web, "published_ports": [{"container_port": 80, "allowed_sources": [text]}]})
    for pool in (
        {"subnet": f"{text}/64"},
        {"subnet": "fd00:2::/64", "gateway": text.replace("fd00:1", "fd00:2")},
        {"subnet": "fd00:2::/64", "iprange": f"{text}/80"},
        {"subnet": "fd00:2::/64", "aux_addresses": {"a": text.replace("fd00:1", "fd00:2")}},
    ):
        refused(still, "network", {"name": "new", "ipam_config": [pool]})
    refused(still, "network", {"name": "new", "driver_options": {"com.docker.network.host_ipv6": text}})


def test_a_link_local_name_server_is_one_of_an_interface(lan: Tasks) -> None:
    lan.sandbox("web", "lan", dns_servers=["fe80::53%eth0"])
    assert "nameserver fe80::53%eth0\n" in Path("/etc/netns/web/resolv.conf").read_text()
    for wrong in ("fe80::53%eth0\nnameserver 192.0.2.1", "192.0.2.1%eth0", "fd00::53%eth0"):
        with pytest.raises(InvalidInput):
            lan.sandbox("web", dns_servers=[wrong])


def test_settings_stay_below_proc_sys_net(still: Tasks) -> None:
    before = os.uname().nodename
    for name in (
        "kernel.hostname",
        "net/../kernel/hostname",
        "net./../kernel/hostname",
        "net//kernel",
        "net.ipv4.ip_forward\0",
        "net.ipv4.a\nb",
        "/proc/sys/net/ipv4/ip_forward",
    ):
        refused(still, "sandbox", {"name": "web", "networks": [{"name": "lan"}], "sysctls": {name: "owned"}})
    for value in ("1\n0", "1\0", "\x1b[2J"):
        refused(still, "sandbox", {"name": "web", "sysctls": {"net.ipv4.ip_forward": value}})
    assert os.uname().nodename == before


def test_paths_of_namespaces(still: Tasks) -> None:
    for path in ("run/netns/a", "/run/netns/a\0b", "/run/netns/\x1b[2J", "/etc/passwd", "/run/netns"):
        refused(still, "sandbox", {"name": "web", "netns": path})


def test_labels_may_hold_anything_and_stay_in_the_store(lan: Tasks) -> None:
    """They do not appear in any file, rule or path."""
    hostile = {f'k{mark}"; add table inet evil': f"{mark}1.2.3.4 localhost # ' $(reboot)" for mark in BREAKS}
    lan.network("n", labels=hostile)
    lan.sandbox("web", "n", labels=hostile)
    assert lan.shown("sandbox")["web"]["Labels"] == hostile
    assert not lan.sandbox("web").changed
    assert "evil" not in command("nft list ruleset")
    written = [path.read_text() for path in Path("/etc/netns").rglob("*") if path.is_file()]
    assert not any("1.2.3.4" in text for text in written)
    assert len(written) == 2
