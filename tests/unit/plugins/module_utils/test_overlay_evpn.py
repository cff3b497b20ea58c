# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks whose forwarding entries a routing daemon makes: what is ours, and what is left to it."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import (
    CONTROL,
    LEARNING,
    NAMES,
    VTEP,
)
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.fdb import ANYBODY, FdbEntry

EVPN = {CONTROL: "evpn"}
POOLS = [{"subnet": "10.9.0.0/16"}]
A = {"name": "a", "ipv4_address": "10.9.0.22"}
MAC = "02:42:0a:09:00:16"


def peer(number, *endpoints):
    return {"name": f"h{number}", "address": f"192.0.2.{number}", "endpoints": list(endpoints)}


def play(host, options=None, **more):
    item = {
        "driver": "overlay",
        "ipam_config": POOLS,
        "peers": [peer(2, A)],
        "known": [],
        "declared": ["a"],
        "chosen": [],
    }
    return host.network("blue", driver_options=EVPN if options is None else options, **{**item, **more})


def of_kind(host, kind):
    return {key: one for key, one in host.kernel.present.items() if key[0] == kind and key[1] == ""}


def device(host):
    return host.one("network", "blue")["Host"]["VxlanDevice"]


def zebra(host):
    """Make the entries that zebra makes for the endpoint a of the host h2; return them."""
    own = [
        FdbEntry("", device(host), ANYBODY, "192.0.2.2"),
        FdbEntry("", device(host), MAC, "192.0.2.2"),
        FdbEntry("", device(host), MAC, "", sticky=False),
        FdbEntry("", device(host), "02:00:00:00:00:99", "192.0.2.9"),
    ]
    made = {each.key: each for each in own}
    host.kernel.present.update(made)
    return made


def test_only_the_endpoints_here_have_entries(host):
    play(host)
    host.sandbox("here", networks=[{"name": "blue"}])
    shown = host.one("network", "blue")["Host"]
    assert (shown["Control"], shown["Names"], shown["Learning"]) == ("evpn", "inventory", False)
    assert of_kind(host, "forwarding") == {}
    assert {one.address: one.mac for one in of_kind(host, "neighbour").values()} == {"10.9.0.2": "02:42:0a:09:00:02"}
    (inner,) = (one for key, one in host.kernel.present.items() if key[:2] == ("link", "/run/netns/here"))
    assert inner.peer.pinned and not inner.peer.sticky, "a route for a sticky entry forbids that the endpoint moves"
    assert not inner.peer.learning, "whatever the bridge learns becomes a route"
    assert "10.9.0.22\ta a.blue\n" in host.kernel.present["file", "/etc/netns/here/hosts"].text


def test_what_zebra_makes_is_left_alone(host):
    play(host)
    host.sandbox("here", networks=[{"name": "blue"}])
    made = zebra(host)
    assert not play(host).changed
    assert not host.sandbox("here", networks=[{"name": "blue"}]).changed
    assert not host.controller().restore().changed
    assert of_kind(host, "forwarding") == made
    # A change of something else does not touch it either.
    assert host.sandbox("more", networks=[{"name": "blue"}]).changed
    assert of_kind(host, "forwarding") == made


@pytest.mark.parametrize("learning", [True, False])
def test_a_network_that_becomes_evpn_loses_our_entries_only(host, learning):
    play(host, {LEARNING: learning})
    assert of_kind(host, "forwarding")
    assert play(host).changed
    assert of_kind(host, "forwarding") == {}
    zebra(host)
    assert not play(host).changed
    # Back again, what zebra has left would lead astray.
    assert play(host, {LEARNING: False}).changed
    assert {key.mac for key in of_kind(host, "forwarding")} == {MAC}
    assert not play(host, {LEARNING: False}).changed


def test_names_come_from_the_exchange_or_from_agents(host):
    assert list(play(host).reports) == ["blue"]
    assert play(host, {**EVPN, NAMES: "etcd"}).reports == {}
    assert host.one("network", "blue")["Host"]["Names"] == "etcd"


def test_endpoints_that_the_inventory_lacks_are_reached_all_the_same(host):
    play(host)
    host.sandbox("box", networks=[{"name": "blue"}])
    assert host.warnings == []


def test_a_restored_sandbox_that_may_have_moved_is_asked_for(host):
    play(host)
    host.sandbox("here", networks=[{"name": "blue"}])
    host.kernel.forget()
    host.kernel.elsewhere = {"10.9.0.2"}
    host.controller().restore()
    assert "/run/netns/here" not in host.links()
    assert "another host has its address 10.9.0.2" in host.warnings[-1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({**EVPN, LEARNING: True}, "with 'cnm.overlay.control: evpn', hosts do not learn from packets"),
        ({**EVPN, NAMES: "evpn"}, "'evpn' is neither 'inventory' nor 'etcd'"),
        ({NAMES: "etcd"}, "option 'cnm.overlay.names' needs 'cnm.overlay.control: evpn'"),
        ({**EVPN, VTEP: "2001:db8::1"}, "needs IPv4 addresses of the hosts, and this host's is 2001:db8::1"),
    ],
)
def test_what_is_refused(host, options, sentence):
    item = {"name": "blue", "driver": "overlay", "ipam_config": POOLS, "driver_options": options}
    assert sentence in host.refused("network", item)


def test_all_overlays_of_a_host_are_left_to_zebra_or_none(host):
    play(host)
    red = {"driver": "overlay", "ipam_config": [{"subnet": "10.8.0.0/16"}]}
    sentence = "Network 'blue' has 'cnm.overlay.control: evpn', and network 'red' has not."
    assert sentence in host.refused("network", {"name": "red", **red})
    assert host.network("red", **red, driver_options=EVPN).changed
    # A bridge has no VXLAN device.
    assert host.network("lan").changed
