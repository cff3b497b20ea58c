# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of driver bridge with an uplink: a port of the host, or a VLAN, is in the bridge."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Parent
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import VLAN_GROUP, Lower
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.uplink import Uplink

CARD = Parent("", 1400, False, False, True, "")
PORT = ("uplink", HOST, "eth1")
LAN = {"subnet": "192.168.7.0/24", "gateway": "192.168.7.1"}
OWN = {"host": "192.168.7.250"}
OPTION = "cnm.bridge.uplink"
NAME = "com.docker.network.bridge.name"


def item(name="lan", uplink="eth1", pool=None, options=None, **more):
    return {"name": name, "driver_options": {OPTION: uplink, **(options or {})}, "ipam_config": [pool or LAN], **more}


@pytest.fixture
def cards(host, monkeypatch):
    """A host with two network cards. Their bridges and VLANs are seen as the kernel shows them."""
    facts = host.kernel.facts
    for name in ("eth1", "eth2"):
        facts.parents[name], facts.mtus[name], facts.links[name] = CARD, 1400, ["fe80::1/64"]

    def parent(name):
        link = host.kernel.present.get(("link", HOST, name))
        known = facts.parents.get(name)
        if link is not None and not link.foreign:
            known = CARD._replace(type=link.type, ours=True)
        port = host.kernel.present.get(("uplink", HOST, name))
        return known._replace(busy=port.master) if known and port else known

    monkeypatch.setattr(facts, "parent", parent)
    return host


def ensure(host, *args, check=False, **more):
    return host.ensure("network", item(*args, **more), check=check)


def bridge(host, name="lan"):
    return f"br-{host.one('network', name)['Id'][:12]}"


def test_the_port_is_in_the_bridge_and_the_gateway_is_the_router(cards):
    assert ensure(cards, check=True).changed and cards.links() == {}
    made = ensure(cards)
    assert made.changed and not ensure(cards, check=True).changed and not ensure(cards).changed
    device = bridge(cards)
    assert cards.kernel.present[PORT] == Uplink("eth1", device)
    link = cards.kernel.present["link", HOST, device]
    # The rules take it for a way out of the host, like any other interface to a LAN.
    assert (link.group, link.mtu) == (VLAN_GROUP, 1400)
    assert cards.kernel.present["sysctl", HOST, f"net/ipv4/conf/{device}/arp_ignore"].value == "1"
    assert cards.kernel.present["sysctl", HOST, f"net/ipv6/conf/{device}/disable_ipv6"].value == "1"
    assert "address" not in cards.kinds(), "the router has the gateway's address, and the host none"
    sets = {key[1] for key in cards.kernel.present if key[0] == "element"}
    assert sets == {"within", "routers", "apart4", "apart6"}, "no subnet of the LAN is masqueraded or guarded"
    cards.sandbox("web", networks=[{"name": "lan"}])
    assert cards.default_route("web") == ("192.168.7.1", "eth0")
    inner = cards.kernel.present["link", "/run/netns/web", "eth0"]
    assert (inner.peer.master, inner.peer.learning, inner.peer.pinned) == (device, False, True)
    assert cards.kernel.present["sysctl", "/run/netns/web", "net/ipv6/conf/eth0/accept_ra"].value == "0"
    cards.sandbox("web", state="absent")
    cards.network("lan", state="absent")
    assert cards.left() == set()


def test_the_host_has_an_address_if_an_auxiliary_one_is_its_own(cards):
    ensure(cards, pool={**LAN, "aux_addresses": OWN})
    device = bridge(cards)
    assert ("address", HOST, device, "192.168.7.250/24") in cards.kernel.present
    mac = cards.kernel.present["link", HOST, device].address
    assert mac == f"02:{device[3:5]}:{device[5:7]}:{device[7:9]}:{device[9:11]}:{device[11:13]}", "no other host has it"
    assert ("element", "routers", f"{device} . {mac}") in cards.kernel.present
    cards.sandbox("web", networks=[{"name": "lan", "ipv4_address": "192.168.7.9"}])
    assert cards.kernel.present["neighbour", HOST, device, "192.168.7.9"].mac == "02:42:c0:a8:07:09"
    taken = {"name": "bad", "networks": [{"name": "lan", "ipv4_address": "192.168.7.250"}]}
    assert "auxiliary address 'host'" in cards.refused("sandbox", taken)
    # It goes again, and the sandbox stays.
    assert ensure(cards, pool={**LAN, "aux_addresses": {}}).changed
    assert [key for key in cards.kernel.present if key[0] in ("address", "neighbour") and key[1] == HOST] == []
    assert not ensure(cards, pool={**LAN, "aux_addresses": {}}).changed


def test_the_hosts_address_is_on_one_interface(cards):
    cards.kernel.facts.routes = [("192.168.7.0/24", "eth0")]
    ensure(cards)
    own = {**LAN, "aux_addresses": OWN}
    assert "the host already reaches 192.168.7.0/24 on 'eth0'" in cards.refused("network", item(pool=own))
    ensure(cards, pool=own, options={"cnm.allow_host_overlap": True})


def test_sandboxes_that_must_not_reach_each_other_are_still_on_the_lan(cards):
    ensure(cards, options={"com.docker.network.bridge.enable_icc": False})
    cards.sandbox("web", networks=[{"name": "lan"}])
    device = bridge(cards)
    assert cards.kernel.present["link", "/run/netns/web", "eth0"].peer.isolated
    assert cards.kernel.present["element", "within", f"{device} . {device}"].value == "accept"


def test_a_missing_vlan_is_made_and_goes_with_the_network(cards):
    ensure(cards, uplink="eth1.20")
    assert cards.kernel.present["link", HOST, "eth1.20"].lower == Lower("eth1", tag=20)
    assert cards.kernel.present["uplink", HOST, "eth1.20"].master == bridge(cards)
    assert not ensure(cards, uplink="eth1.20").changed
    cards.network("lan", state="absent")
    assert cards.left() == set()


def test_a_vlan_that_exists_is_used_and_stays(cards):
    cards.kernel.facts.parents["eth1.20"] = CARD._replace(type="vlan")
    cards.kernel.facts.links["eth1.20"] = []
    ensure(cards, uplink="eth1.20")
    assert cards.links() == {HOST: [bridge(cards)]}
    assert not ensure(cards, uplink="eth1.20").changed
    cards.network("lan", state="absent")
    assert cards.left() == set()


def test_another_uplink_and_another_bridge(cards):
    ensure(cards)
    cards.sandbox("web", networks=[{"name": "lan"}])
    assert "would interrupt endpoints" in cards.refused("network", item(uplink="eth2"))
    assert ensure(cards, uplink="eth2", force=True).changed and not ensure(cards, uplink="eth2").changed
    assert PORT not in cards.kernel.present
    assert ensure(cards, uplink="eth2", options={NAME: "br-lan"}, force=True).changed
    assert cards.kernel.present["uplink", HOST, "eth2"].master == "br-lan"
    assert cards.kernel.present["link", "/run/netns/web", "eth0"].peer.master == "br-lan"
    # Without an uplink, the host is the gateway.
    cards.network("lan", driver_options={}, force=True)
    assert cards.kernel.present["sysctl", HOST, f"net/ipv4/conf/{bridge(cards)}/route_localnet"].value == "1"
    assert [key for key in cards.kernel.present if key[0] == "uplink"] == []
    assert ("address", HOST, bridge(cards), "192.168.7.1/24") in cards.kernel.present
    assert not cards.network("lan", driver_options={}).changed
    ensure(cards, force=True)
    assert cards.kernel.present["sysctl", HOST, f"net/ipv4/conf/{bridge(cards)}/route_localnet"].value == "0"


@pytest.mark.parametrize("uplink", ["eth1", "eth1.20"])
def test_what_somebody_has_taken_out_is_put_back(cards, uplink):
    ensure(cards, uplink=uplink)
    cards.sandbox("web", networks=[{"name": "lan"}])
    before = dict(cards.kernel.present)
    for lost in (("uplink", HOST, uplink), ("link", HOST, bridge(cards)), ("link", HOST, "eth1.20")):
        cards.kernel.lose(lost)
        checked, done = (ensure(cards, uplink=uplink, check=check).differences for check in (True, False))
        assert checked == done
        assert cards.kernel.present == before
        assert not ensure(cards, uplink=uplink).changed


def test_what_somebody_has_put_into_another_bridge_is_left_there(cards):
    ensure(cards)
    theirs = Uplink("eth1", "br0", foreign=True)
    cards.kernel.present[PORT] = theirs
    assert "'eth1' is a port of 'br0'" in cards.refused("network", item())
    message = cards.refused("sandbox", {"name": "web", "networks": [{"name": "lan"}]}, error=Exception)
    assert "A port 'eth1' of 'br0' that was not made by us is in the way" in message
    cards.network("lan", state="absent")
    assert cards.kernel.present[PORT] == theirs


def test_all_comes_back_after_a_boot(cards):
    ensure(cards, uplink="eth1.20", pool={**LAN, "aux_addresses": OWN})
    cards.sandbox("web", networks=[{"name": "lan"}])
    before = dict(cards.kernel.present)
    cards.kernel.forget()
    assert cards.controller().restore().left_out == []
    assert cards.kernel.present == before


@pytest.mark.parametrize(("state", "sentence"), [("gone", "is gone"), ("down", "is down")])
def test_without_its_card_the_sandbox_is_left_out(cards, state, sentence):
    ensure(cards)
    cards.sandbox("web", networks=[{"name": "lan"}])
    cards.kernel.forget()
    facts = cards.kernel.facts
    if state == "gone":
        del facts.links["eth1"]
    else:
        facts.down.add("eth1")
    assert cards.controller().restore().left_out == ["web"]
    assert f"the interface 'eth1', the uplink of network 'lan', {sentence}" in cards.warnings[-1]
    assert cards.links() == {}


@pytest.mark.parametrize(
    ("uplink", "card", "message"),
    [
        ("eth7", {}, "this host has no interface 'eth7'."),
        ("eth7.20", {}, "this host has no interface 'eth7' that could have the VLAN 'eth7.20'."),
        ("eth1", {"up": False}, "'eth1' is down, so nothing would pass: ip link set eth1 up"),
        ("eth1", {"ethernet": False}, "'eth1' is not an Ethernet interface, as the port of a bridge is."),
        ("eth1", {"ours": True}, "'eth1' belongs to a network or a sandbox of this host."),
        ("eth1", {"type": "bridge"}, f"'eth1' is a bridge itself. Give it as '{NAME}' instead."),
        ("eth1", {"busy": "bond0"}, "'eth1' is a port of 'bond0', and cannot be that of another bridge."),
    ],
)
def test_what_cannot_be_an_uplink_is_refused(cards, uplink, card, message):
    cards.kernel.facts.parents["eth1"] = CARD._replace(**card)
    assert f"driver option '{OPTION}': {message}" in cards.refused("network", item(uplink=uplink))


def test_an_interface_with_an_address_of_the_host_is_refused(cards):
    cards.kernel.facts.links["eth1"] = ["192.168.7.5/24", "fe80::1/64"]
    message = cards.refused("network", item())
    assert "'eth1' has the address 192.168.7.5/24, with which the host would no longer be reached." in message
    assert "a VLAN such as 'eth1.10'" in message
    ensure(cards, uplink="eth1.10")


def test_a_bridge_of_the_administrator_is_not_changed(cards):
    cards.kernel.facts.parents["br0"] = CARD._replace(type="bridge")
    cards.kernel.facts.links["br0"] = []
    message = cards.refused("network", item(options={NAME: "br0"}))
    assert "the bridge 'br0' exists" in message and "put 'eth1' into the bridge yourself" in message


def test_an_adopted_bridge_gets_no_uplink(cards):
    cards.kernel.facts.links["br0"] = []
    theirs = replace(_bridge(cards), name="br0", group=0)
    cards.kernel.present[theirs.key] = theirs
    cards.network("lan", driver_options={NAME: "br0"}, ipam_config=[LAN])
    assert "it has adopted 'br0', which is not ours to change" in cards.refused("network", item(options={NAME: "br0"}))


def _bridge(host):
    ensure(host, "other", "eth2", {"subnet": "192.168.9.0/24"})
    return host.kernel.present["link", HOST, bridge(host, "other")]


@pytest.mark.parametrize(
    "other",
    [
        item("guests", pool={"subnet": "192.168.8.0/24"}),
        {"name": "guests", "driver": "macvlan", "driver_options": {"parent": "eth1"}},
    ],
)
def test_an_interface_is_of_one_network(cards, other):
    ensure(cards)
    # Also while somebody has taken it out.
    cards.kernel.lose(PORT)
    assert "network 'lan' " in cards.refused("network", other)
    cards.network("lan", state="absent")
    cards.ensure("network", other)
    assert "network 'guests'" in cards.refused("network", item())


@pytest.mark.parametrize(
    ("options", "more", "message"),
    [
        ({}, {"internal": True}, f"internal: true contradicts driver option '{OPTION}'"),
        ({}, {"dns": True}, "dns: this host is not the gateway of network 'lan'"),
        ({"com.docker.network.bridge.gateway_mode_ipv4": "routed"}, {}, "is for a network whose gateway is the host"),
        ({"com.docker.network.bridge.enable_ip_masquerade": True}, {}, "is for a network whose gateway is the host"),
        ({"com.docker.network.driver.mtu": 9000}, {}, "9000 bytes are more than the MTU of 'eth1', 1400"),
    ],
)
def test_what_does_not_go_together_is_refused(cards, options, more, message):
    assert message in cards.refused("network", item(options=options, **more))


def test_no_port_is_published(cards):
    ensure(cards)
    web = {"name": "web", "networks": [{"name": "lan"}], "published_ports": ["8080:80"]}
    assert "network 'lan' has an uplink" in cards.refused("sandbox", web)


def test_a_run_that_is_refused_at_any_step_leaves_the_port_as_it_was(cards):
    ensure(cards)
    for number in itertools.count():
        steps = itertools.count()
        cards.kernel.refuse = lambda _step, steps=steps, number=number: next(steps) == number
        try:
            with cards.kernel.unchanged():
                ensure(cards, uplink="eth2", options={NAME: "br-lan"})
        except KernelRefused:
            continue
        except AssertionError:
            break
    assert number > 3 and cards.kernel.present["uplink", HOST, "eth2"].master == "br-lan"


def test_the_name_server_does_not_stay_at_an_address_that_is_the_routers(cards):
    cards.kernel.facts.name_server = True
    cards.network("lan", ipam_config=[LAN])
    assert cards.one("network", "lan")["Host"]["Dns"]
    assert "dns: this host is not the gateway of network 'lan'" in cards.refused("network", item())
    ensure(cards, dns=False)
