# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin, run by Ansible."""

from __future__ import annotations

import json

import pytest

LISTED = {
    "Name": "live",
    "State": "running",
    "Labels": {"tier": "back"},
    "Networks": {"web": {"IPAddress": "172.18.0.2", "GlobalIPv6Address": ""}},
}


@pytest.fixture
def fleet(controller):
    """Host a, which is reached by a local connection and declares sandbox www; b, which does not answer; and c."""
    www = {
        "name": "www",
        "networks": [{"name": "web", "ipv4_address": "172.18.0.9"}, {"name": "back"}],
        "labels": {"tier": "{{ tier }}"},
        "etc_hosts": {"x": "{{ ansible_facts.hostname }}"},
    }
    hosts = {
        "a": {"ansible_connection": "local", "tier": "front", "cnm_sandboxes": [www]},
        "b": {"ansible_host": "{{ inventory_hostname }}.example", "cnm_sandboxes": [{"name": "db"}]},
        "c": {"cnm_sandboxes": "{{ nowhere }}"},
    }
    controller.write("hosts.yml", {"all": {"hosts": hosts, "vars": {"ansible_user": "joe"}}})
    controller.program("id", "echo 0")
    controller.program("cnm", f"[ \"$*\" = 'sandbox ls --format json' ] && echo '{json.dumps(LISTED)}'")
    controller.program("ssh", "echo No route to host >&2; exit 255")
    return controller


def plain(value):
    """Return VALUE without the marks of values that are not evaluated."""
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if "__ansible_unsafe" in value else {k: plain(v) for k, v in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_sandboxes_that_are_declared_and_that_hosts_list(fleet):
    groups = [{"key": "cnm_sandbox_labels", "prefix": "with"}]
    fleet.write("sandboxes.yml", {"plugin": "cnm.linux.sandboxes", "hosts": "*", "live": True, "keyed_groups": groups})
    done = fleet.run("ansible-inventory", "--list")
    assert done.returncode == 0, done.stderr
    listed = plain(json.loads(done.stdout))
    assert listed["_meta"]["hostvars"]["www.a"] == {
        "ansible_connection": "cnm.linux.sandbox",
        "ansible_host": "a",
        "ansible_user": "joe",
        "cnm_sandbox": "www",
        "cnm_sandbox_connection": "local",
        "cnm_sandbox_host": "a",
        "cnm_sandbox_labels": {"tier": "front"},
        "cnm_sandbox_networks": {
            "web": {"ipv4_address": "172.18.0.9", "ipv6_address": None},
            "back": {"ipv4_address": None, "ipv6_address": None},
        },
    }
    assert listed["_meta"]["hostvars"]["live.a"]["cnm_sandbox_networks"]["web"]["ipv4_address"] == "172.18.0.2"
    groups = {name: group["hosts"] for name, group in listed.items() if "hosts" in group and name != "ungrouped"}
    assert groups == {
        "cnm_sandboxes": ["www.a", "live.a", "db.b"],
        "cnm_host_a": ["www.a", "live.a"],
        "cnm_host_b": ["db.b"],
        "cnm_network_web": ["www.a", "live.a"],
        "cnm_network_back": ["www.a"],
        "cnm_label_tier_front": ["www.a"],
        "cnm_label_tier_back": ["live.a"],
        "with_tier_front": ["www.a"],
        "with_tier_back": ["live.a"],
    }
    warnings = " ".join(done.stderr.split())
    assert "Host 'b': its sandboxes are left out" in warnings
    assert "Host 'c': its sandboxes are left out" in warnings


def test_variables_are_evaluated_for_the_host_and_topology_leaves_sandboxes_alone(fleet):
    fleet.write("sandboxes.yml", {"plugin": "cnm.linux.sandboxes", "hosts": "all:!c", "hostname": "cnm_sandbox"})
    tasks = [
        {"ansible.builtin.debug": {"msg": "{{ ansible_host }} {{ ansible_user }} of {{ groups['cnm_sandboxes'] }}"}},
        {"cnm.linux.topology": None},
    ]
    (fleet.folder / "play.json").write_text(json.dumps([{"hosts": "db", "gather_facts": False, "tasks": tasks}]))
    output = fleet.run("ansible-playbook", "play.json").stdout
    assert "b.example joe of ['www', 'db']" in output
    assert "skipping: [db]" in output


def test_two_hosts_with_one_name_are_refused(fleet):
    fleet.write("sandboxes.yml", {"plugin": "cnm.linux.sandboxes", "hosts": "a", "hostname": "'b'"})
    assert "Change hostname." in " ".join(fleet.run("ansible-inventory", "--list").stderr.split())
