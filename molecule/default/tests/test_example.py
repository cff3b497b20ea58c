# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example inventory works on each host."""

import json

import pytest

SANDBOXES = {"a": ("web", "cache"), "b": ("app", "queue"), "c": ("db", "backup")}
SERVICES = {
    "a": {"nginx": "web", "page@6379": "cache"},
    "b": {"page@8080": "app"},
    "c": {"page@5432": "db"},
}


@pytest.fixture
def name(host):
    """Return the name of the host in the inventory."""
    return host.check_output("hostname")


def inside(host, sandbox, command):
    """Run COMMAND in SANDBOX; it must succeed."""
    return host.check_output("cnm sandbox exec %s " + command, sandbox)


def inspect(host, kind, name):
    """Return the answer of ``cnm inspect`` for an object."""
    return json.loads(host.check_output(f"cnm {kind} inspect %s", name))[0]


def address_of(host, letter):
    """Return the address at which other hosts of the fleet reach the host LETTER."""
    own = host.check_output("ip -4 -oneline address show dev eth0").split()[3].split("/")[0]
    return own[:-1] + {"a": "1", "b": "2", "c": "3"}[letter]


def test_host_is_sound(host):
    assert host.check_output("systemctl is-system-running") == "running"


def test_networks(host):
    for network, subnet in (("front", "10.64.0.0/24"), ("back", "10.64.1.0/24")):
        shown = inspect(host, "network", network)
        assert shown["IPAM"]["Config"][0]["Subnet"] == subnet
        assert shown["Internal"] == (network == "back")


def test_there_is_a_namespace_for_each_sandbox_and_no_other(host):
    sandboxes = {line.split()[1] for line in host.check_output("cnm sandbox ls").splitlines()[1:]}
    assert set(host.check_output("ls /run/netns").split()) == sandboxes


def test_neighbours_reach_each_other_by_name(host, name):
    first, second = SANDBOXES[name]
    inside(host, first, f"ping -c 1 -W 20 {second}")
    inside(host, second, f"ping -c 1 -W 20 {first}")


def test_only_front_leads_outside(host, name):
    first, second = SANDBOXES[name]
    assert "default via 10.64.0.1 dev eth" in inside(host, first, "ip route show")
    assert "default" not in inside(host, second, "ip route show")
    inside(host, first, "ping -c 1 -W 20 " + address_of(host, "b" if name != "b" else "a"))
    assert host.run(f"cnm sandbox exec {second} ping -c 1 -W 1 " + address_of(host, "b" if name != "b" else "a")).failed


def test_aliases(host, name):
    alias, owner = {"a": ("redis", "cache"), "b": ("jobs", "queue"), "c": ("sql", "db")}[name]
    address = inspect(host, "sandbox", owner)["Networks"]["back"]["IPAddress"]
    seeker = next(sandbox for sandbox in SANDBOXES[name] if sandbox != owner)
    assert inside(host, seeker, f"getent hosts {alias}").split()[0] == address


def test_services_run_in_their_sandboxes(host, name):
    for service, sandbox in SERVICES[name].items():
        assert host.service(service).is_running
        pid = host.check_output("systemctl show --property=MainPID --value %s", service)
        assert host.check_output("ip netns identify %s", pid) == sandbox


def test_services_know_the_names_of_their_sandboxes(host, name):
    sandbox, port = {"a": ("cache", 6379), "b": ("app", 8080), "c": ("db", 5432)}[name]
    page = inside(host, SANDBOXES[name][1 if name != "a" else 0], f"curl -sS -m 5 http://{sandbox}:{port}/hosts")
    assert page == host.file(f"/etc/netns/{sandbox}/hosts").content_string.strip()


def test_published_ports(host, name):
    assert "Welcome to nginx" in host.check_output("curl -sS -m 5 http://%s/", address_of(host, "a"))
    for port, server, client in ((8080, "b", "a"), (5432, "c", "b")):
        page = host.run(f"curl -sS -m 2 -o /dev/null http://{address_of(host, server)}:{port}/")
        assert page.succeeded == (name == client), page.stderr


def test_rules(host, name):
    table = host.check_output("nft list table inet cnm")
    port = {"a": "80", "b": "8080", "c": "5432"}[name]
    assert port in table


def test_a_service_listens_in_its_sandbox_and_not_on_the_host(host, name):
    port = {"a": 6379, "b": 8080, "c": 5432}[name]
    assert not host.check_output(f"ss -Hltn sport = :{port}")
    assert inside(host, SERVICES[name][f"page@{port}"], f"ss -Hltn sport = :{port}")
