# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection to sandboxes, run by Ansible, with a script in place of the command cnm."""

from __future__ import annotations

import json
import re
import sys


def test_files_pass_through_the_sandbox_as_root_and_one_that_cannot_be_entered_is_unreachable(controller):
    folder = controller.folder
    variables = {
        "ansible_connection": "cnm.linux.sandbox",
        "cnm_sandbox_connection": "local",
        "cnm_sandbox_root_command": "env AS=root",
        "ansible_python_interpreter": sys.executable,
        "ansible_remote_tmp": str(folder / "remote"),
    }
    hosts = {"www": {"cnm_sandbox": "www"}, "idle": {"cnm_sandbox": "idle"}}
    controller.write("hosts.yml", {"all": {"hosts": hosts, "vars": variables}})
    controller.program("id", "echo 1000")
    refuse = '[ "$3" = www ] || { echo "cnm: sandbox $3 is stopped." >&2; exit 125; }'
    controller.program("cnm", f'{refuse}\n[ "$1 $2" = "sandbox exec" ] && shift 3 && IN=www exec "$@"')
    (folder / "source").write_bytes(b"\x00\xff\n" * 100_000)
    (folder / "nothing").touch()
    there = str(folder / "there's")
    tasks = [
        {"ansible.builtin.raw": "printenv IN AS", "register": "seen"},
        {"ansible.builtin.debug": {"msg": "{{ seen.stdout_lines | join('+') }}"}},
        {"ansible.builtin.copy": {"src": str(folder / "source"), "dest": there}},
        {"ansible.builtin.copy": {"src": str(folder / "nothing"), "dest": f"{there}.none"}},
        {"ansible.builtin.fetch": {"src": there, "dest": str(folder / "back"), "flat": True}},
    ]
    (folder / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    done = controller.run("ansible-playbook", "play.json")
    assert "www+root" in done.stdout, done.stdout
    assert re.search(r"www .* failed=0 ", done.stdout), done.stdout
    assert (folder / "back").read_bytes() == (folder / "source").read_bytes()
    assert (folder / "there's.none").read_bytes() == b""
    assert re.search(r"idle.*UNREACHABLE.*sandbox idle is stopped\.", done.stdout.replace("\n", " "))
