# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results in Docker's formats."""

from __future__ import annotations

import re

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller


def test_a_network(lan):
    lan.network("lan", labels={"a": "b"}, driver_options={"com.docker.network.driver.mtu": 1400})
    shown = lan.one("network", "lan")
    sandbox, endpoint = lan.one("sandbox", "db")["Id"], lan.one("endpoint", "db")["Id"]
    assert shown == {
        "Name": "lan",
        "Id": shown["Id"],
        "Scope": "local",
        "Driver": "bridge",
        "EnableIPv6": False,
        "IPAM": {
            "Driver": "default",
            "Options": {},
            "Config": [
                {"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.1", "AuxiliaryAddresses": {"router": "10.1.0.9"}},
            ],
        },
        "Internal": False,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {
            sandbox: {
                "Name": "db",
                "EndpointID": endpoint,
                "MacAddress": "02:42:0a:01:00:02",
                "IPv4Address": "10.1.0.2/24",
                "IPv6Address": "",
            }
        },
        "Routes": [],
        "NoDefaultRoute": False,
        "DnsServers": [],
        "Options": {"com.docker.network.driver.mtu": "1400"},
        "Labels": {"a": "b"},
        "Host": {"Device": f"br-{shown['Id'][:12]}", "Mtu": 1400, "Dns": False, "Engines": []},
    }


def test_the_predefined_networks(host):
    networks = host.listed("network")
    assert {name: (one["Driver"], one["IPAM"]["Config"], one["Host"]["Device"]) for name, one in networks.items()} == {
        "bridge": ("bridge", [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}], "cnm0"),
        "host": ("host", [], ""),
        "none": ("null", [], ""),
    }
    assert networks["bridge"]["Options"]["com.docker.network.bridge.default_bridge"] == "true"


def test_an_endpoint(lan):
    shown = lan.one("endpoint", "db")
    assert shown == {
        "Name": "db",
        "Id": shown["Id"],
        "Network": "lan",
        "NetworkID": lan.one("network", "lan")["Id"],
        "Sandbox": "db",
        "SandboxID": lan.one("sandbox", "db")["Id"],
        "State": "joined",
        "MacAddress": "02:42:0a:01:00:02",
        "IPv4Address": "10.1.0.2/24",
        "IPv6Address": "",
        "Aliases": [],
        "GwPriority": 0,
        "InterfaceName": "eth0",
        "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]},
    }


def test_a_sandbox(lan):
    shown = lan.one("sandbox", "db")
    assert (shown["State"], shown["SandboxKey"], shown["Hostname"]) == ("running", "/run/netns/db", "db")
    assert shown["Ports"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
    assert shown["Networks"] == {
        "lan": {
            "Aliases": [],
            "MacAddress": "02:42:0a:01:00:02",
            "NetworkID": lan.one("network", "lan")["Id"],
            "EndpointID": lan.one("endpoint", "db")["Id"],
            "Gateway": "10.1.0.1",
            "IPAddress": "10.1.0.2",
            "IPPrefixLen": 24,
            "IPv6Gateway": "",
            "GlobalIPv6Address": "",
            "GlobalIPv6PrefixLen": 0,
            "GwPriority": 0,
            "InterfaceName": "eth0",
            "DefaultRoute4": True,
            "DefaultRoute6": False,
        }
    }


def test_ids_are_those_of_this_host(host):
    host.network("lan")
    first = host.one("network", "lan")["Id"]
    host.network("lan", state="absent")
    host.network("lan")
    assert host.one("network", "lan")["Id"] == first
    assert (len(first), set(first) <= set("0123456789abcdef")) == (64, True)
    host.network("lan", state="absent")
    host.kernel.facts.machine_id = lambda: "f" * 32
    host.network("lan")
    assert host.one("network", "lan")["Id"] != first


def test_the_answer_is_the_object_and_its_difference(lan):
    result = lan.network("lan", labels={"a": "b"})
    assert result.objects == [lan.one("network", "lan")]
    (difference,) = result.differences
    assert difference["before_header"] == "network lan"
    assert (difference["before"]["Labels"], difference["after"]["Labels"]) == ({}, {"a": "b"})


def test_nobody_pays_for_a_difference_that_nobody_wants(lan):
    controller = Controller(lan.kernel, lan.warnings.append, folder=lan.folder, diff=False)
    result = controller.ensure("network", [{"name": "lan", "labels": {"a": "b"}}])
    assert (result.changed, result.objects, result.differences) == (True, [lan.one("network", "lan")], [])


def test_the_difference_of_the_host_names_what_is_made_and_shows_files(lan):
    result = lan.sandbox("web", networks=[{"name": "lan"}])
    by_header = {one["before_header"]: one for one in result.differences}
    assert [one["before_header"] for one in result.differences][::4] == ["host", "sandbox web"]
    assert set(by_header) == {
        "sandbox web",
        "host",
        "/etc/netns/web/hosts",
        "/etc/netns/web/resolv.conf",
        "/etc/netns/db/hosts",
    }
    made = by_header["host"]["after"]
    assert "network namespace '/run/netns/web'" in made
    assert "address 10.1.0.3/24 on 'eth0' in '/run/netns/web'" in made
    assert by_header["/etc/netns/db/hosts"]["after"].endswith("10.1.0.3\tweb web.lan\n")


def test_a_difference_has_neither_ids_nor_what_is_null(lan):
    lan.endpoint("spare", network="lan")
    results = [
        lan.network("lan", labels={"a": "b"}),
        lan.endpoint("spare", aliases=["x"]),
        lan.sandbox("db", hostname="y"),
    ]
    for difference in (result.differences[-1] for result in results):
        text = repr(difference)
        assert difference["before"] != difference["after"]
        assert "None" not in text
        assert re.search("[0-9a-f]{64}", text) is None
    assert list(results[0].differences[-1]["after"]["Containers"]) == ["db"]


def test_a_sandbox_is_lost_that_is_to_run_and_is_not_there(lan):
    lan.sandbox("idle", state="stopped")
    lan.kernel.facts.lost = ["/run/netns/db", "/run/netns/idle"]
    assert {name: one["State"] for name, one in lan.listed("sandbox").items()} == {"db": "lost", "idle": "stopped"}
