# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks in sandboxes that the inventory plugin finds on a host, one of them in a namespace that it has adopted."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CNM = f'exec {shlex.quote(sys.executable)} {shlex.quote(str(ROOT / "command" / "cnm.py"))} "$@"'
ON_HOST = [
    {"ansible.builtin.command": "ip netns add legacy"},
    {"cnm.linux.cnm_network": {"name": "lab"}},
    {
        "cnm.linux.cnm_sandbox": {
            "sandboxes": [
                {"name": "web", "networks": [{"name": "lab"}], "labels": {"tier": "front"}},
                {"name": "old", "networks": [{"name": "lab"}], "netns": "/run/netns/legacy"},
            ]
        }
    },
    {"ansible.builtin.meta": "refresh_inventory"},
]
IN_SANDBOXES = [
    {
        "name": "A module sees the interfaces of the sandbox",
        "ansible.builtin.command": "ip -brief address",
        "register": "seen",
        "failed_when": "lookup('cnm.linux.endpoint_address', cnm_sandbox) not in seen.stdout",
    },
    {"ansible.builtin.fetch": {"src": "/etc/hosts", "dest": "hosts-{{ cnm_sandbox }}", "flat": True}},
]
AS_ANOTHER_USER = [
    {
        "ansible.builtin.command": "id -un",
        "become": True,
        "become_user": "nobody",
        "become_method": "ansible.builtin.su",
        "become_flags": "-s /bin/sh",
        "register": "who",
        "failed_when": "who.stdout != 'nobody'",
        # The user can write there.
        "vars": {"ansible_python_interpreter": "/usr/bin/python3", "ansible_remote_tmp": "/tmp"},
    },
    {"ansible.builtin.copy": {"content": "hello", "dest": "/etc/hello", "mode": "0600"}},
    {"ansible.builtin.command": "grep hello /etc/hello", "delegate_to": "a"},
]


def test_tasks_in_sandboxes(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory"
    inventory.mkdir()
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (inventory / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"a": local}}}))
    (inventory / "sandboxes.yml").write_text("plugin: cnm.linux.sandboxes\nhosts: a\nlive: true\n")
    plays = [
        {"hosts": "a", "gather_facts": False, "tasks": ON_HOST},
        {
            "hosts": "cnm_network_lab",
            "gather_facts": False,
            "vars": {"ansible_pipelining": True},
            "tasks": IN_SANDBOXES,
        },
        {"hosts": "cnm_label_tier_front", "gather_facts": False, "tasks": AS_ANOTHER_USER},
    ]
    (tmp_path / "play.json").write_text(json.dumps(plays))
    program = tmp_path / "bin" / "cnm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{CNM}\n")
    program.chmod(0o755)
    command = [str(ROOT / "tests" / "private-host"), str(Path(sys.executable).with_name("ansible-playbook"))]
    command += ["--inventory", "inventory", "play.json"]
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    for name in ("web", "old"):
        assert f"\t{name}\n" in (tmp_path / f"hosts-{name}").read_text()
