# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook that runs all its tasks at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from runs import Runs
from tasks import Tasks

ALL = 8
SANDBOX = {"name": "s{{ item }}", "networks": [{"name": "n"}], "published_ports": ["{{ 8000 + item }}:80"]}
AT_ONCE = {"loop": list(range(ALL)), "async": 60, "poll": 0, "register": "begun"}
ENDED = {
    "name": "Wait for all of them",
    "ansible.builtin.async_status": {"jid": "{{ item.ansible_job_id }}"},
    "loop": "{{ begun.results }}",
    "loop_control": {"label": "{{ item.ansible_job_id }}"},
    "register": "job",
    "until": "job is finished",
    "retries": 300,
    "delay": 0.2,
}
TASKS: list[dict[str, Any]] = [
    {"name": "Make a network", "cnm.linux.cnm_network": {"name": "n"}},
    {"name": "Make sandboxes", "cnm.linux.cnm_sandbox": SANDBOX, **AT_ONCE},
    ENDED,
    {
        "name": "Stop some, restart some",
        "cnm.linux.cnm_sandbox": {**SANDBOX, "state": "{{ ['stopped', 'restarted', 'present'][item % 3] }}"},
        **AT_ONCE,
    },
    ENDED,
    {"name": "Start them", "cnm.linux.cnm_sandbox": {**SANDBOX, "state": "present"}, **AT_ONCE},
    ENDED,
]


@pytest.mark.skipif(shutil.which("ansible-playbook") is None, reason="managed hosts need no ansible-playbook")
def test_all_succeed_and_nothing_is_lost(runs: Runs, tmp_path: Path) -> None:
    play = {"hosts": "localhost", "gather_facts": False, "tasks": TASKS}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    environment = {
        "ANSIBLE_ASYNC_DIR": str(tmp_path / "async"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    command = ["ansible-playbook", "--inventory", "localhost,", "--connection", "local", str(tmp_path / "play.yml")]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    runs.agreed()
    tasks = Tasks(runs.host)
    addresses = [tasks.address(f"s{number}", "n") for number in range(ALL)]
    assert len(set(addresses)) == ALL
    assert all(shown["State"] == "running" for shown in tasks.shown("sandbox").values())
    ports = [port for shown in tasks.shown("sandbox").values() for port in shown["Ports"]["80/tcp"]]
    assert sorted({int(port["HostPort"]) for port in ports}) == list(range(8000, 8000 + ALL))
