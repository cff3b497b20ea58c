# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Hypothesis draws values, and a controller's inventory, for tests that run Ansible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# By default, a value that takes 200 ms is a failure. On a busy machine, it may take longer.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


class Controller:
    """A folder with an inventory, and Ansible's programs."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "inventory").mkdir()
        (folder / "bin").mkdir()

    def write(self, name, contents):
        """Write CONTENTS as JSON, which is YAML, to the file NAME of the inventory."""
        (self.folder / "inventory" / name).write_text(json.dumps(contents))

    def program(self, name, script):
        """Let hosts with a local connection find a program NAME."""
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, program, *arguments):
        """Run PROGRAM of Ansible."""
        environment = {**os.environ, "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"), "ANSIBLE_NOCOLOR": "1"}
        environment["PATH"] = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        # As in a shell.
        environment["PWD"] = str(self.folder)
        command = [str(Path(sys.executable).with_name(program)), "--inventory", "inventory", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=120
        )


@pytest.fixture
def controller(tmp_path):
    """A controller of Ansible."""
    if not Path(sys.executable).with_name("ansible-playbook").exists():
        pytest.skip("managed hosts need no Ansible")
    return Controller(tmp_path)
