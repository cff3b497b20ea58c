# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes of networks and sandboxes, and which servers are asked for names on a network."""

from __future__ import annotations

import pytest

FAR = {"destination": "10.9.0.0/16", "gateway": "10.1.0.9"}


def routes(host, sandbox="db"):
    """Return the routes of SANDBOX, each as destination, gateway, link, metric and type."""
    present = [one for key, one in host.kernel.present.items() if key[:2] == ("route", f"/run/netns/{sandbox}")]
    return sorted((one.destination, one.gateway, one.link, one.metric, one.type) for one in present)


DEFAULT = ("0.0.0.0/0", "10.1.0.1", "eth0", None, "unicast")


@pytest.fixture
def routed(host):
    host.network("lan", ipam_config=[{"subnet": "10.1.0.0/24"}], routes=[FAR])
    host.sandbox("db", networks=[{"name": "lan"}])
    return host


def test_each_sandbox_has_the_routes_of_its_network(routed):
    far = ("10.9.0.0/16", "10.1.0.9", "eth0", 0, "unicast")
    assert routes(routed) == [DEFAULT, far]
    assert not routed.network("lan").changed
    assert not routed.network("lan", routes=[FAR]).changed
    assert routed.one("network", "lan")["Routes"] == [
        {"Destination": "10.9.0.0/16", "Gateway": "10.1.0.9", "Type": "unicast"}
    ]
    routed.network("lan", routes=[FAR, {"destination": "10.8.0.1", "type": "prohibit", "metric": 7}])
    assert routes(routed) == [DEFAULT, ("10.8.0.1/32", "", "", 7, "prohibit"), far]
    routed.network("lan", routes=[])
    assert routes(routed) == [DEFAULT]


def test_a_network_gives_no_default_route_or_one_with_a_metric(routed):
    far = ("10.9.0.0/16", "10.1.0.9", "eth0", 50, "unicast")
    routed.network("lan", metric=50)
    assert routes(routed) == [("0.0.0.0/0", "10.1.0.1", "eth0", 50, "unicast"), far]
    routed.network("lan", no_default_route=True)
    assert routes(routed) == [far]
    assert not routed.one("sandbox", "db")["Networks"]["lan"]["DefaultRoute4"]
    routed.network("other", ipam_config=[{"subnet": "10.2.0.0/24"}])
    routed.sandbox("db", networks=[{"name": "lan", "gateway_priority": 9}, {"name": "other"}])
    assert routes(routed)[0] == ("0.0.0.0/0", "10.2.0.1", "eth1", None, "unicast")
    routed.sandbox("db", no_default_route=True)
    assert routes(routed) == [far]


def test_a_sandbox_has_its_own_routes_before_those_of_its_networks(routed):
    routed.sandbox("db", routes=[{"destination": "10.9.0.0/16", "type": "blackhole"}])
    assert routes(routed) == [DEFAULT, ("10.9.0.0/16", "", "", 0, "blackhole")]
    own = {"destination": "0.0.0.0/0", "gateway": "10.1.0.7"}
    for metric in (None, 70):
        routed.sandbox("db", routes=[{**own, "metric": metric}])
        assert routes(routed)[0] == ("0.0.0.0/0", "10.1.0.7", "eth0", metric, "unicast")
    assert not routed.one("sandbox", "db")["Networks"]["lan"]["DefaultRoute4"]
    assert not routed.sandbox("db", networks=[{"name": "lan"}]).changed


def test_a_route_waits_for_the_network_of_its_gateway(routed):
    routed.sandbox("later", routes=[FAR])
    assert routes(routed, "later") == []
    routed.endpoint("later", network="lan", sandbox="later")
    assert len(routes(routed, "later")) == 2


def test_a_sandbox_asks_the_name_servers_of_its_networks(routed):
    def asked(name):
        text = routed.kernel.present[("file", f"/etc/netns/{name}/resolv.conf")].text
        return [line.split()[1] for line in text.splitlines() if line.startswith("nameserver")]

    routed.network("lan", dns_servers=["192.0.2.1", "2001:db8::1"])
    assert asked("db") == ["192.0.2.1", "2001:db8::1"]
    routed.sandbox("db", dns_servers=["192.0.2.9"])
    assert asked("db") == ["192.0.2.9"]
    routed.sandbox("other", networks=[{"name": "lan"}])
    routed.network("lan", dns_servers=[])
    assert asked("other") == ["192.0.2.53"]


def test_the_name_server_of_a_network_asks_those_of_the_network(host):
    host.kernel.facts.name_server = True
    host.network("lan", ipam_config=[{"subnet": "10.1.0.0/24"}], dns_servers=["192.0.2.1"])
    for name, more in (("db", {}), ("own", {"dns_servers": ["192.0.2.9"]})):
        host.sandbox(name, networks=[{"name": "lan"}], **more)
    (text,) = [one.text for key, one in host.kernel.present.items() if key.kind == "records"]
    assert [line.split()[-1] for line in text.splitlines()[1:]] == ["192.0.2.1", "192.0.2.9"]
