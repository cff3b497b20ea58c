# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parents such as ``eth1.10``: VLANs that are made for networks, shared by them, and adopted where they exist."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Parent
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import VLAN_GROUP, Link, Lower
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST

CARD = Parent("", 1400, False, False, True, "")
VLAN = ("link", HOST, "eth1.10")
OTHERS = {"lan": "192.168.7.0/24", "guests": "192.168.8.0/24"}


def network(host, name="lan", parent="eth1.10", **more):
    item = {"driver": "macvlan", "driver_options": {"parent": parent}, "ipam_config": [{"subnet": OTHERS[name]}]}
    return host.network(name, **{**item, **more})


@pytest.fixture
def trunk(host, monkeypatch):
    """A host with a network card 'eth1'. What is made on it can be a parent, too."""
    facts = host.kernel.facts
    facts.parents["eth1"] = CARD
    facts.mtus["eth1"] = 1400
    facts.links["eth1"] = []

    def parent(name):
        link = host.kernel.present.get(("link", HOST, name))
        ours = link is not None and link.group == VLAN_GROUP
        return CARD._replace(type="vlan", ours=True) if ours else facts.parents.get(name)

    monkeypatch.setattr(facts, "parent", parent)
    return host


def theirs(host):
    """Let somebody else make the VLAN."""
    host.kernel.facts.parents["eth1.10"] = CARD._replace(type="vlan")
    host.kernel.facts.links["eth1.10"] = ["192.168.7.250/24"]
    link = Link(HOST, "eth1.10", "vlan", group=0, lower=Lower("eth1", tag=10))
    host.kernel.present[link.key] = link
    return link


def test_a_missing_vlan_is_made_and_goes_with_its_network(trunk):
    assert network(trunk, check=True).changed
    assert trunk.links() == {}
    made = network(trunk)
    assert made.changed and not network(trunk, check=True).changed and not network(trunk).changed
    link = trunk.kernel.present[VLAN]
    assert (link.type, link.up, link.lower) == ("vlan", True, Lower("eth1", tag=10))
    # The rules must not take it for a bridge of sandboxes, and the host accepts no routers there.
    assert link.group == VLAN_GROUP
    assert trunk.kernel.present["sysctl", HOST, "net/ipv6/conf/eth1.10/disable_ipv6"].value == "1"
    assert made.objects[0]["Host"]["Device"] == "eth1.10" and made.objects[0]["Host"]["Mtu"] == 1400
    trunk.sandbox("web", networks=[{"name": "lan"}])
    assert trunk.kernel.present["link", "/run/netns/web", "eth0"].lower == Lower("eth1.10", "bridge")
    trunk.sandbox("web", state="absent")
    trunk.network("lan", state="absent")
    assert trunk.left() == set()


def test_the_last_network_on_a_vlan_takes_it_away(trunk):
    network(trunk)
    network(trunk, "guests")
    trunk.network("lan", state="absent")
    assert trunk.links() == {HOST: ["eth1.10"]}
    assert not network(trunk, "guests").changed
    network(trunk, "guests", "eth1", ipam_config=None)
    assert trunk.links() == {}


def test_two_networks_in_one_run_share_it(trunk):
    items = [
        {
            "name": name,
            "driver": "macvlan",
            "driver_options": {"parent": "eth1.10"},
            "ipam_config": [{"subnet": subnet}],
        }
        for name, subnet in OTHERS.items()
    ]
    trunk.ensure("network", *items)
    assert trunk.links() == {HOST: ["eth1.10"]}
    trunk.ensure("network", *({"name": name, "state": "absent"} for name in OTHERS))
    assert trunk.left() == set()


def test_passthru_shares_with_nobody(trunk):
    network(trunk)
    alone = {"parent": "eth1.10", "macvlan_mode": "passthru"}
    item = {"name": "guests", "driver": "macvlan", "driver_options": alone}
    used = "is already using parent 'eth1.10'"
    assert f"network 'lan' {used}" in trunk.refused("network", item)
    network(trunk, "guests")
    assert f"network 'guests' {used}" in trunk.refused("network", {"name": "lan", "driver_options": alone})


def test_no_bridge_has_its_name(trunk):
    network(trunk)
    item = {"name": "bridged", "driver_options": {"com.docker.network.bridge.name": "eth1.10"}}
    assert "the bridge 'eth1.10' belongs to network 'lan'" in trunk.refused("network", item)


def test_a_vlan_that_exists_is_adopted_and_stays(trunk):
    link = theirs(trunk)
    network(trunk, ipam_config=None)
    (pool,) = trunk.one("network", "lan")["IPAM"]["Config"]
    assert pool["Gateway"] != "192.168.7.250", "the host's address is not the router's"
    trunk.sandbox("web", networks=[{"name": "lan"}])
    assert not network(trunk, ipam_config=None).changed
    trunk.network("lan", state="absent", force=True)
    assert trunk.kernel.present[VLAN] == link
    assert [key for key in trunk.kernel.present if "eth1.10" in str(key)] == [VLAN]


def test_an_adopted_vlan_that_is_gone_is_not_made(trunk):
    theirs(trunk)
    network(trunk)
    trunk.sandbox("web", networks=[{"name": "lan"}])
    trunk.kernel.forget()
    del trunk.kernel.facts.links["eth1.10"], trunk.kernel.facts.parents["eth1.10"]
    assert trunk.controller().restore().left_out == ["web"]
    assert VLAN not in trunk.kernel.present
    assert "the interface 'eth1.10', the parent of network 'lan', is gone" in trunk.warnings[-1]
    assert "this host has no interface 'eth1.10'" in trunk.refused("network", {"name": "lan"})


@pytest.mark.parametrize(
    "damage",
    [
        lambda host, link: host.kernel.lose(link.key),
        lambda host, link: host.kernel.present.update({link.key: replace(link, up=False)}),
        lambda host, link: (
            host.kernel.lose(link.key),
            host.kernel.present.update({link.key: replace(link, lower=Lower("eth1", tag=11))}),
        ),
        lambda host, link: host.kernel.present.update({link.key: replace(link, lower=Lower("eth1", tag=11))}),
    ],
    ids=["gone", "down", "another tag", "another tag below its links"],
)
def test_drift_is_repaired_with_what_is_on_it(trunk, damage):
    network(trunk)
    network(trunk, "guests")
    trunk.sandbox("web", networks=[{"name": "lan"}])
    trunk.sandbox("bar", networks=[{"name": "guests"}])
    before = dict(trunk.kernel.present)
    damage(trunk, trunk.kernel.present[VLAN])
    present = trunk.kernel.present.get(VLAN)
    stays = present is not None and present.lower.tag == 10
    checked, done = (network(trunk, check=check).differences for check in (True, False))
    assert checked == done != []
    assert ("macvlan 'eth0'" in str(checked)) == (not stays), "the kernel removes what is on it"
    assert trunk.kernel.present == before
    assert not network(trunk).changed


def test_all_comes_back_after_a_boot(trunk):
    network(trunk)
    network(trunk, "guests")
    trunk.sandbox("web", networks=[{"name": "lan"}, {"name": "guests"}])
    before = dict(trunk.kernel.present)
    trunk.kernel.forget()
    assert trunk.controller().restore().left_out == []
    assert trunk.kernel.present == before


@pytest.mark.parametrize(("state", "sentence"), [("gone", "is gone"), ("down", "is down")])
def test_a_card_that_is_not_there_leaves_the_sandbox_out(trunk, state, sentence):
    network(trunk)
    trunk.sandbox("web", networks=[{"name": "lan"}])
    trunk.kernel.forget()
    facts = trunk.kernel.facts
    if state == "gone":
        del facts.links["eth1"]
    else:
        facts.down.add("eth1")
    assert trunk.controller().restore().left_out == ["web"]
    assert f"the interface 'eth1', which has the VLAN of network 'lan', {sentence}" in trunk.warnings[-1]
    assert trunk.links() == {}
    facts.links["eth1"] = []
    facts.down.clear()
    assert trunk.controller().restore().left_out == []
    assert VLAN in trunk.kernel.present


def test_what_somebody_else_has_made_in_its_place_is_in_the_way(trunk):
    network(trunk)
    trunk.kernel.lose(VLAN)
    theirs(trunk)
    message = trunk.refused("sandbox", {"name": "web", "networks": [{"name": "lan"}]}, error=Exception)
    assert "A vlan 'eth1.10' that was not made by us is in the way" in message


@pytest.mark.parametrize(
    ("parent", "card", "message"),
    [
        ("eth1.0", {}, "'eth1.0' is not a VLAN: its number is from 1 to 4094 (IEEE 802.1Q)."),
        ("eth1.4095", {}, "'eth1.4095' is not a VLAN: its number is from 1 to 4094 (IEEE 802.1Q)."),
        ("eth1.010", {}, "this host has no interface 'eth1.010'."),
        ("eth1.x", {}, "this host has no interface 'eth1.x'."),
        ("eth7.10", {}, "this host has no interface 'eth7' that could have the VLAN 'eth7.10'."),
        ("eth1.10", {"up": False}, "'eth1' is down, so a VLAN on it would be, too: ip link set eth1 up"),
        ("eth1.10", {"ours": True}, "'eth1' belongs to a network or a sandbox of this host, and cannot have a VLAN."),
        ("eth1.10", {"ethernet": False}, "'eth1' is not an Ethernet interface, as a VLAN needs."),
        ("eth1.11", {}, "'office' already is VLAN 11 of 'eth1'. Name it as the parent."),
    ],
)
def test_what_is_no_vlan_is_refused(trunk, parent, card, message):
    trunk.kernel.facts.parents["eth1"] = CARD._replace(**card)
    trunk.kernel.facts.vlans["eth1", 11] = "office"
    item = {"name": "lan", "driver": "macvlan", "driver_options": {"parent": parent}}
    assert f"driver option 'parent': {message}" in trunk.refused("network", item)


def test_all_problems_are_in_one_message(trunk):
    trunk.kernel.facts.parents["eth1"] = CARD._replace(up=False)
    options = {"parent": "eth1.4095", "com.docker.network.driver.mtu": 9000, "macvlan_mod": "vepa"}
    message = trunk.refused("network", {"name": "lan", "driver": "macvlan", "driver_options": options})
    for part in ("its number is from 1 to 4094", "'eth1' is down", "9000 bytes are more than", "did you mean"):
        assert part in message


def test_a_run_that_is_refused_at_any_step_leaves_the_vlan_to_the_other_network(trunk):
    network(trunk)
    before = dict(trunk.kernel.present)
    for number in itertools.count():
        steps = itertools.count()
        trunk.kernel.refuse = lambda _step, steps=steps, number=number: next(steps) == number
        try:
            with trunk.kernel.unchanged():
                network(trunk, "guests", "eth1.10")
                trunk.sandbox("bar", networks=[{"name": "guests"}])
        except KernelRefused:
            assert {k: v for k, v in trunk.kernel.present.items() if k[1] == HOST} == before
        except AssertionError:
            break
    trunk.kernel.refuse = None
    trunk.network("lan", state="absent")
    assert VLAN in trunk.kernel.present
