# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names: the hosts files and resolv.conf of sandboxes."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

LOCAL = ["127.0.0.1 localhost"]


def text(host, sandbox, name):
    return host.kernel.present[("file", f"/etc/netns/{sandbox}/{name}")].text


def hosts(host, sandbox):
    """Return the lines of a hosts file, without those that every hosts file has."""
    lines = text(host, sandbox, "hosts").replace("\t", " ").splitlines()
    assert lines[0] == LOCAL[0]
    return [line for line in lines[1:] if not line.startswith(("::1 ", "fe00", "ff0"))]


def resolver(host, sandbox="db"):
    return text(host, sandbox, "resolv.conf").splitlines()


def test_everybody_on_a_network_knows_everybody(lan):
    lan.sandbox("web", networks=[{"name": "lan", "aliases": ["www", "web"]}])
    names = ["10.1.0.2 db db.lan", "10.1.0.3 web web.lan www www.lan"]
    assert hosts(lan, "db") == ["10.1.0.2 db", *names]
    assert hosts(lan, "web") == ["10.1.0.3 web", *names]
    lan.sandbox("web", state="stopped")
    assert hosts(lan, "db") == ["10.1.0.2 db", names[0]]
    lan.sandbox("web")
    assert hosts(lan, "db") == ["10.1.0.2 db", *names]
    lan.endpoint("web", network="lan", aliases=[])
    assert hosts(lan, "db")[-1] == "10.1.0.3 web web.lan"
    lan.sandbox("web", state="absent")
    assert hosts(lan, "db") == ["10.1.0.2 db", names[0]]


def test_other_networks_are_not_seen(lan):
    lan.network("back", ipam_config=[{"subnet": "10.2.0.0/24"}])
    lan.sandbox("app", networks=[{"name": "back"}])
    lan.sandbox("both", networks=[{"name": "back"}, {"name": "lan"}])
    assert hosts(lan, "app") == ["10.2.0.2 app", "10.2.0.2 app app.back", "10.2.0.3 both both.back"]
    assert hosts(lan, "both") == [
        "10.2.0.3 both",
        "10.1.0.3 both",
        "10.2.0.2 app app.back",
        "10.2.0.3 both both.back",
        "10.1.0.3 both both.lan",
        "10.1.0.2 db db.lan",
    ]


def test_both_families(lan):
    lan.network("lan", enable_ipv6=True, ipam_config=[{"subnet": "10.1.0.0/24"}, {"subnet": "fd01::/64"}])
    assert hosts(lan, "db") == ["10.1.0.2 db", "fd01::2 db", "10.1.0.2 db db.lan", "fd01::2 db db.lan"]


def test_a_host_without_ipv6_has_no_names_for_it(host):
    host.kernel.facts.has_ipv6 = False
    host.sandbox("db")
    assert text(host, "db", "hosts").splitlines() == ["127.0.0.1\tlocalhost"]


def test_the_default_bridge_has_no_discovery(host):
    host.sandbox("one", networks=[{"name": "bridge"}])
    host.sandbox("two", networks=[{"name": "bridge"}])
    assert hosts(host, "one") == ["172.17.0.2 one"]


def test_its_own_name_and_the_user_s_names(lan):
    lan.sandbox("db", hostname="pg", domainname="example.org", etc_hosts={"b": "192.0.2.2", "a": "192.0.2.1"})
    assert hosts(lan, "db") == [
        "10.1.0.2 pg.example.org pg",
        "192.0.2.1 a",
        "192.0.2.2 b",
        "10.1.0.2 db db.lan",
    ]


def test_a_host_name_with_a_domain_has_its_short_form_too(lan):
    lan.sandbox("db", hostname="pg.example.org")
    assert hosts(lan, "db")[0] == "10.1.0.2 pg.example.org pg"
    lan.sandbox("db", domainname="test")
    assert hosts(lan, "db")[0] == "10.1.0.2 pg.example.org.test pg.example.org pg"


def test_a_name_has_several_addresses(lan):
    lan.sandbox("db", etc_hosts={"x": ["192.0.2.1", "2001:db8::1", "192.0.2.1"]})
    assert hosts(lan, "db")[1:3] == ["192.0.2.1 x", "2001:db8::1 x"]
    assert lan.one("sandbox", "db")["ExtraHosts"] == ["x:192.0.2.1", "x:2001:db8::1"]
    assert not lan.sandbox("db", etc_hosts={"x": ["192.0.2.1", "2001:db8::1"]}).changed
    with pytest.raises(InvalidInput, match="etc_hosts: 'x' has no address. .*'y' is not an IP address"):
        lan.sandbox("db", etc_hosts={"x": [], "z": ["y", "10.0.0.1"]})


def test_the_host_by_name(lan):
    """The gateway that the sandbox uses, because it reaches no other address of the host on our networks."""
    lan.network("dual", enable_ipv6=True, ipam_config=[{"subnet": "10.2.0.0/24"}, {"subnet": "fd02::/64"}])
    lan.network("four", ipam_config=[{"subnet": "10.3.0.0/24"}], internal=True)
    lan.sandbox("db", networks=[{"name": "dual"}, {"name": "four"}], etc_hosts={"x": ["192.0.2.1", "host-gateway"]})
    lines = [line for line in hosts(lan, "db") if line.endswith(" x")]
    assert lines == ["192.0.2.1 x", "10.2.0.1 x", "fd02::1 x"]
    assert lan.one("sandbox", "db")["ExtraHosts"] == ["x:192.0.2.1", "x:host-gateway"]
    lan.sandbox("db", networks=[{"name": "four"}], published_ports=[])
    assert [line for line in hosts(lan, "db") if line.endswith(" x")] == ["192.0.2.1 x", "10.3.0.1 x"]
    lan.sandbox("db", networks=[])
    assert [line for line in hosts(lan, "db") if line.endswith(" x")] == ["192.0.2.1 x"]


@pytest.mark.parametrize("key", ["net.ipv6.conf.all.disable_ipv6", "net/ipv6/conf/lo/disable_ipv6"])
def test_a_sandbox_without_ipv6_has_no_names_for_it(lan, key):
    assert "::1" in text(lan, "db", "hosts")
    lan.sandbox("db", sysctls={key: "1"})
    assert ":" not in text(lan, "db", "hosts")


def test_options_of_the_resolver_are_a_set(lan):
    lan.sandbox("db", dns_opts=["ndots:2", "rotate", "ndots:2"])
    assert resolver(lan)[-1] == "options ndots:2 rotate"
    assert not lan.sandbox("db", dns_opts=["rotate", "rotate", "ndots:2"]).changed
    assert lan.sandbox("db", dns_opts=["rotate"]).changed
    assert lan.sandbox("db", dns_opts=[]).changed
    assert not lan.sandbox("db", dns_opts=[]).changed


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ({}, ["nameserver 192.0.2.53", "search example.org"]),
        (
            {"dns_servers": ["192.0.2.1", "fd00::1"]},
            ["nameserver 192.0.2.1", "nameserver fd00::1", "search example.org"],
        ),
        ({"dns_servers": []}, ["search example.org"]),
        ({"dns_search_domains": ["a.b", "c.d"]}, ["nameserver 192.0.2.53", "search a.b c.d"]),
        ({"dns_search_domains": []}, ["nameserver 192.0.2.53"]),
        (
            {"dns_opts": ["ndots:2", "rotate"]},
            ["nameserver 192.0.2.53", "search example.org", "options ndots:2 rotate"],
        ),
    ],
)
def test_the_resolver(lan, options, lines):
    lan.sandbox("db", **options)
    assert resolver(lan) == lines
    assert not lan.sandbox("db").changed


@pytest.mark.parametrize("server", ["127.0.0.53", "::1", "127.0.0.1", "fe80::1%eth0", "fe80::1", "2001:db8::53"])
def test_the_host_s_own_resolver_cannot_be_reached(lan, server):
    lan.kernel.facts.resolver = f"# here\nnameserver {server}\nnameserver 192.0.2.53\noptions edns0\ndomain a.b\n"
    assert lan.sandbox("db").changed
    assert resolver(lan) == ["nameserver 192.0.2.53", "search a.b", "options edns0"]


def test_an_internal_sandbox_reaches_no_name_server_of_the_host(host):
    host.network("inside", internal=True)
    host.sandbox("db", networks=[{"name": "inside"}])
    assert resolver(host) == ["search example.org"]
    host.sandbox("db", dns_servers=["192.0.2.1"])
    assert resolver(host) == ["nameserver 192.0.2.1", "search example.org"]


def test_name_servers_are_of_the_families_that_a_sandbox_reaches(host):
    host.kernel.facts.resolver = "nameserver 2001:db8::53\nnameserver 192.0.2.53\n"
    host.network("six", enable_ipv6=True)
    host.network("inside", internal=True)
    host.sandbox("db", networks=[{"name": "six"}, {"name": "inside"}])
    assert resolver(host) == ["nameserver 2001:db8::53", "nameserver 192.0.2.53"]
    host.network("four")
    host.sandbox("db", networks=[{"name": "four"}, {"name": "inside"}])
    assert resolver(host) == ["nameserver 192.0.2.53"]
