# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command cnm run by users who must not use it, and in folders whose files it must not use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tasks import Tasks

TOP = Path(__file__).resolve().parents[3]
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture()
def cnm(tasks: Tasks) -> str:
    """The command, installed where everybody can read it."""
    home = Path("/run/cnm-command")
    shutil.copytree(TOP / "command", home)
    shutil.copytree(TOP / "plugins" / "module_utils" / "_cnm", home / "_cnm")
    tasks.network("n", "10.1.0.0/24", labels={"comment": "confidential"})
    tasks.sandbox("web", "n")
    return str(home / "cnm")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("network ls", 1),
        ("sandbox inspect web", 1),
        ("endpoint ls -q", 1),
        ("restore", 1),
        ("sandbox exec web id", 125),
    ],
)
def test_who_is_not_root_is_refused_in_one_line(tasks: Tasks, cnm: str, arguments: str, status: int) -> None:
    done = tasks.host.run([*NOBODY, cnm, *arguments.split()])
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == ("cnm: only root can read and change the networks of the host. Use sudo.\n")


def test_who_is_not_root_gets_the_help(tasks: Tasks, cnm: str) -> None:
    assert tasks.host.run([*NOBODY, cnm, "--help"]).returncode == 0


def test_programs_and_modules_of_the_current_folder_are_not_run(tasks: Tasks, cnm: str) -> None:
    """Root may be in somebody else's folder, with an empty or relative entry in PATH, or use a user's HOME."""
    trap = Path("/run/trap")
    home = trap / ".local" / "lib"
    trap.mkdir()
    for name in ("nft", "iptables", "ip6tables", "dockerd", "unshare", "nsenter"):
        (trap / name).write_text(f"#!/bin/sh\ntouch /run/owned-{name}\nexit 1\n")
        (trap / name).chmod(0o755)
    for folder in (trap, *(home / f"python3.{minor}" / "site-packages" for minor in range(9, 15))):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pyroute2.py").write_text("open('/run/owned-pyroute2', 'w')\n")
        (folder / "usercustomize.py").write_text("open('/run/owned-usercustomize', 'w')\n")
    for path in ("", ".", ":/usr/bin"):
        environment = [f"PATH={path}", f"HOME={trap}", f"PYTHONPATH={trap}"]
        for arguments in ("network ls", "restore", "sandbox exec web /usr/bin/true"):
            done = tasks.host.run(["/usr/bin/env", "-C", str(trap), "-i", *environment, cnm, *arguments.split()])
            assert done.returncode == 0, done.stderr
    assert [name for name in os.listdir("/run") if name.startswith("owned-")] == []
