# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks whose endpoints get their addresses from a DHCP server: what is in the store and on the host when."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Parent

POOL = [{"subnet": "192.168.7.0/24"}]
WEB = {"name": "web", "networks": [{"name": "lan"}]}
LAN = {"name": "lan", "driver": "macvlan", "driver_options": {"parent": "eth1"}, "ipam_driver": "dhcp"}


@pytest.fixture
def lan(host):
    """A host with a network on a LAN with a DHCP server."""
    host.kernel.facts.parents["eth1"] = Parent("", 1500, False, False, True, "")
    host.kernel.facts.links["eth1"] = []
    host.ensure("network", {**LAN, "ipam_config": POOL})
    return host


def mac(host, name):
    return host.one("endpoint", name)["MacAddress"]


def client(host):
    return next((one for key, one in host.kernel.present.items() if key[0] == "dhcp-client"), None)


@pytest.fixture
def web(lan):
    """The same, with a sandbox 'web' that has an address from it."""
    lan.endpoint("web", network="lan")
    lan.kernel.server[mac(lan, "web")] = "192.168.7.61"
    lan.ensure("sandbox", WEB)
    return lan


def test_an_endpoint_has_no_address_until_it_joins(lan):
    assert lan.one("network", "lan")["IPAM"]["Driver"] == "dhcp"
    lan.endpoint("web", network="lan")
    shown = lan.one("endpoint", "web")
    assert (shown["IPv4Address"], shown["MacAddress"]) == (
        "",
        ":".join(["02", *(shown["Id"][i : i + 2] for i in range(0, 10, 2))]),
    )
    lan.kernel.server[shown["MacAddress"]] = "192.168.7.61"
    (said,) = lan.ensure("sandbox", WEB, check=True).objects
    assert said["Networks"]["lan"]["IPAddress"] == ""
    (made,) = lan.ensure("sandbox", WEB).objects
    assert (made["Networks"]["lan"]["IPAddress"], made["Networks"]["lan"]["DefaultRoute4"]) == ("192.168.7.61", True)
    assert ("address", "/run/netns/web", "eth0", "192.168.7.61/24") in lan.kernel.present
    assert lan.default_route("web") == ("192.168.7.1", "eth0")
    assert "192.168.7.61\tweb\n" in lan.kernel.present["file", "/etc/netns/web/hosts"].text
    assert not lan.ensure("sandbox", WEB, check=True).changed and not lan.ensure("sandbox", WEB).changed


def test_without_an_answer_there_is_nothing(lan):
    several = [WEB, {"name": "db", "networks": [{"name": "lan"}]}]
    before = dict(lan.kernel.present)
    with pytest.raises(CnmError, match="No DHCP server on network 'lan' has given endpoints 'db', 'web' an address"):
        lan.ensure("sandbox", *several)
    assert lan.kernel.present == before and lan.listed("sandbox") == lan.listed("endpoint") == {}


def test_a_fixed_address_has_no_client(web):
    web.kernel.server.clear()
    fixed = {"name": "db", "networks": [{"name": "lan", "ipv4_address": "192.168.7.80"}]}
    assert web.ensure("sandbox", fixed).changed and not web.ensure("sandbox", fixed).changed
    assert [key.namespace for key in web.kernel.present if key[0] == "dhcp-client"] == ["/run/netns/web"]
    # The same address is no longer the server's.
    given = mac(web, "web")
    assert web.ensure("sandbox", {"name": "web", "networks": [{"name": "lan", "ipv4_address": "192.168.7.61"}]}).changed
    assert client(web) is None and web.kernel.released == [given]
    assert not web.ensure("sandbox", WEB).changed, "it stays fixed"


def test_who_leaves_asks_again_and_who_is_deleted_gives_back(web):
    given = mac(web, "web")
    web.endpoint("web", network="lan", state="left")
    assert client(web) is None and web.one("endpoint", "web")["IPv4Address"] == "192.168.7.61/24"
    web.kernel.server.clear()
    web.endpoint("web", network="lan", sandbox="web")
    assert client(web).address == "192.168.7.61", "no answer is needed"
    web.sandbox("web", state="stopped")
    web.sandbox("web", state="present")
    assert web.kernel.released == [] and client(web).mac == given
    web.sandbox("web", state="absent")
    assert web.kernel.released == []
    web.endpoint("web", network="lan", state="absent")
    assert web.listed("endpoint") == {}


def test_deleted_in_its_sandbox(lan):
    with pytest.raises(CnmError):
        lan.ensure("sandbox", WEB)
    # Its MAC address is the same each time.
    (gone,) = lan.kernel.released
    lan.kernel.server[gone] = "192.168.7.61"
    lan.ensure("sandbox", WEB)
    lan.sandbox("web", state="absent")
    assert lan.kernel.released == [gone, gone] and client(lan) is None


def test_another_address_is_taken_over_by_any_run(web):
    web.kernel.server[mac(web, "web")] = "192.168.7.71"
    assert web.network("other", check=True).changed
    assert web.one("endpoint", "web")["IPv4Address"] == "192.168.7.61/24"
    web.network("other")
    said = "Endpoint 'web' on network 'lan': the DHCP server has given it 192.168.7.71 instead of 192.168.7.61."
    assert web.warnings[-1] == said
    assert web.one("endpoint", "web")["IPv4Address"] == "192.168.7.71/24"
    assert "192.168.7.71\tweb\n" in web.kernel.present["file", "/etc/netns/web/hosts"].text
    web.warnings.clear()
    assert not web.network("other").changed and web.warnings == []
    web.kernel.server[mac(web, "web")] = "192.168.7.72"
    assert web.controller().restore().changed and not web.controller().restore().changed


def test_a_lease_that_has_ended(web):
    expected = dict(web.kernel.present)
    address, route = (
        ("address", "/run/netns/web", "eth0", "192.168.7.61/24"),
        ("route", "/run/netns/web", "0.0.0.0/0", ""),
    )
    web.kernel.facts.lost_of_server = {web.one("endpoint", "web")["Id"]}
    # Its client has taken the address away, and keeps the routes.
    web.kernel.lose(address)
    for touched in (False, True):
        if touched:
            web.kernel.lose(route)
        assert not web.ensure("sandbox", WEB).changed and not web.controller().restore().changed
        said = (
            "Endpoint 'web' on network 'lan': the time for which it was given 192.168.7.61 is over, and no DHCP server"
        )
        assert web.warnings[-1].startswith(said)
    assert web.one("endpoint", "web")["State"] == "lost"
    fixed = {"name": "web", "networks": [{"name": "lan", "ipv4_address": "192.168.7.80"}]}
    assert web.ensure("sandbox", fixed, check=True).changed
    web.kernel.facts.lost_of_server = set()
    assert web.one("endpoint", "web")["State"] == "joined"
    assert web.controller().restore().changed and web.kernel.present == expected


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("192.168.7.80", "which endpoint 'db' has. Keep fixed addresses out of the range of the server."),
        ("192.168.7.1", "Address 192.168.7.1 is taken: it is the gateway."),
        ("10.0.0.1", "Address 10.0.0.1 is not in the network's subnet 192.168.7.0/24."),
    ],
)
def test_one_that_cannot_be_used(web, address, why):
    web.ensure("sandbox", {"name": "db", "networks": [{"name": "lan", "ipv4_address": "192.168.7.80"}]})
    web.kernel.server[mac(web, "web")] = address
    web.network("other")
    assert why in web.warnings[-1] and web.one("endpoint", "web")["IPv4Address"] == "192.168.7.61/24"
    web.sandbox("other")
    web.endpoint("new", network="lan")
    web.kernel.server[mac(web, "new")] = address
    with pytest.raises(CnmError, match="Endpoint 'new' on network 'lan': the DHCP server has given it") as refused:
        web.endpoint("new", network="lan", sandbox="other")
    assert why in str(refused.value)


def test_what_makes_it_another_machine_for_the_server(web):
    web.kernel.server["02:00:00:00:00:09"] = "192.168.7.62"
    other = {"name": "web", "networks": [{"name": "lan", "mac_address": "02:00:00:00:00:09"}]}
    assert web.ensure("sandbox", other).changed and not web.ensure("sandbox", other).changed
    assert web.one("endpoint", "web")["IPv4Address"] == "192.168.7.62/24"
    # So does another subnet.
    moved = {**LAN, "ipam_config": [{"subnet": "192.168.8.0/24", "gateway": "192.168.8.1"}]}
    assert "would take away the addresses of endpoints 'web'" in web.refused("network", moved)
    web.kernel.server["02:00:00:00:00:09"] = "192.168.8.62"
    assert web.ensure("network", {**moved, "force": True}).changed
    assert web.one("endpoint", "web")["IPv4Address"] == "192.168.8.62/24" and client(web).subnet == "192.168.8.0/24"


def test_a_lost_client_is_started_again(web):
    web.kernel.present = {key: one for key, one in web.kernel.present.items() if key[0] != "dhcp-client"}
    web.kernel.server.clear()
    assert web.ensure("sandbox", WEB, check=True).changed and web.ensure("sandbox", WEB).changed
    assert client(web).address == "192.168.7.61" and not web.ensure("sandbox", WEB).changed


def test_what_is_refused(lan):
    lan.kernel.facts.dhcp_client = False
    bridge = {"name": "new", "ipam_driver": "dhcp", "ipam_config": [{**POOL[0], "iprange": "192.168.7.128/25"}]}
    message = lan.refused("network", {**bridge, "engines": ["docker"]})
    for part in (
        "ipam_driver 'dhcp': driver 'bridge' puts the network on no LAN with a DHCP server. Use macvlan with a parent",
        "ipam_driver 'dhcp': the server chooses the addresses; leave iprange out.",
        "Docker cannot use it, because its ipam_driver is 'dhcp', and Docker wants an address before there is an",
        "ipam_driver 'dhcp': the DHCP client udhcpc is not installed on this host: apt install busybox",
    ):
        assert part in message
    lan.kernel.facts.dhcp_client = True
    missing = lan.refused("network", {**LAN, "name": "new", "driver_options": {"parent": "eth1.7"}})
    assert "ipam_driver 'dhcp': ipam_config needs the IPv4 subnet of the LAN." in missing
    alone = {**LAN, "name": "new", "driver_options": {}, "ipam_config": [{"subnet": "10.7.0.0/24"}]}
    assert "without driver option 'parent', there is no LAN." in lan.refused("network", alone)
    share = {**LAN, "name": "new", "driver": "ipvlan", "driver_options": {}, "ipam_config": [{"subnet": "10.7.0.0/24"}]}
    assert "share a MAC address, by which DHCP servers know them. Use macvlan." in lan.refused("network", share)
    changed = {**LAN, "ipam_driver": "default"}
    assert "its ipam_driver is 'dhcp' and cannot be changed to 'default'." in lan.refused("network", changed)
