# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Docker 1.9 walk-through: its addresses, MAC addresses and formats."""

from __future__ import annotations


def test_the_numbers_of_the_walkthrough(host):
    host.network("web")
    host.sandbox("web", networks=[{"name": "web"}])
    host.network("myapp")
    host.sandbox("nginx", networks=[{"name": "myapp"}])
    result = host.endpoint("web", network="myapp", sandbox="web")
    assert result.changed

    networks = host.listed("network")
    assert sorted(networks) == ["bridge", "host", "myapp", "none", "web"]
    assert networks["web"]["IPAM"]["Config"] == [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]
    assert networks["bridge"]["IPAM"]["Config"] == [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]
    assert [
        (each["Name"], each["IPv4Address"], each["MacAddress"], each["IPv6Address"])
        for each in networks["myapp"]["Containers"].values()
    ] == [
        ("nginx", "172.19.0.2/16", "02:42:ac:13:00:02", ""),
        ("web", "172.19.0.3/16", "02:42:ac:13:00:03", ""),
    ]
    (only,) = networks["web"]["Containers"].values()
    assert (only["IPv4Address"], only["MacAddress"]) == ("172.18.0.2/16", "02:42:ac:12:00:02")
    assert networks["web"]["Host"]["Device"] == f"br-{networks['web']['Id'][:12]}"
    assert networks["bridge"]["Host"]["Device"] == "cnm0"
    assert len(networks["web"]["Id"]) == 64


def test_a_second_run_changes_nothing(host):
    for _run in range(2):
        host.network("web")
        host.sandbox("web", networks=[{"name": "web"}])
    with host.kernel.unchanged():
        assert not host.network("web").changed
        assert not host.sandbox("web", networks=[{"name": "web"}]).changed


def test_teardown_leaves_nothing(host):
    host.network("web")
    host.sandbox("web", networks=[{"name": "web"}], published_ports=["8080:80"])
    host.sandbox("web", state="absent")
    host.network("web", state="absent")
    assert {key for key in host.kernel.present if key.kind != "sysctl"} == set()
