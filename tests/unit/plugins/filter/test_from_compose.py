# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compose files become items that the core accepts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ansible_collections.cnm.linux.plugins.plugin_utils._docker.composed import composed

PAGE = Path(__file__).resolve().parents[4] / "docs" / "docker.md"


def service(**options):
    (one,) = composed({"name": "p", "services": {"web": options}}).sandboxes
    return one


def test_the_example_of_the_documentation_as_docker_s_own_parser_gives_it(host, tmp_path):
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed")
    section = PAGE.read_text(encoding="utf-8").partition("## From a compose file")[2]
    document = section.partition("```yaml\nversion: ")[2].partition("```")[0]
    (tmp_path / "docker-compose.yml").write_text(f"version: {document}")
    done = subprocess.run(
        ["docker-compose", "config"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    found = composed(yaml.safe_load(done.stdout), "shop")
    assert found.differences == [
        "Service 'backup': it has no sandbox of its own. Run its program in the sandbox of 'service:db'."
    ]
    host.ensure("network", *found.networks)
    host.ensure("sandbox", *found.sandboxes)
    assert host.one("network", "shop_back")["Internal"]
    web, db = host.one("sandbox", "shop-web-1"), host.one("sandbox", "shop-db-1")
    assert set(web["Networks"]) == {"shop_front", "shop_back"}
    assert web["Ports"]["80/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "8080"}]
    assert db["Networks"]["shop_back"]["IPAddress"] == "10.8.0.5"
    assert db["Networks"]["shop_back"]["Aliases"] == ["db", "store"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"ports": ["8080:80", 53]}, {"published_ports": ["8080:80", "53"]}),
        (
            {"ports": [{"target": 80, "published": "8080", "protocol": "tcp", "mode": "host"}]},
            {"published_ports": [{"container_port": 80, "host_port": "8080", "protocol": "tcp"}]},
        ),
        ({"network_mode": "host"}, {"networks": [{"name": "host"}]}),
        ({"dns": "192.0.2.1", "dns_search": ["a"]}, {"dns_servers": ["192.0.2.1"], "dns_search_domains": ["a"]}),
        ({"extra_hosts": ["db:192.0.2.1", "six=fd00::1"]}, {"etc_hosts": {"db": "192.0.2.1", "six": "fd00::1"}}),
        ({"labels": ["a=b", "c"]}, {"labels": {"a": "b", "c": ""}}),
        ({"sysctls": {"net.core.somaxconn": 9}}, {"sysctls": {"net.core.somaxconn": "9"}}),
        ({"container_name": "front"}, {"name": "front"}),
        ({}, {"name": "p-web-1", "networks": [{"name": "p_default", "aliases": ["web"]}]}),
    ],
)
def test_options_of_services(host, options, expected):
    item = service(**options)
    assert {key: item.get(key) for key in expected} == expected
    host.network("p_default")
    host.ensure("sandbox", item)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"links": ["db"]}, "links is left out"),
        ({"extra_hosts": ["gate:host-gateway"]}, "extra host 'gate' is left out"),
        ({"scale": 2, "ports": ["8080:80"]}, "2 sandboxes cannot all have its published ports"),
        ({"mac_address": "02:42:00:00:00:07", "networks": ["a", "b"]}, "mac_address is left out; give it to one"),
        ({"networks": {"a": {"link_local_ips": ["169.254.1.1"]}}}, "link_local_ips on network 'a' is left out"),
        ({"network_mode": "container:x"}, "Run its program in the sandbox of 'container:x'"),
    ],
)
def test_what_cannot_be_carried_over_is_said(options, said):
    (difference,) = composed({"name": "p", "services": {"web": options}}).differences
    assert said in difference


@pytest.mark.parametrize(
    ("network", "carried", "said"),
    [
        ({"driver": "weave"}, [], "Network 'p_n': there is no driver 'weave'."),
        (
            {"driver_opts": {"com.docker.network.driver.mtu": 1400, "wrong": "1"}},
            [{"name": "p_n", "driver_options": {"com.docker.network.driver.mtu": "1400"}}],
            "Network 'p_n': option 'wrong' is left out: ",
        ),
        ({"ipam": {"driver": "weave"}}, [{"name": "p_n"}], "not from IPAM driver 'weave'"),
    ],
)
def test_what_a_network_cannot_have_is_said(host, network, carried, said):
    found = composed({"name": "p", "services": {}, "networks": {"n": network}})
    assert found.networks == carried
    assert [said in difference for difference in found.differences] == [True]
    assert not carried or host.ensure("network", *carried).changed


def test_external_networks_are_used_and_not_created():
    document = {
        "services": {"web": {"networks": ["lan", "old"]}},
        "networks": {"lan": {"external": True}, "old": {"external": {"name": "legacy"}}},
    }
    shop = composed(document, "p")
    assert shop.networks == []
    assert [each["name"] for each in shop.sandboxes[0]["networks"]] == ["lan", "legacy"]


@pytest.mark.parametrize(
    ("document", "said"), [([], "not a compose file"), ({"services": {"web": {}}}, "the compose file has no name")]
)
def test_something_else_is_refused(document, said):
    with pytest.raises(ValueError, match=said):
        composed(document)
