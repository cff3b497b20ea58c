# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of Docker become items that the core accepts."""

from __future__ import annotations

import json

import pytest

from ansible_collections.cnm.linux.plugins.plugin_utils._docker.inspected import networks

PLAIN = {
    "Scope": "local",
    "Driver": "bridge",
    "EnableIPv6": False,
    "IPAM": {"Driver": "default", "Options": {}, "Config": [{"Subnet": "10.1.0.0/16", "Gateway": "10.1.0.1"}]},
    "Internal": False,
    "Attachable": False,
    "Ingress": False,
    "ConfigFrom": {"Network": ""},
    "ConfigOnly": False,
    "Containers": {},
    "Options": {},
    "Labels": {},
}


def inspected(name, **changes):
    return {"Name": name, "Id": "1" * 64, **PLAIN, **changes}


def test_predefined_networks_are_left_out():
    assert networks([inspected(name) for name in ("bridge", "host", "none", "docker_gwbridge")]) == ([], [])


def test_all_that_a_network_has_is_carried_over(host):
    pools = [
        {
            "Subnet": "10.1.0.0/16",
            "IPRange": "10.1.2.0/24",
            "Gateway": "10.1.0.9",
            "AuxiliaryAddresses": {"router": "10.1.0.1"},
        },
        {"Subnet": "fd01::/64", "Gateway": "fd01::9/64"},
    ]
    options = {"com.docker.network.bridge.name": "br-shop", "com.docker.network.driver.mtu": "1400"}
    shop = inspected(
        "shop", EnableIPv6=True, Internal=True, Options=options, Labels={"tier": "data"}, IPAM={"Config": pools}
    )
    (item,), differences = networks([shop])
    assert differences == []
    assert host.ensure("network", item).changed
    shown = host.one("network", "shop")
    pools[1]["Gateway"] = "fd01::9"
    assert shown["IPAM"]["Config"] == pools
    assert {key: shown[key] for key in ("Internal", "EnableIPv6", "Labels", "Options")} == {
        "Internal": True,
        "EnableIPv6": True,
        "Labels": {"tier": "data"},
        "Options": options,
    }
    assert shown["Host"]["Device"] == "br-shop"


@pytest.mark.parametrize(
    ("changes", "carried", "said"),
    [
        ({"Driver": "weave"}, False, "there is no driver 'weave'"),
        ({"Driver": "overlay", "Ingress": True}, False, "published ports of a swarm"),
        ({"ConfigOnly": True, "Driver": "null"}, False, "only the configuration of others"),
        ({"Options": {"com.docker.network.bridge.wrong": "1"}}, True, "option 'com.docker.network.bridge.wrong' is"),
        ({"IPAM": {"Driver": "weave", "Config": []}}, True, "not from IPAM driver 'weave'"),
        ({"Containers": {"1": {"Name": "web"}, "2": {"Name": "db"}}}, True, "its containers stay on Docker's network"),
    ],
)
def test_what_cannot_be_carried_over_is_said(host, changes, carried, said):
    items, (difference,) = networks([inspected("shop", **changes)])
    assert difference.startswith("Network 'shop': ")
    assert said in difference
    assert bool(items) == carried
    assert not items or host.ensure("network", *items).changed


def test_an_overlay_of_a_swarm_keeps_its_vxlan_id():
    options = {"com.docker.network.driver.overlay.vxlanid_list": "4098", "encrypted": ""}
    back = inspected("back", Scope="swarm", Driver="overlay", Options=options, Labels=None, Containers=None)
    (item,), differences = networks([back])
    assert differences == []
    assert (item["driver"], item["driver_options"]) == ("overlay", options)


@pytest.mark.parametrize("wrong", [["web"], [{"Id": "1"}]])
def test_something_else_is_refused(wrong):
    with pytest.raises(ValueError, match="not what 'docker network inspect' prints"):
        networks(wrong)


def test_the_playbook_writes_the_inventory_of_each_host(controller):
    shop, blue = inspected("shop"), inspected("blue", Driver="weave")
    answers = {"ls": "1\n2\n", "inspect": json.dumps([shop, blue])}
    cases = "".join(f"{verb}) cat <<'E'\n{text}\nE\n;;\n" for verb, text in answers.items())
    controller.program("docker", f'case "$2" in\n{cases}esac')
    controller.write("hosts.json", {"all": {"hosts": {"a": {"ansible_connection": "local"}}}})
    arguments = ("cnm.linux.from_docker", "--extra-vars", "cnm_into=inventory ansible_become=false")
    done = controller.run("ansible-playbook", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "there is no driver 'weave'" in done.stdout
    listed = controller.run("ansible-inventory", "--host", "a")
    assert json.loads(listed.stdout)["cnm_networks"] == [
        {"name": "shop", "driver": "bridge", "ipam_config": [{"subnet": "10.1.0.0/16", "gateway": "10.1.0.1"}]}
    ]
    again = controller.run("ansible-playbook", *arguments)
    assert "changed=0" in again.stdout
