# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example of a role that is tested by Molecule, and what its hosts leave behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Stale mounts, processes and interfaces would show up in one of these lists.
LEFT = """
left() {
    ls /run/netns /etc/netns
    ip -oneline link | cut -d: -f2
    ps -e -o comm= | grep -E '^(sleep|unshare)$' || true
}
left >before
"""
SAME = "left >after; diff before after"
# The files of another host, as few as possible.
OTHER = """
programs=$(command -v sh sleep umount cat)
mkdir -p other/etc
cp --parents --dereference $programs $(ldd $programs | grep -o '/[^ :]* ' | sort -u) other
ln -s usr/bin other/bin
echo another >other/etc/issue
"""
KILLED = """
setsid ansible-playbook cnm.linux.molecule_create --extra-vars @variables.json >killed.log 2>&1 &
until [ -s /run/cnm-light-hosts/client-*/pid ]; do kill -0 $! || { cat killed.log; exit 1; }; sleep 0.02; done
kill -KILL -- -$!
"""
AGAIN = "ansible-playbook cnm.linux.molecule_create --extra-vars @variables.json >again.log 2>&1 || true"
INSIDE = """
nsenter --all --target "$(cat /run/cnm-light-hosts/db-*/pid)" sh -c 'cat /etc/issue; echo changed >/etc/issue'
cat other/etc/issue
"""
ADDRESS = 'ip netns exec "$(basename /run/netns/db-*)" ip -brief address'
DESTROYED = "ansible-playbook cnm.linux.molecule_destroy --extra-vars @variables.json"


def on_private_host(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run SCRIPT with bash in FOLDER."""
    home = {"HOME": str(folder), "ANSIBLE_HOME": str(folder / "ansible"), "ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [str(ROOT / "tests" / "private-host"), "bash", "-euc", script],
        cwd=folder,
        env={**os.environ, **home, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_the_role_of_the_example_is_tested_by_molecule(tmp_path: Path) -> None:
    if not Path(sys.executable).with_name("molecule").exists():
        pytest.skip("Molecule is only in the environment with the newest ansible-core.")
    shutil.copytree(ROOT / "docs" / "examples" / "site", tmp_path / "site")
    done = on_private_host(f"{LEFT}(cd site && molecule test)\n{SAME}", tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    assert re.search("7 passed, 1 skipped|8 passed", done.stdout + done.stderr)


def test_nothing_is_left_of_hosts_whose_creation_was_killed(tmp_path: Path) -> None:
    platforms = [
        {"name": "client", "networks": [{"name": "front"}]},
        {
            "name": "db",
            "networks": [{"name": "front", "netem": "delay 20ms loss 1%", "ipv4_address": "10.90.0.9"}],
            "root": str(tmp_path / "other"),
        },
    ]
    variables = {
        "cnm_molecule_networks": [{"name": "front", "internal": True, "ipam_config": [{"subnet": "10.90.0.0/24"}]}],
        "molecule_yml": {"platforms": platforms},
        "molecule_scenario_directory": str(tmp_path),
        "molecule_instance_config": str(tmp_path / "instances.yml"),
    }
    (tmp_path / "variables.json").write_text(json.dumps(variables))
    script = "\n".join((LEFT, OTHER, KILLED, AGAIN, ADDRESS, INSIDE, DESTROYED, SAME, DESTROYED, SAME))
    done = on_private_host(script, tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    assert "10.90.0.9/24" in done.stdout
    assert "another\nanother\n" in done.stdout
    assert not (tmp_path / "instances.yml").exists()
    again = (tmp_path / "again.log").read_text()
    refused = "netem 'delay 20ms loss 1%' of host 'db' on network 'front' failed. This kernel has no netem."
    assert refused in again or "failed=0" in again
