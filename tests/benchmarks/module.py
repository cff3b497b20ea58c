# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules as Ansible sends them to a host: one file each, with everything that they import and without bytecode.

As a program, ``python module.py NAME ARGUMENTS FILE`` writes such a file. This needs a process of its own, because
Ansible's loader of collections must be active before the first file of a collection is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from clock import Cost, process

_FOLDER = Path("/run/benchmark")
PYTHON = next(path for path in ("/usr/bin/python3", sys.executable) if os.path.exists(path))
"""The distribution's Python, as on managed hosts: it has bytecode files and no packages that Ansible needs."""
ENVIRONMENT = {"PYTHONPATH": "", "PYTHONPYCACHEPREFIX": ""}
_COLLECTIONS = Path(__file__).resolve().parents[2] / ".cache"


def build(name: str, arguments: dict[str, Any]) -> Path:
    """Return the file that Ansible would send for the module NAME with ARGUMENTS."""
    _FOLDER.mkdir(exist_ok=True)
    path = _FOLDER / f"{name}.py"
    given = _FOLDER / "arguments.json"
    given.write_text(json.dumps(arguments))
    command = [sys.executable, __file__, name, str(given), str(path)]
    environment = {**os.environ, "PYTHONPATH": "", "ANSIBLE_COLLECTIONS_PATH": str(_COLLECTIONS)}
    subprocess.run(command, check=True, env=environment)
    return path


def run(path: Path) -> Cost:
    """Run a module from build(), and return its costs."""
    cost, output = process([PYTHON, str(path)], environment=ENVIRONMENT)
    if '"failed": true' in output:
        raise RuntimeError(output)
    return cost


def write(name: str, arguments: dict[str, Any], path: str) -> None:
    """Write the file that Ansible would send for the module NAME with ARGUMENTS to PATH."""
    from ansible.executor.module_common import modify_module
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader, module_loader
    from ansible.template import Templar

    init_plugin_loader([])
    built = modify_module(
        module_name=name,
        module_path=module_loader.find_plugin(name),
        module_args={"_ansible_remote_tmp": "/tmp", "_ansible_shell_executable": "/bin/sh", **arguments},
        templar=Templar(DataLoader()),
        task_vars={"ansible_python_interpreter": PYTHON},
        module_compression="ZIP_DEFLATED",
    )
    Path(path).write_bytes(built.b_module_data)


if __name__ == "__main__":
    write(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), sys.argv[3])
