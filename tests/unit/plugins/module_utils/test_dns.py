# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks whose sandboxes ask the host's name server for names."""

from __future__ import annotations

import ipaddress

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.naming import dns_records
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.dns import RECORDS, NameServer
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Listener

POOL = [{"subnet": "10.1.0.0/24"}]


@pytest.fixture()
def served(host):
    """A host with a name server, and a network with a sandbox ``db``."""
    host.kernel.facts.name_server = True
    host.network("lan", ipam_config=POOL)
    host.sandbox("db", networks=[{"name": "lan"}])
    return host


def records(host, network="lan"):
    """Return the lines of NETWORK's records, with the names of sandboxes; None if it has no records."""
    present = host.kernel.present.get(("records", f"{RECORDS}/{host.one('network', network)['Id']}"))
    if present is None:
        return None
    names = {each["Id"]: name for name, each in host.listed("sandbox").items()}
    first, *rest = present.text.splitlines()
    return [first, *(" ".join([names.get(line.split(" ")[0], "peer"), *line.split(" ")[1:]]) for line in rest)]


def lines(host, sandbox, name):
    return host.kernel.present[("file", f"/etc/netns/{sandbox}/{name}")].text.replace("\t", " ").splitlines()


def addresses(host):
    return sorted(key[1] for key in host.kernel.present if key.kind == NameServer.kind)


def test_a_new_network_has_dns_where_the_program_is_installed(served):
    assert served.one("network", "lan")["Host"]["Dns"] is True
    assert addresses(served) == ["10.1.0.1"]
    assert records(served) == ["10.1.0.1", "db 10.1.0.2  db,db.lan"]


def test_without_the_program_names_are_in_files(host):
    host.network("lan", ipam_config=POOL)
    assert host.one("network", "lan")["Host"]["Dns"] is False
    host.kernel.facts.name_server = True
    assert not host.network("lan").changed
    assert records(host) is None


def test_an_endpoint_that_comes_changes_no_file_of_others(served):
    before = dict(served.kernel.present)
    served.sandbox("web", networks=[{"name": "lan", "aliases": ["www"]}])
    changed = [key for key in before if served.kernel.present[key] != before[key]]
    assert changed == [("records", f"{RECORDS}/{served.one('network', 'lan')['Id']}")]
    assert records(served)[2] == "web 10.1.0.3  web,web.lan,www,www.lan"
    served.sandbox("web", state="stopped")
    assert len(records(served)) == 2


def test_only_the_records_of_changed_endpoints_are_worked_out_again(served, monkeypatch):
    named = []
    names = dns_records.names
    monkeypatch.setattr(dns_records, "names", lambda *pair: named.append(pair[1].name) or names(*pair))
    served.sandbox("web", networks=[{"name": "lan"}])
    assert named == ["web"]
    served.endpoint("db", network="lan", aliases=["sql"])
    assert named == ["web", "db"]
    assert records(served)[1:] == ["db 10.1.0.2  db,db.lan,sql,sql.lan", "web 10.1.0.3  web,web.lan"]


def test_a_hosts_file_has_the_sandbox_s_own_name(served):
    served.sandbox("web", networks=[{"name": "lan", "aliases": ["www"]}])
    assert [line for line in lines(served, "web", "hosts") if "." in line and ":" not in line] == [
        "127.0.0.1 localhost",
        "10.1.0.3 web",
    ]


def test_a_sandbox_asks_at_its_gateways(served):
    assert lines(served, "db", "resolv.conf") == ["nameserver 10.1.0.1", "search example.org", "options ndots:0 edns0"]


def test_a_sandbox_s_own_servers_are_asked_by_the_name_server(served):
    served.sandbox("db", dns_servers=["192.0.2.7", "2001:db8::7", "127.0.0.1", "fe80::1%eth0"], dns_opts=["ndots:3"])
    assert records(served)[1] == "db 10.1.0.2  db,db.lan 192.0.2.7,2001:db8::7"
    assert lines(served, "db", "resolv.conf")[-1] == "options ndots:3 edns0 timeout:10"


@pytest.mark.parametrize(
    ("inherited", "own", "expected"),
    [
        # The timeout on the host is for one server. The name server waits 5 s for one before it asks the next.
        (["192.0.2.1"], {}, "options timeout:1 rotate ndots:0 edns0"),
        (["192.0.2.1", "127.0.0.53"], {}, "options rotate ndots:0 edns0 timeout:10"),
        (
            ["192.0.2.1"],
            {"dns_servers": ["192.0.2.7", "192.0.2.8", "192.0.2.9"]},
            "options rotate ndots:0 edns0 timeout:15",
        ),
        (
            ["192.0.2.1"],
            {"dns_servers": [f"192.0.2.{n}" for n in range(1, 9)]},
            "options rotate ndots:0 edns0 timeout:30",
        ),
        (["192.0.2.1", "192.0.2.2"], {"dns_opts": ["timeout:3", "edns0"]}, "options timeout:3 edns0 ndots:0"),
    ],
)
def test_who_asks_waits_for_all_servers_and_takes_long_answers(served, inherited, own, expected):
    text = "".join(f"nameserver {each}\n" for each in inherited) + "options timeout:1 rotate ndots:2\n"
    served.kernel.facts.resolver = text
    served.sandbox("db", **own)
    assert lines(served, "db", "resolv.conf")[-1] == expected


def test_both_families(served):
    served.network("lan", enable_ipv6=True, ipam_config=[*POOL, {"subnet": "fd01::/64"}])
    assert records(served) == ["10.1.0.1,fd01::1", "db 10.1.0.2 fd01::2 db,db.lan"]
    assert addresses(served) == ["10.1.0.1", "fd01::1"]


def test_a_sandbox_has_one_id_on_all_its_networks(served):
    served.network("back", ipam_config=[{"subnet": "10.2.0.0/24"}])
    served.sandbox("db", networks=[{"name": "lan"}, {"name": "back"}])
    assert records(served, "back")[1] == "db 10.2.0.2  db,db.back"
    assert lines(served, "db", "resolv.conf")[:2] == ["nameserver 10.2.0.1", "nameserver 10.1.0.1"]


def test_names_of_an_internal_network_stay_in_files(served):
    served.network("vault", internal=True, ipam_config=[{"subnet": "10.3.0.0/24"}])
    served.sandbox("safe", networks=[{"name": "vault"}])
    served.sandbox("db", networks=[{"name": "lan"}, {"name": "vault"}])
    assert records(served, "vault") is None
    assert "10.3.0.2 safe safe.vault" in lines(served, "db", "hosts")
    assert lines(served, "safe", "resolv.conf") == ["search example.org"]
    served.network("lan", internal=True)
    assert records(served) is None
    assert addresses(served) == []
    served.network("lan", internal=False)
    assert addresses(served) == ["10.1.0.1"]


def test_it_can_be_switched_off_and_on(served):
    served.sandbox("web", networks=[{"name": "lan"}])
    assert served.network("lan", dns=False, check=True).changed
    assert served.network("lan", dns=False).changed
    assert not served.network("lan", dns=False).changed
    assert records(served) is None
    assert addresses(served) == []
    assert "10.1.0.3 web web.lan" in lines(served, "db", "hosts")
    assert lines(served, "db", "resolv.conf") == ["nameserver 192.0.2.53", "search example.org"]
    assert not served.network("lan").changed
    assert served.network("lan", dns=True).changed
    assert records(served)[0] == "10.1.0.1"


def test_where_the_program_is_gone_names_are_in_files_again(served):
    served.sandbox("web", networks=[{"name": "lan"}])
    served.kernel.facts.name_server = False
    assert served.controller().restore().changed
    assert "10.1.0.3 web web.lan" in lines(served, "db", "hosts")
    assert lines(served, "db", "resolv.conf")[0] == "nameserver 192.0.2.53"
    served.kernel.facts.name_server = True
    served.controller().restore()
    assert "10.1.0.3 web web.lan" not in lines(served, "db", "hosts")


def test_it_is_refused_where_it_cannot_be(host):
    message = host.refused("network", {"name": "lan", "dns": True, "ipam_config": POOL})
    assert message == "Network 'lan': dns: the name server aardvark-dns is not installed on this host."
    host.kernel.facts.name_server = True
    message = host.refused("network", {"name": "lan", "dns": True, "internal": True, "ipam_config": POOL})
    assert message.startswith("Network 'lan': dns: names on an internal network are in hosts files")
    options = {"com.docker.network.bridge.inhibit_ipv4": True}
    host.network("lan", internal=True, driver_options=options, ipam_config=POOL)
    assert host.one("network", "lan")["Host"]["Dns"] is False


@pytest.mark.parametrize("listened", ["0.0.0.0", "::", "10.1.0.1"])
def test_a_stranger_on_its_port(host, listened):
    host.kernel.facts.name_server = True
    host.kernel.facts.sockets = [Listener("udp", ipaddress.ip_address(listened), 53, 7)]
    message = host.refused("network", {"name": "lan", "dns": True, "ipam_config": POOL})
    assert message == "Network 'lan': dns: process nginx (123) listens on 10.1.0.1 port 53."
    host.network("lan", ipam_config=POOL)
    assert host.one("network", "lan")["Host"]["Dns"] is False


def test_strangers_elsewhere_are_none(host):
    host.kernel.facts.name_server = True
    sockets = [("udp", "127.0.0.53", 53), ("tcp", "0.0.0.0", 53), ("udp", "0.0.0.0", 54)]
    host.kernel.facts.sockets = [Listener(kind, ipaddress.ip_address(text), port, 7) for kind, text, port in sockets]
    host.network("lan", ipam_config=POOL)
    assert host.one("network", "lan")["Host"]["Dns"] is True


def test_endpoints_of_other_hosts_have_names(host):
    host.kernel.facts.name_server = True
    remote = {"name": "far", "ipv4_address": "10.1.0.9", "aliases": ["distant"]}
    host.network(
        "lan", driver="overlay", ipam_config=POOL, peers=[{"name": "b", "address": "192.0.2.9", "endpoints": [remote]}]
    )
    host.sandbox("db", networks=[{"name": "lan", "aliases": ["distant"]}])
    assert records(host)[1:] == [
        "db 10.1.0.2  db,db.lan,distant,distant.lan",
        "peer 10.1.0.9  far,far.lan,distant,distant.lan",
    ]


def test_the_name_server_is_told_again_after_a_kill(served):
    key = (NameServer.kind, "10.1.0.1")
    served.kernel.present[key] = NameServer("10.1.0.1", current=False)
    assert served.network("lan").changed
    assert served.kernel.present[key].current
    del served.kernel.present[key]
    assert served.controller().restore().changed
    assert addresses(served) == ["10.1.0.1"]
