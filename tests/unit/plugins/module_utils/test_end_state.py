# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unique values pass from one object to another within a run, whatever the order of the list."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.namespace import Namespace

BRIDGE = "com.docker.network.bridge.name"
VNI = "com.docker.network.driver.overlay.vxlanid_list"


def on(name, network="lan", **options):
    """Return a sandbox on NETWORK with OPTIONS there."""
    return {"name": name, "networks": [{"name": network, **options}]}


def addresses(host):
    return {name: one["IPv4Address"].partition("/")[0] for name, one in host.listed("endpoint").items()}


def ensure_as_foreseen(host, kind, items):
    """Apply ITEMS; check that check mode predicts the result, and that a second run has nothing to do."""
    expected = host.ensure(kind, *items, check=True).objects
    assert host.ensure(kind, *items).objects == expected
    assert not host.ensure(kind, *items).changed


either_order = pytest.mark.parametrize("turn", [1, -1], ids=["one way", "the other way"])


@pytest.fixture
def pair(host):
    """Sandboxes 'a' and 'b' on 'lan'."""
    host.network("lan", ipam_config=[{"subnet": "10.1.0.0/29"}], enable_ipv6=True)
    host.ensure("sandbox", on("a"), on("b"))
    return host


@either_order
@pytest.mark.parametrize("kind", ["sandbox", "endpoint"])
def test_addresses_are_swapped(pair, kind, turn):
    wishes = {"a": "10.1.0.3", "b": "10.1.0.2"}
    items = [
        on(name, ipv4_address=wish) if kind == "sandbox" else {"name": name, "network": "lan", "ipv4_address": wish}
        for name, wish in wishes.items()
    ]
    ensure_as_foreseen(pair, kind, items[::turn])
    assert addresses(pair) == wishes
    assert pair.one("endpoint", "a")["MacAddress"] == "02:42:0a:01:00:03"


def test_addresses_go_round(pair):
    pair.ensure("sandbox", on("c"))
    wishes = {"a": "10.1.0.3", "b": "10.1.0.4", "c": "10.1.0.2"}
    for order in itertools.permutations(wishes):
        ensure_as_foreseen(pair, "sandbox", [on(name, ipv4_address=wishes[name]) for name in order])
        assert addresses(pair) == wishes
        wishes = dict(zip(wishes, [*list(wishes.values())[1:], wishes["a"]]))


@either_order
def test_an_address_passes_to_a_new_endpoint(pair, turn):
    ensure_as_foreseen(pair, "sandbox", [on("new", ipv4_address="10.1.0.2"), on("a", ipv4_address="10.1.0.6")][::turn])
    assert addresses(pair) == {"a": "10.1.0.6", "b": "10.1.0.3", "new": "10.1.0.2"}


@either_order
def test_an_address_that_is_given_comes_before_one_that_is_chosen(host, turn):
    host.network("lan", ipam_config=[{"subnet": "10.1.0.0/24"}])
    ensure_as_foreseen(host, "sandbox", [on("any"), on("given", ipv4_address="10.1.0.2")][::turn])
    assert addresses(host) == {"any": "10.1.0.3", "given": "10.1.0.2"}


@either_order
def test_what_goes_makes_room_for_what_comes(pair, turn):
    pair.ensure("sandbox", *(on(f"more{number}") for number in range(3)))
    assert "no address is free" in pair.refused("sandbox", on("new"))
    pair.ensure("sandbox", *[on("new"), {"name": "a", "state": "absent"}][::turn])
    assert addresses(pair)["new"] == "10.1.0.2"


@pytest.mark.parametrize("first", ["10.1.0.2", "10.1.0.3"])
def test_an_address_that_two_ask_for_is_refused_once(pair, first):
    text = pair.refused("sandbox", on("new", ipv4_address="10.1.0.6"), on("a", ipv4_address="10.1.0.6"))
    assert text == "Sandbox 'a' on network 'lan': address 10.1.0.6 is taken: endpoint 'new' has it."
    text = pair.refused("sandbox", on("a", ipv4_address="10.1.0.3"), on("b", ipv4_address="10.1.0.3"))
    assert text == "Sandbox 'a' on network 'lan': address 10.1.0.3 is taken: endpoint 'b' has it."


@either_order
def test_ports_are_swapped(pair, turn):
    for name, port in (("a", "8001:80"), ("b", "8002:80")):
        pair.sandbox(name, published_ports=[port])
    items = [{"name": "a", "published_ports": ["8002:80"]}, {"name": "b", "published_ports": ["8001:80"]}]
    ensure_as_foreseen(pair, "sandbox", items[::turn])
    assert pair.one("endpoint", "a")["Ports"]["80/tcp"][0]["HostPort"] == "8002"


@either_order
def test_a_port_that_is_given_comes_before_one_that_is_chosen(pair, turn):
    items = [{"name": "a", "published_ports": ["80", "81"]}, {"name": "b", "published_ports": ["49153:80"]}]
    ensure_as_foreseen(pair, "sandbox", items[::turn])
    chosen = {binding["HostPort"] for bindings in pair.one("endpoint", "a")["Ports"].values() for binding in bindings}
    assert chosen == {"49154", "49155"}


def test_a_port_that_two_ask_for_is_refused_once(pair):
    items = [{"name": name, "published_ports": ["8001:80"]} for name in ("a", "b")]
    text = pair.refused("sandbox", *items)
    assert text == "Sandbox 'b': published port '8001:80/tcp': endpoint 'a' on network 'lan' has it."


@either_order
def test_mac_addresses_are_swapped(pair, turn):
    macs = ["02:00:00:00:00:01", "02:00:00:00:00:02"]
    pair.ensure("sandbox", on("a", mac_address=macs[0]), on("b", mac_address=macs[1]))
    ensure_as_foreseen(pair, "sandbox", [on("a", mac_address=macs[1]), on("b", mac_address=macs[0])][::turn])
    assert [pair.one("endpoint", name)["MacAddress"] for name in "ab"] == macs[::-1]


@either_order
def test_interface_names_are_swapped(host, turn):
    for network in ("one", "two"):
        host.network(network)
    host.sandbox("web", networks=[{"name": "one"}, {"name": "two"}])
    names = {"one": "eth1", "two": "eth0"}
    networks = [{"name": network, "interface_name": name} for network, name in names.items()]
    ensure_as_foreseen(host, "sandbox", [{"name": "web", "networks": networks[::turn]}])
    attachments = host.one("sandbox", "web")["Networks"]
    assert {network: attachments[network]["InterfaceName"] for network in names} == names


@either_order
def test_an_interface_name_that_is_given_comes_before_one_that_is_chosen(host, turn):
    for network in ("one", "two"):
        host.network(network)
    networks = [{"name": "one"}, {"name": "two", "interface_name": "eth0"}]
    ensure_as_foreseen(host, "sandbox", [{"name": "web", "networks": networks[::turn]}])
    assert host.one("sandbox", "web")["Networks"]["one"]["InterfaceName"] == "eth1"


@either_order
def test_endpoints_exchange_their_sandboxes(pair, turn):
    items = [{"name": one, "network": "lan", "sandbox": other, "force": True} for one, other in ("ab", "ba")]
    ensure_as_foreseen(pair, "endpoint", items[::turn])
    assert {name: one["Sandbox"] for name, one in pair.listed("endpoint").items()} == {"a": "b", "b": "a"}


@either_order
def test_subnets_are_swapped(host, turn):
    subnets = ["10.1.0.0/24", "10.2.0.0/24"]
    for name, subnet in zip(("red", "blue"), subnets):
        host.network(name, ipam_config=[{"subnet": subnet}])
        host.sandbox(name, networks=[{"name": name}])
    items = [
        {"name": name, "ipam_config": [{"subnet": subnet}], "force": True}
        for name, subnet in zip(("blue", "red"), subnets)
    ]
    ensure_as_foreseen(host, "network", items[::turn])
    assert addresses(host) == {"red": "10.2.0.2", "blue": "10.1.0.2"}


@either_order
def test_a_subnet_that_is_given_comes_before_one_that_is_chosen(host, turn):
    given = {"name": "given", "ipam_config": [{"subnet": "172.18.0.0/16"}]}
    ensure_as_foreseen(host, "network", [{"name": "any"}, given][::turn])
    assert host.one("network", "any")["IPAM"]["Config"][0]["Subnet"] == "172.19.0.0/16"


@either_order
def test_a_subnet_passes_to_a_new_network(host, turn):
    config = [{"subnet": "10.1.0.0/24"}]
    host.network("old", ipam_config=config)
    host.ensure("network", *[{"name": "new", "ipam_config": config}, {"name": "old", "state": "absent"}][::turn])
    assert "old" not in host.listed("network")


def test_each_subnet_that_overlaps_is_told_once(host):
    host.network("old", ipam_config=[{"subnet": "10.1.0.0/24"}])
    wide, narrow = (
        {"name": name, "ipam_config": [{"subnet": f"10.1.0.0/{bits}"}]} for name, bits in (("w", 16), ("n", 25))
    )
    text = host.refused("network", wide, narrow)
    assert text == (
        "Network 'w': subnet 10.1.0.0/16 overlaps 10.1.0.0/24 of network 'old'. "
        "Network 'n': subnet 10.1.0.0/25 overlaps 10.1.0.0/24 of network 'old'."
    )


@either_order
def test_a_subnet_and_the_addresses_on_it_are_changed_in_one_run(pair, turn):
    """No endpoint loses an address without asking for another one, so force is not needed."""
    groups = [
        ("network", [{"name": "lan", "ipam_config": [{"subnet": "10.9.0.0/24"}], "enable_ipv6": True}]),
        ("sandbox", [on("a", ipv4_address="10.9.0.3"), on("b", ipv4_address="10.9.0.2")][::turn]),
    ]
    pair.controller().ensure_all(groups)
    assert addresses(pair) == {"a": "10.9.0.3", "b": "10.9.0.2"}
    text = pair.refused("network", {"name": "lan", "ipam_config": [{"subnet": "10.8.0.0/24"}]})
    assert "would take away the addresses of endpoints 'a', 'b'" in text


@either_order
def test_two_networks_do_not_share_a_bridge(host, turn):
    host.network("blue")
    device = host.one("network", "blue")["Host"]["Device"]
    red = {"name": "red", "driver_options": {BRIDGE: device}}
    assert f"the bridge '{device}' belongs to network 'blue'" in host.refused("network", red)
    host.ensure("network", {"name": "blue", "state": "absent"})
    text = host.refused("network", *[red, {"name": "blue"}][::turn])
    assert f"the bridge '{device}' belongs to network" in text
    host.ensure("network", red)
    text = host.refused("network", {"name": "blue"})
    assert text == f"Network 'blue': the bridge '{device}' belongs to network 'red'."


@either_order
def test_bridges_are_swapped(host, turn):
    host.ensure("network", *({"name": name, "driver_options": {BRIDGE: f"br-{name}"}} for name in ("one", "two")))
    items = [
        {"name": name, "driver_options": {BRIDGE: f"br-{other}"}} for name, other in (("one", "two"), ("two", "one"))
    ]
    ensure_as_foreseen(host, "network", items[::turn])


@either_order
def test_adopted_namespaces_are_swapped(host, turn):
    host.kernel.facts.namespaces.update({"/a": "2", "/b": "3"})
    host.kernel.present.update({("namespace", path): Namespace(path, ours=False) for path in ("/a", "/b")})
    host.ensure("sandbox", {"name": "a", "netns": "/a"}, {"name": "b", "netns": "/b"})
    ensure_as_foreseen(host, "sandbox", [{"name": "a", "netns": "/b"}, {"name": "b", "netns": "/a"}][::turn])
    text = host.refused("sandbox", {"name": "c", "netns": "/a"})
    assert text == "Sandbox 'c': the namespace at '/a' is already used by sandbox 'b'."


@either_order
def test_an_address_passes_to_another_host(host, turn):
    """On the host that loses the address, its sandbox gets another one, and a peer gets the address."""
    host.ensure("network", overlay())
    host.ensure("sandbox", on("m", "blue", ipv4_address="10.9.0.10"), on("n", "blue", ipv4_address="10.9.0.11"))
    gone = overlay({"name": "new", "ipv4_address": "10.9.0.10"})
    groups = [
        ("network", [gone]),
        ("sandbox", [on("m", "blue", ipv4_address="10.9.0.11"), on("n", "blue", ipv4_address="10.9.0.12")][::turn]),
    ]
    host.controller().ensure_all(groups)
    assert addresses(host) == {"m": "10.9.0.11", "n": "10.9.0.12"}
    # A sandbox of the other host and one of ours swap their addresses.
    groups = [
        ("network", [overlay({"name": "new", "ipv4_address": "10.9.0.11"})]),
        ("sandbox", [on("m", "blue", ipv4_address="10.9.0.10")]),
    ]
    host.controller().ensure_all(groups)
    assert addresses(host) == {"m": "10.9.0.10", "n": "10.9.0.12"}
    text = host.refused("network", overlay({"name": "new", "ipv4_address": "10.9.0.12"}))
    assert text == ("Network 'blue': peer 'h2': endpoint 'new': 10.9.0.12 is taken: endpoint 'n' on this host has it.")


def overlay(*remotes):
    peers = [{"name": "h2", "address": "192.0.2.2", "endpoints": list(remotes)}]
    return {"name": "blue", "driver": "overlay", "ipam_config": [{"subnet": "10.9.0.0/24"}], "peers": peers}


@either_order
def test_network_identifiers_are_swapped(host, turn):
    def items(numbers):
        return [
            {
                "name": name,
                "driver": "overlay",
                "ipam_config": [{"subnet": f"10.{place}.0.0/24"}],
                "driver_options": {VNI: number},
            }
            for place, (name, number) in enumerate(zip(("one", "two"), numbers))
        ]

    host.ensure("network", *items(["5000", "5001"]))
    ensure_as_foreseen(host, "network", items(["5001", "5000"])[::turn])
    assert "the VNI 5000 is already used by network" in host.refused("network", *items(["5000", "5000"]))


@pytest.mark.parametrize("kind", ["network", "sandbox", "endpoint"])
def test_an_object_is_listed_by_its_name_and_by_its_id(pair, kind):
    name = "lan" if kind == "network" else "a"
    identifier = pair.one(kind, name)["Id"]
    for items in ([{"name": name}, {"name": identifier}], [{"name": identifier, "state": "absent"}, {"name": name}]):
        text = pair.refused(kind, *items)
        assert f"{kind.capitalize()} '{items[0]['name']}' is listed twice, once as '{items[1]['name']}'." in text


@pytest.mark.parametrize("by", [{}, {"network": "lan"}])
def test_an_endpoint_is_named_by_its_id(pair, by):
    identifier = pair.one("endpoint", "a")["Id"]
    ensure_as_foreseen(pair, "endpoint", [{"name": identifier, "aliases": ["alias"], **by}])
    pair.ensure("endpoint", {"name": identifier, "state": "left", **by})
    assert pair.one("endpoint", "a")["State"] == "left"
    ensure_as_foreseen(pair, "endpoint", [{"name": identifier, "state": "absent", **by}])
    assert set(pair.listed("endpoint")) == {"b"}


@pytest.mark.parametrize("kind", ["network", "sandbox", "endpoint"])
@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("name", ["a/b", "", "x" * 64, "-a", "a\n"])
def test_a_name_that_cannot_be_is_refused_in_every_state(still, kind, state, name):
    more = {"network": "lan"} if kind == "endpoint" else {}
    assert "is not a valid name: 1 to 63 letters" in still.refused(kind, {"name": name, "state": state, **more})


def test_a_network_that_cannot_be_is_refused(still):
    text = still.refused("endpoint", {"name": "a", "network": "b/c", "state": "absent"})
    assert text.startswith("Endpoint 'a': network: 'b/c' is not a valid name")
