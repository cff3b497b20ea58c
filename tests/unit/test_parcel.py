# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role host installs as the command works without Ansible and without the checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
WITHOUT_ANSIBLE = "import sys; sys.modules['ansible'] = None; sys.path.insert(0, sys.argv[1]); "


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the files of the command, as the role unpacks them."""
    folder = tmp_path_factory.mktemp("installed")
    parcel = folder / "parcel.tar"
    subprocess.run([sys.executable, str(TOP / "roles/host/files/parcel.py"), str(parcel), str(TOP)], check=True)
    subprocess.run(["tar", "--extract", f"--file={parcel}", f"--directory={folder}"], check=True)
    return folder


@pytest.mark.parametrize(
    "act",
    (
        "import _cnm, cnm_service.core as core, cnm_service.main; core.import_all()",
        "from cnm_command.main import main; main(['--help'])",
        "import cnm_engine, cnm_client",
    ),
)
def test_nothing_is_missing(installed: Path, act: str) -> None:
    program = [sys.executable, "-c", WITHOUT_ANSIBLE + act, str(installed)]
    subprocess.run(program, cwd=installed, check=True, stdout=subprocess.DEVNULL)


def test_no_file_needs_ansible(installed: Path) -> None:
    needing = [path for path in installed.rglob("*.py") if "\nfrom ansible" in path.read_text()]
    assert needing == []
