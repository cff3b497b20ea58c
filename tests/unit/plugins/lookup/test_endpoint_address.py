# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup of addresses, run by Ansible."""

from __future__ import annotations

import json

import pytest


def on(name, network, **addresses):
    return {"name": name, "networks": [{"name": network, **addresses}]}


@pytest.fixture
def fleet(controller):
    """Hosts a and b, which both declare a sandbox db, and sandbox live of host b, as the inventory plugin adds it."""
    web = {"name": "web", "networks": [{"name": "front"}, {"name": "blue", "ipv4_address": "10.9.0.{{ number }}"}]}
    a = [web, on("db", "back", ipv4_address="10.1.0.5", ipv6_address="fd00::5")]
    b = [on("db", "back", ipv4_address="10.1.0.6"), on("live", "back")]
    live = {
        "ansible_connection": "cnm.linux.sandbox",
        "cnm_sandbox": "live",
        "cnm_sandbox_host": "b",
        "cnm_sandbox_networks": {"back": {"ipv4_address": "10.1.0.9", "ipv6_address": None}},
        "cnm_sandboxes": b,
    }
    hosts = {"a": {"cnm_sandboxes": a, "number": 7}, "b": {"cnm_sandboxes": b}, "c": {}, "live.b": live}
    controller.write("hosts.yml", {"all": {"hosts": hosts}})
    return controller


CASES = [
    ("a", "'web', network='blue'", "10.9.0.7"),
    ("a", "'db'", "10.1.0.5"),
    ("b", "'db'", "10.1.0.6"),
    ("live.b", "'db'", "10.1.0.6"),
    ("c", "'db', host='a', ip_version=6", "fd00::5"),
    ("c", "'live'", "10.1.0.9"),
    ("c", "'web', 'live', network='blue'", "The inventory declares no sandbox 'live' on network 'blue'."),
    ("c", "'db'", "Hosts a, b have a sandbox 'db'. Give host."),
    ("c", "'web'", "Sandbox 'web' is not on one network, but on these: front, blue. Give network."),
    ("c", "'web', network='front'", "The IPv4 address of sandbox 'web' on network 'front' is not known"),
    ("c", "'gone', host='a'", "The inventory declares no sandbox 'gone' of host 'a'."),
]


def test_addresses_of_sandboxes(fleet):
    task = {"ansible.builtin.debug": {"msg": "{{ lookup('cnm.linux.endpoint_address', %s) }}"}, "ignore_errors": True}
    plays = [
        {
            "hosts": host,
            "gather_facts": False,
            "tasks": [json.loads(json.dumps(task).replace("%s", arguments)) | {"name": f"case {number}"}],
        }
        for number, (host, arguments, _expected) in enumerate(CASES)
    ]
    (fleet.folder / "play.json").write_text(json.dumps(plays))
    output = " ".join(fleet.run("ansible-playbook", "play.json").stdout.split())
    for number, (_host, arguments, expected) in enumerate(CASES):
        said = output.partition(f"TASK [case {number}]")[2].partition("PLAY [")[0]
        assert expected in said, arguments
