# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts about a host that decisions need."""

from __future__ import annotations

import ipaddress
import os
import subprocess
from pathlib import Path

import pytest
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.interface import LEAVING
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import listeners, name_server_process
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Listener
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import HostEnd, Link
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.namespace import Namespace
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST


def test_subnets_on_link(host: Host) -> None:
    host.ip(
        "link add tun0 type veth peer name tun1\nlink set tun0 up\nroute add 172.16.0.0/12 dev tun0\n"
        "route add 192.0.2.0/24 via 198.51.100.1\nroute add 203.0.113.0/24 dev lo\n"
    )
    assert sorted((str(subnet), device) for subnet, device in host.kernel.facts.on_link()) == [
        ("172.16.0.0/12", "tun0"),
        ("198.51.100.0/24", "uplink"),
        ("2001:db8::/64", "uplink"),
    ]


def test_nameservers(host: Host) -> None:
    conf = Path("/etc/resolv.conf")
    conf.unlink()
    conf.write_text("search a.example\nnameserver 192.0.2.53\nnameserver fe80::1%uplink\n", encoding="utf-8")
    assert [str(server) for server in host.kernel.facts.nameservers()] == ["192.0.2.53", "fe80::1"]
    conf.write_text("nameserver 127.0.0.53\n", encoding="utf-8")
    assert host.kernel.facts.nameservers() == [ipaddress.ip_address("127.0.0.53")]
    os.makedirs("/run/systemd/resolve")
    Path("/run/systemd/resolve/resolv.conf").write_text("nameserver 192.0.2.54\n", encoding="utf-8")
    assert host.kernel.facts.resolv_conf() == "nameserver 192.0.2.54\n"
    conf.unlink()
    assert host.kernel.facts.resolv_conf() == ""


def test_programs_in_a_namespace(host: Host) -> None:
    host.out(["ip", "netns", "add", "busy"])
    host.out(["ip", "netns", "add", "idle"])
    with subprocess.Popen(["ip", "netns", "exec", "busy", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
        assert cat.stdin and cat.stdout
        cat.stdin.write(b"here\n")
        cat.stdin.flush()
        assert cat.stdout.readline() == b"here\n"
        assert host.kernel.facts.programs_in("/run/netns/busy") == [f"cat ({cat.pid})"]
        assert host.kernel.facts.programs_in("/run/netns/idle") == []
    assert host.kernel.facts.programs_in("/run/netns/busy") == []
    assert host.kernel.facts.programs_in("/run/netns/none") == []


def egress_mtu(host: Host) -> int:
    """Return the fact as a new run would see it."""
    host.kernel.facts.known.clear()
    return host.kernel.facts.egress_mtu()


def test_mtu_of_the_way_out(host: Host) -> None:
    host.ip("link set uplink mtu 1380\n")
    assert egress_mtu(host) == 1380
    host.ip("link add tun0 mtu 1200 type veth peer name tun1\nlink set tun0 up\nroute add default dev tun0 metric 50\n")
    assert egress_mtu(host) == 1380
    host.ip("route del default via 198.51.100.1\n")
    assert egress_mtu(host) == 1200
    host.ip("route del default\n")
    assert egress_mtu(host) == 1380, "the IPv6 default route"
    host.ip("route del ::/0\n")
    assert egress_mtu(host) == 1500


def test_ipv6_switched_off(host: Host) -> None:
    assert host.kernel.facts.ipv6()
    Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1", encoding="ascii")
    host.kernel.facts.known.clear()
    assert not host.kernel.facts.ipv6()


def test_routes_from_router_advertisements(host: Host) -> None:
    assert host.kernel.facts.router_advertised() == []
    host.ip("route add 2001:db8:1::/64 via 2001:db8::1 proto ra\n")
    assert host.kernel.facts.router_advertised() == ["uplink"]
    accept_ra = Path("/proc/sys/net/ipv6/conf/uplink/accept_ra")
    accept_ra.write_text("0", encoding="ascii")
    assert host.kernel.facts.router_advertised() == [], "not the kernel's, and no default route"
    host.ip("route del ::/0\nroute add ::/0 via 2001:db8::1 proto ra\n")
    assert host.kernel.facts.router_advertised() == ["uplink"]
    accept_ra.write_text("2", encoding="ascii")
    assert host.kernel.facts.router_advertised() == []


def test_links_and_bridges(host: Host) -> None:
    path = "/run/netns/web"
    host.kernel.apply(
        [
            Step(None, Namespace(path)),
            Step(None, Link(HOST, "br-web", "bridge")),
            Step(None, Link(path, "eth0", "veth", peer=HostEnd("veth0", "br-web"))),
            Step(None, Link(path, "eth1", "veth", peer=HostEnd("veth1", "br-web"))),
        ]
    )
    host.ip("link add virbr0 type bridge\n")
    facts = host.kernel.facts
    assert facts.link_names(path) == {"lo", "eth0", "eth1"}
    assert facts.link_names() == {"lo", "uplink", "br-web", "veth0", "veth1", "virbr0"}
    assert facts.link_names("/run/netns/nothing") == set()
    assert facts.has_foreign_link("uplink") and not facts.has_foreign_link("nothing")
    assert facts.other_bridges() == ["virbr0"]
    host.ip(f"link set br-web group {LEAVING}\n")
    assert facts.other_bridges() == ["virbr0"], "one that a killed run was about to remove is ours"
    assert "198.51.100.2/24" in facts.addresses("uplink")
    assert "2001:db8::2/64" in facts.addresses("uplink")
    assert facts.addresses("nothing") == []


def test_namespace_that_is_none(host: Host) -> None:
    assert host.kernel.facts.namespace_id("/etc/hosts") is None
    assert host.kernel.facts.namespace_id("/run/netns/nothing") is None
    assert host.kernel.facts.namespace_file("/run/netns/nothing") is None


def test_a_namespace_is_the_same_file_at_each_of_its_paths(host: Host) -> None:
    host.out(["ip", "netns", "add", "web"])
    Path("/run/mounted").touch()
    host.out(["mount", "--bind", "/run/netns/web", "/run/mounted"])
    Path("/run/link").symlink_to("netns/web")
    files = {host.kernel.facts.namespace_file(path) for path in ("/run/netns/web", "/run/mounted", "/run/link")}
    assert len(files) == 1
    assert files.isdisjoint({None, host.kernel.facts.namespace_file(host.outside)})


def test_the_name_server_opens_its_sockets_meanwhile(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a run is interrupted just after it started the server, the next run finds the server like this."""
    opened: list[Listener] = []

    def at_a_look() -> list[Listener]:
        before = list(opened)
        opened[:] = [Listener("udp", ipaddress.ip_address("10.1.0.1"), 53, inode=7)]
        return before

    monkeypatch.setattr(listeners, "listening", at_a_look)
    monkeypatch.setattr(name_server_process, "sockets", lambda: {each.inode for each in at_a_look()})
    assert host.kernel.facts.listening() == []


def test_where_tunnels_begin_unless_said_otherwise(host: Host) -> None:
    """They begin at the oldest address, which the other hosts know, and not at a floating or temporary address."""

    def end() -> str:
        end_point = host.kernel.facts.underlay(None)
        return str(end_point and end_point[0])

    assert end() == "198.51.100.2"
    host.ip("address add 198.51.100.100/24 dev uplink\naddress add 198.51.100.1/32 dev uplink\n")
    assert end() == "198.51.100.2"
    host.ip("address add 51.15.0.2/24 dev uplink\naddress del 198.51.100.2/24 dev uplink\n")
    assert ":" not in end(), "its text is after that of an IPv6 address"
    host.ip("route del default\naddress add 2001:db8::1:1/64 dev uplink nodad\n")
    assert end() == "2001:db8::2"


def test_ports_that_are_not_to_be_chosen(host: Host) -> None:
    assert host.kernel.facts.reserved_ports() == []
    Path("/proc/sys/net/ipv4/ip_local_reserved_ports").write_text("8080,49153-49160\n", encoding="ascii")
    host.kernel.facts.known.clear()
    assert host.kernel.facts.reserved_ports() == [range(8080, 8081), range(49153, 49161)]
