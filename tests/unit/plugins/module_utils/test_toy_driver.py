# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A driver is one file: this one, in a dozen lines, supports everything that a user does with a network."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm import drivers
from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers import Driver, Settings
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.addresses import with_prefix
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Address
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import Link
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST


class Toy(Driver):
    """A tap device on the host for each network, and one in the sandbox for each endpoint."""

    passes_host = False

    def option_problems(self, options):
        return {key: f"driver 'toy' has no option '{key}'." for key in options if key != "toy.prefix"}

    def normalized(self, options):
        return dict(options)

    def settings(self, options):
        return Settings(interface_prefix=options.get("toy.prefix", "toy"))

    def room(self, network):
        return 2, f"network '{network.name}' has room for two."

    def unpublishable(self, network):
        return "a toy publishes nothing."

    def device(self, network):
        return f"toy-{network.id[:8]}"

    def network(self, network):
        return [Link(HOST, self.device(network), "tun", mtu=network.mtu)]

    def endpoint(self, network, endpoint, namespace, answers):
        link = Link(namespace, endpoint.interface, "tun", address=endpoint.mac)
        pools = ((pool, endpoint.address(pool.subnet.version)) for pool in network.pools)
        return [link, *(Address(namespace, link.name, with_prefix(held, pool.subnet)) for pool, held in pools if held)]

    def shown(self, network):
        return {"Toys": 1}


@pytest.fixture
def toy(host, monkeypatch):
    monkeypatch.setitem(drivers.LOADERS, "toy", Toy)
    yield host
    drivers._LOADED.pop("toy", None)


def test_a_network_and_an_endpoint_consist_of_what_the_driver_returns(toy):
    shown = toy.network("play", driver="toy", ipam_config=[{"subnet": "10.7.0.0/24"}]).objects[0]
    device = f"toy-{shown['Id'][:8]}"
    assert (shown["Driver"], shown["Host"]) == (
        "toy",
        {"Device": device, "Mtu": 1500, "Dns": False, "Engines": [], "Toys": 1},
    )
    assert toy.links() == {HOST: [device]}

    toy.sandbox("web", networks=[{"name": "play"}])

    path = "/run/netns/web"
    assert toy.links() == {HOST: [device], path: ["toy0"]}
    assert ("address", path, "toy0", "10.7.0.2/24") in toy.kernel.present
    assert toy.default_route("web") == ("10.7.0.1", "toy0")
    assert not toy.sandbox("web", networks=[{"name": "play"}]).changed


def test_damage_is_repaired_and_all_is_removed(toy):
    toy.network("play", driver="toy")
    toy.sandbox("web", networks=[{"name": "play"}])
    toy.kernel.lose(("link", "/run/netns/web", "toy0"))
    assert toy.sandbox("web", networks=[{"name": "play"}]).changed
    assert toy.links()["/run/netns/web"] == ["toy0"]
    toy.kernel.forget()
    assert toy.controller().restore().changed
    assert toy.links()["/run/netns/web"] == ["toy0"]

    toy.sandbox("web", state="absent")
    toy.network("play", state="absent")

    assert toy.left() == set()


def test_its_options_are_its_own(toy):
    message = toy.refused("network", {"name": "play", "driver": "toy", "driver_options": {"toys": "many"}})
    assert message == "Network 'play': driver 'toy' has no option 'toys'."
    toy.network("play", driver="toy", driver_options={"toy.prefix": "car"})
    toy.sandbox("web", networks=[{"name": "play"}])
    assert toy.links()["/run/netns/web"] == ["car0"]


def test_it_says_how_many_have_room_and_what_cannot_be_published(toy):
    toy.network("play", driver="toy")
    toy.sandbox("a", networks=[{"name": "play"}])
    toy.sandbox("b", networks=[{"name": "play"}])
    assert "has room for two" in toy.refused("sandbox", {"name": "c", "networks": [{"name": "play"}]})
    message = toy.refused("sandbox", {"name": "a", "networks": [{"name": "play"}], "published_ports": ["80:80"]})
    assert message.endswith("a toy publishes nothing.")


def test_names_are_in_hosts_files_where_the_host_is_not_the_gateway(toy):
    toy.kernel.facts.name_server = True
    toy.network("play", driver="toy")
    toy.sandbox("web", networks=[{"name": "play"}], etc_hosts={"me": "192.0.2.9"})
    assert not toy.one("network", "play")["Host"]["Dns"]
    message = toy.refused("network", {"name": "other", "driver": "toy", "dns": True})
    assert "this host is not the gateway of network" in message


def test_a_driver_that_nobody_has_is_refused(toy):
    assert "there is no driver 'tyo'; the drivers are bridge" in toy.refused(
        "network", {"name": "play", "driver": "tyo"}
    )
