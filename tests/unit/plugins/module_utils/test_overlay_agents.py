# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What agents report of endpoints on other hosts: one at a time, and which report holds."""

from __future__ import annotations

import ipaddress
import re

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL, LEARNING
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.addresses import mac_of
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import Incomplete
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.overlay_peer import Remote
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.reported import Place, Reported

from .pretend import PretendKernel


def blue(host, *declared, dns=None, numbers=(2, 3), **options):
    """Let HOST have an overlay with agents. Host h2 has the endpoints DECLARED."""
    peers = [
        {"name": f"h{each}", "address": f"192.0.2.{each}", "endpoints": list(declared) if each == 2 else []}
        for each in numbers
    ]
    host.network(
        "blue",
        driver="overlay",
        ipam_config=[{"subnet": "10.9.0.0/16"}],
        driver_options={CONTROL: "etcd", **options},
        peers=peers,
        dns=dns,
    )


@pytest.fixture(params=[True, False], ids=["name server", "files"])
def told(request, host, etcd):
    """A host with the overlay 'blue' and a sandbox on it."""
    host.kernel.facts.name_server = request.param
    blue(host, dns=request.param)
    host.sandbox("here", networks=[{"name": "blue"}])
    return host


def where(host, owner, name):
    return Place(host.one("network", "blue")["Id"], owner, name)


def report(host, owner, name, address, since=10, mac="", aliases=()):
    four = ipaddress.ip_address(address)
    return Reported(where(host, owner, name), Remote(name, four, None, mac or mac_of(four), aliases), since, since)


def follow(host, *changes, networks=()):
    def change(store):
        for each in changes:
            if isinstance(each, Reported):
                store.put_report(each)
            else:
                store.delete_report(each)

    return host.controller().follow(change, networks)


def known(host):
    """Return the endpoints on other hosts, by name and host."""
    endpoints = host.one("network", "blue")["Containers"].values()
    return {f"{each['Name']} {each['Host']}": each["IPv4Address"][:-3] for each in endpoints if "Host" in each}


def made(host):
    """Return where the host's entries lead: addresses with MAC addresses, and MAC addresses with hosts."""
    kept = host.kernel.present.values()
    ways = {each.mac: each.destination for each in kept if each.kind == "forwarding" and each.destination}
    bridge = next(each.name for each in kept if each.kind == "link" and each.type == "bridge")
    entries = {each.address: each.mac for each in kept if each.kind == "neighbour" and each.link == bridge}
    return {address: ways[mac] for address, mac in entries.items() if mac in ways}


def names(host):
    """Return the names of endpoints on other hosts that sandboxes here find."""
    present = host.kernel.present
    texts = [each.text for each in present.values() if each.kind == "records"]
    if not texts:
        texts = [present[("file", "/etc/netns/here/hosts")].text]
    return {name for name in ("a", "b", "www") if any(re.search(rf"\b{name}[.]blue", text) for text in texts)}


def agrees(host):
    """Return whether a run that compares everything finds nothing to change."""
    return not host.controller().restore().changed


def test_they_come_change_and_go_one_by_one(told):
    assert follow(told, report(told, "h2", "a", "10.9.2.1", aliases=("www",)))
    assert known(told) == {"a h2": "10.9.2.1"}
    assert made(told) == {"10.9.2.1": "192.0.2.2"}
    assert names(told) == {"a", "www"}
    assert agrees(told)
    assert not follow(told, report(told, "h2", "a", "10.9.2.1", aliases=("www",)))
    # By the address of the VTEP.
    assert follow(told, report(told, "192.0.2.3", "b", "10.9.3.1"), report(told, "h2", "a", "10.9.2.9"))
    assert known(told) == {"a h2": "10.9.2.9", "b h3": "10.9.3.1"}
    assert made(told) == {"10.9.2.9": "192.0.2.2", "10.9.3.1": "192.0.2.3"}
    assert names(told) == {"a", "b"}
    assert agrees(told)
    assert follow(told, where(told, "h2", "a"))
    assert (known(told), made(told)) == ({"b h3": "10.9.3.1"}, {"10.9.3.1": "192.0.2.3"})
    assert names(told) == {"b"}
    assert agrees(told)
    assert not follow(told)


def test_one_more_costs_the_same_whatever_is_known(told, monkeypatch):
    read, asked = PretendKernel.read, []

    def counted(self, keys):
        keys = set(keys)
        asked.append(len(keys))
        return read(self, keys)

    monkeypatch.setattr(PretendKernel, "read", counted)

    def cost(name, address):
        asked.clear()
        follow(told, report(told, "h2", name, address))
        return asked[:]

    first = cost("a", "10.9.2.1")
    follow(told, *(report(told, "h2", f"s{number}", f"10.9.8.{number}") for number in range(100)))
    assert len(made(told)) == 101
    assert cost("b", "10.9.2.2") == first
    assert names(told) == {"a", "b"}
    assert agrees(told)


def test_one_name_on_several_hosts_has_all_addresses(told):
    follow(told, report(told, "h2", "a", "10.9.2.1"), report(told, "h3", "a", "10.9.3.1"))
    assert known(told) == {"a h2": "10.9.2.1", "a h3": "10.9.3.1"}
    follow(told, where(told, "h2", "a"))
    assert (known(told), names(told)) == ({"a h3": "10.9.3.1"}, {"a"})
    assert agrees(told)


@pytest.mark.parametrize("shared", ["address", "MAC address"])
def test_the_older_report_holds(told, shared):
    mac = "" if shared == "address" else "02:00:00:00:00:01"
    follow(told, report(told, "h3", "b", "10.9.2.1", 20, mac))
    assert made(told) == {"10.9.2.1": "192.0.2.3"}
    follow(told, report(told, "h2", "a", "10.9.2.1" if shared == "address" else "10.9.2.2", 10, mac))
    assert (list(known(told)), list(made(told).values())) == (["a h2"], ["192.0.2.2"])
    assert names(told) == {"a"}
    assert agrees(told)
    follow(told, where(told, "h2", "a"))
    assert (list(known(told)), list(made(told).values())) == (["b h3"], ["192.0.2.3"])
    assert names(told) == {"b"}
    assert agrees(told)


def test_what_is_here_is_not_elsewhere(told):
    told.sandbox("web", networks=[{"name": "blue", "ipv4_address": "10.9.2.1"}])
    follow(told, report(told, "h2", "a", "10.9.2.1"))
    assert (known(told), made(told), names(told)) == ({}, {}, set())
    assert agrees(told)
    told.ensure("sandbox", {"name": "web", "state": "absent"})
    assert (known(told), made(told), names(told)) == ({"a h2": "10.9.2.1"}, {"10.9.2.1": "192.0.2.2"}, {"a"})
    # An address that is reserved here is nobody else's either.
    told.ensure("endpoint", {"name": "spare", "network": "blue", "ipv4_address": "10.9.2.1"})
    assert (known(told), made(told), names(told)) == ({}, {}, set())
    told.ensure("endpoint", {"name": "spare", "network": "blue", "state": "absent"})
    assert (known(told), made(told), names(told)) == ({"a h2": "10.9.2.1"}, {"10.9.2.1": "192.0.2.2"}, {"a"})
    assert agrees(told)
    # One that is chosen here is another one.
    told.sandbox("chosen", networks=[{"name": "blue"}])
    assert told.one("sandbox", "chosen")["Networks"]["blue"]["IPAddress"] != "10.9.2.1"


def test_what_the_inventory_declares_holds(told):
    blue(told, {"name": "a", "ipv4_address": "10.9.2.1"}, dns=told.kernel.facts.name_server)
    follow(told, report(told, "h3", "b", "10.9.2.1"))
    assert known(told) == {"a h2": "10.9.2.1"}
    assert agrees(told)
    follow(told, report(told, "h2", "a", "10.9.2.1"))
    follow(told, where(told, "h2", "a"))
    assert (known(told), made(told), names(told)) == ({"a h2": "10.9.2.1"}, {"10.9.2.1": "192.0.2.2"}, {"a"})
    assert agrees(told)


def test_peers_come_and_go(told):
    follow(told, report(told, "h2", "a", "10.9.2.1"), report(told, "h4", "b", "10.9.4.1"))
    assert known(told) == {"a h2": "10.9.2.1"}
    blue(told, numbers=(3, 4), dns=told.kernel.facts.name_server)
    assert (known(told), made(told), names(told)) == ({"b h4": "10.9.4.1"}, {"10.9.4.1": "192.0.2.4"}, {"b"})
    assert agrees(told)


def test_what_somebody_has_removed_is_made_again(told):
    follow(told, report(told, "h2", "a", "10.9.2.1"))
    for key in [key for key in told.kernel.present if {"10.9.2.1", "02:42:0a:09:02:01"}.intersection(key)]:
        del told.kernel.present[key]
    assert follow(told, networks=[where(told, "h2", "a").network])
    assert made(told) == {"10.9.2.1": "192.0.2.2"}
    assert agrees(told)


def test_reports_go_with_their_network(told):
    follow(told, report(told, "h2", "a", "10.9.2.1"))
    told.ensure("network", {"name": "blue", "state": "absent", "force": True})
    blue(told, dns=told.kernel.facts.name_server)
    assert known(told) == {}


def test_hosts_that_learn_know_names_only(told):
    blue(told, dns=told.kernel.facts.name_server, **{LEARNING: True})
    follow(told, report(told, "h2", "a", "10.9.2.1"))
    assert (made(told), names(told)) == ({}, {"a"})
    assert agrees(told)


def reboot(host):
    """Let HOST lose what does not survive a reboot."""
    host.kernel.present = {key: resource for key, resource in host.kernel.present.items() if key[0] == "sysctl"}


def is_here(host, sandbox):
    return any(each.kind == "link" and each.namespace.endswith(f"/{sandbox}") for each in host.kernel.present.values())


def test_a_restore_does_not_bring_back_what_has_moved(told):
    told.sandbox("web", networks=[{"name": "blue", "ipv4_address": "10.9.2.1"}])
    follow(told, report(told, "h2", "a", "10.9.2.1"))
    reboot(told)
    result = told.controller().restore()
    assert result.given_way == ["web"]
    assert "host 'h2' has its address 10.9.2.1" in told.warnings[-1]
    assert (made(told), names(told), is_here(told, "web")) == ({"10.9.2.1": "192.0.2.2"}, {"a"}, False)
    assert told.controller().restore().given_way == ["web"]
    # When it is not there any more, it is this host's again.
    follow(told, where(told, "h2", "a"))
    assert (made(told), names(told), is_here(told, "web")) == ({}, set(), True)
    assert told.controller().restore().given_way == []


def test_what_is_restored_gives_way_when_agents_tell_that_it_has_moved(told):
    told.sandbox("web", networks=[{"name": "blue", "ipv4_address": "10.9.2.1"}])
    reboot(told)
    assert told.controller().restore().given_way == []
    assert is_here(told, "web")
    follow(told, report(told, "h2", "a", "10.9.2.1"))
    assert (made(told), names(told), is_here(told, "web")) == ({"10.9.2.1": "192.0.2.2"}, {"a"}, False)
    # A run that names it decides that it is here.
    told.sandbox("web", networks=[{"name": "blue", "ipv4_address": "10.9.2.1"}])
    assert (made(told), names(told), is_here(told, "web")) == ({}, set(), True)
    follow(told, report(told, "h3", "b", "10.9.2.1"))
    assert is_here(told, "web")


class Killed(BaseException):
    """Acts like SIGKILL: none of our code runs after it."""


def test_a_run_that_is_killed_is_finished_or_undone(told):
    killed, at = True, 0
    while killed:
        left = iter(range(at))

        def kill(_step, left=left):
            if next(left, None) is None:
                raise Killed

        told.kernel.before_step = kill
        try:
            follow(told, report(told, "h2", "a", "10.9.2.1"))
            killed = False
        except Killed:
            told.kernel.before_step = lambda _step: None
            told.controller().restore()
            assert (known(told), made(told), names(told)) == ({}, {}, set())
            assert agrees(told)
        at += 1
    told.kernel.before_step = lambda _step: None
    assert at > 3
    assert (known(told), made(told), names(told)) == ({"a h2": "10.9.2.1"}, {"10.9.2.1": "192.0.2.2"}, {"a"})


def test_what_the_kernel_refuses_is_left_out_until_the_network_is_compared(told):
    told.kernel.refuse = lambda step: step.resource.kind == "neighbour" and step.after is not None
    with pytest.raises(Incomplete, match="Network 'blue' was left out"):
        follow(told, report(told, "h2", "a", "10.9.2.1"))
    assert known(told) == {"a h2": "10.9.2.1"}
    told.kernel.refuse = None
    assert follow(told, networks=[where(told, "h2", "a").network])
    assert made(told) == {"10.9.2.1": "192.0.2.2"}
    assert agrees(told)
