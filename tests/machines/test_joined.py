# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hosts with Debian's kernels, from their preparation to a power cut. The tests build on one another.

They run in tests/machines/joined, as ``make machines`` starts it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
HOSTS = {"one": "10.213.9.11", "two": "10.213.9.12"}
FIRST = re.compile(r"Save this as `first.yml`.*?```yaml\n(.*?)```", re.DOTALL)
# Numbers of interfaces differ after a boot, and so do the spaces after them.
STATE = r"""
for path in /run/netns/*; do
    name=${path##*/}
    echo "$name:"
    sudo ip netns exec "$name" ip -brief address | sed 's/@if[0-9]*//; s/  */ /g'
    sudo ip netns exec "$name" ip route
    cat "/etc/netns/$name/hosts"
done
"""
READY = "systemctl is-system-running --wait"


def ansible(program: str, *words: str, cwd: Path = HERE) -> str:
    """Run PROGRAM of Ansible with WORDS, for both hosts; return what it prints."""
    command = [str(Path(sys.executable).with_name(program)), "--inventory", str(HERE / "inventory.yml"), *words]
    remote = {"ANSIBLE_REMOTE_TEMP": "~/.ansible/tmp", "ANSIBLE_PIPELINING": "1", "ANSIBLE_TIMEOUT": "300"}
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **remote}, capture_output=True, text=True, check=False, timeout=3600
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    return done.stdout


def on(name: str, command: str) -> str:
    """Run COMMAND as the user of host NAME; return what it prints."""
    done = subprocess.run(["ssh", HOSTS[name], command], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def reach_each_other() -> None:
    for name, other in (("one", "two"), ("two", "one")):
        on(name, f"sudo ip netns exec blue-{name} ping -c 1 -W 20 blue-{other}")
        on(name, "sudo ip netns exec www ping -c 1 -W 20 sql")


def declared(first: Path) -> str:
    """Apply what README and the inventory declare; return Ansible's summary."""
    shown = ansible("ansible-playbook", str(first), "cnm.linux.topology")
    return shown[shown.index("PLAY RECAP") :]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """README's first playbook, for all hosts."""
    found = FIRST.search((HERE.parents[1] / "README.md").read_text(encoding="utf-8"))
    assert found
    path = tmp_path_factory.mktemp("playbook") / "first.yml"
    path.write_text(found[1].replace("hosts: localhost", "hosts: all"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    """What each host has when everything is declared."""
    return {name: on(name, STATE) for name in HOSTS}


def test_a_user_prepares_the_hosts() -> None:
    ansible("ansible-playbook", "cnm.linux.host")
    for name in HOSTS:
        on(name, READY)


def test_the_first_playbook_and_an_overlay(first: Path) -> None:
    declared(first)
    reach_each_other()


def test_networkd_leaves_our_interfaces_alone(before: dict[str, str]) -> None:
    for name in HOSTS:
        on(name, "sudo systemctl restart systemd-networkd && sudo networkctl reload")
        managed = {
            line.split()[1] for line in on(name, "networkctl list --no-legend").splitlines() if "unman" not in line
        }
        assert len(managed) == 1, managed
        assert on(name, STATE) == before[name]
    reach_each_other()


def test_all_is_back_after_a_reboot(before: dict[str, str]) -> None:
    ansible("ansible", "one", "--become", "-m", "reboot", "-a", "reboot_timeout=1200")
    on("one", READY)
    assert on("one", STATE) == before["one"]
    reach_each_other()


def test_all_is_back_after_a_power_cut(before: dict[str, str], first: Path) -> None:
    for switch in ("--off", "--on"):
        subprocess.run([HERE / "joined", switch, "2"], check=True)
    on("two", READY)
    assert on("two", STATE) == before["two"]
    reach_each_other()
    assert {*re.findall(r"changed=(\d+)", declared(first))} == {"0"}
