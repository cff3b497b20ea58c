# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that removes everything in the inventory, when something cannot be removed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stand_in import Host
from tasks import Tasks

BOOK = Path(__file__).resolve().parents[3] / "playbooks" / "teardown.yml"

pytestmark = pytest.mark.skipif(
    shutil.which("ansible-playbook") is None, reason="managed hosts need no ansible-playbook"
)


@pytest.fixture()
def tasks(host: Host) -> Tasks:
    """A host with two networks, a sandbox on both, and an endpoint that is not in the inventory."""
    made = Tasks(host)
    made.ensure("network", {"name": "front"}, {"name": "back"})
    made.sandbox("web", "front", "back")
    made.ensure("endpoint", {"name": "stranger", "network": "front"})
    return made


def torn_down(folder: Path, *options: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run the playbook with an inventory that has these VARIABLES."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
    inventory = folder / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"a": {**host, **variables}}}}))
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    command = ["ansible-playbook", "--inventory", str(inventory), str(BOOK), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def recap(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Return the count of each outcome."""
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", done.stdout.partition("PLAY RECAP")[2])}


LISTED = {
    "cnm_networks": [{"name": "front"}, {"name": "back"}],
    "cnm_sandboxes": [{"name": "web", "networks": [{"name": "front"}, {"name": "back"}]}],
}


def test_what_cannot_go_is_told_once_and_all_else_goes(tasks: Tasks, tmp_path: Path) -> None:
    done = torn_down(tmp_path, **LISTED)
    output = done.stdout + done.stderr
    assert done.returncode == 2, output
    assert output.count("FAILED!") == 1 and "failed: [" not in output, output
    assert "it has active endpoints: 'stranger'" in output
    counts = recap(done)
    assert (counts["failed"], counts["rescued"], counts["ignored"]) == (1, 0, 0)
    assert "web" not in tasks.shown("sandbox")
    assert {"front", "back"} & set(tasks.shown("network")) == {"front"}


def test_an_entry_with_force_takes_its_endpoints_along(tasks: Tasks, tmp_path: Path) -> None:
    networks = [{"name": "front", "force": True}, {"name": "back"}]
    done = torn_down(tmp_path, **{**LISTED, "cnm_networks": networks})
    assert done.returncode == 0, done.stdout + done.stderr
    assert recap(done)["failed"] == 0
    assert not {"front", "back"} & set(tasks.shown("network"))


def test_a_second_run_changes_nothing(tasks: Tasks, tmp_path: Path) -> None:
    assert torn_down(tmp_path, "--extra-vars", "cnm_teardown_all=true").returncode == 0
    done = torn_down(tmp_path, **LISTED)
    assert (done.returncode, recap(done)["changed"]) == (0, 0), done.stdout + done.stderr


def test_check_mode_takes_nothing(tasks: Tasks, tmp_path: Path) -> None:
    done = torn_down(tmp_path, "--check", **LISTED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert recap(done)["changed"] == 2
    assert "web" in tasks.shown("sandbox") and "front" in tasks.shown("network")
