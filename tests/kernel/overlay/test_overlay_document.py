# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventories, playbook and command of docs/overlay.md, on three hosts."""

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
from fleet import Fleet, Member, until
from wireguard import INTERFACE, needs_wireguard, wire

yaml = pytest.importorskip("yaml")

PAGE = Path(__file__).resolve().parents[3] / "docs" / "overlay.md"
IN_PLACE_OF_PYTHON = """\
#!/bin/sh
exec nsenter --mount={mounts} --net={links} --wd="$PWD" -- {python} "$@"
"""

pytestmark = pytest.mark.skipif(
    shutil.which("ansible-playbook") is None, reason="managed hosts need no ansible-playbook"
)


def blocks(language: str) -> list[str]:
    """Return the document's blocks in LANGUAGE."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def connection(member: Member, folder: Path) -> dict[str, Any]:
    """Return the variables for Ansible's connection to MEMBER."""
    python = folder / f"python-{member.number}"
    mounts, links = (f"/proc/{os.getpid()}/fd/{each}" for each in (member.mounts, member.network))
    python.write_text(IN_PLACE_OF_PYTHON.format(mounts=mounts, links=links, python=sys.executable))
    python.chmod(0o700)
    return {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": str(python),
        "ansible_host": member.vtep[4],
    }


def play(folder: Path, *options: str) -> dict[str, int]:
    """Run the playbook in FOLDER; return by host how many of its tasks have changed it."""
    command = ["ansible-playbook", "--inventory", str(folder / "hosts.json"), str(folder / "play.json"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return {host: int(changed) for host, changed in re.findall(r"^(\w+) +: ok=.* changed=(\d+)", done.stdout, re.M)}


def test_the_first_example_does_what_it_says(fleet: Fleet, tmp_path: Path) -> None:
    inventory, playbook = (yaml.safe_load(block) for block in blocks("yaml")[:2])
    hosts = inventory["all"]["hosts"]
    assert list(hosts) == ["a", "b", "c"]
    for member, variables in zip(fleet.members, hosts.values()):
        variables.update(connection(member, tmp_path))
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    (tmp_path / "play.json").write_text(json.dumps(playbook))
    assert play(tmp_path) == {"a": 1, "b": 1, "c": 1}
    (shown,) = re.findall(r"^a# (.+)$", "".join(blocks("console")), re.MULTILINE)
    assert shown.split()[-1] == "app-b"
    fleet.members[0].run(*shown.split())
    for member, host in zip(fleet.members, hosts):
        assert all(member.ping(f"app-{host}", f"app-{other}") for other in hosts if other != host)
    # Sandboxes with addresses that the hosts choose.
    inventory["all"]["vars"]["cnm_sandboxes"].append(
        {"name": "more-{{ inventory_hostname }}", "networks": [{"name": "blue"}]}
    )
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    both, none = dict.fromkeys(hosts, 2), dict.fromkeys(hosts, 0)
    assert [play(tmp_path, "--check"), play(tmp_path), play(tmp_path, "--check"), play(tmp_path)] == [
        both,
        both,
        none,
        none,
    ]
    for member, host in zip(fleet.members, hosts):
        assert all(member.ping(f"app-{host}", f"more-{other}") for other in hosts if other != host)


@needs_wireguard
def test_the_encrypted_example_does_what_it_says(fleet: Fleet, tmp_path: Path) -> None:
    """The hosts have no systemd, so the test does what the role's unit does."""
    (inventory,) = (
        document
        for document in map(yaml.safe_load, blocks("yaml"))
        if "cnm_wireguard_address" in str(document) and "cnm_host_etcd" not in str(document)
    )
    hosts = inventory["all"]["hosts"]
    for member, variables in zip(fleet.members, hosts.values()):
        variables.update(connection(member, tmp_path))
    inventory["all"]["vars"]["cnm_wireguard_problems_of_host"] = []
    role = {"name": str(PAGE.parents[1] / "roles" / "wireguard")}
    tasks = [
        {"include_role": {**role, "tasks_from": "preflight"}},
        {"include_role": {**role, "tasks_from": "peers"}},
        {"command": f"wg-quick up {INTERFACE}", "when": "not cnm_wireguard_answer.up"},
        {"cnm.linux.topology": None},
        {"cnm.linux.topology": {"exchange": True}},
    ]
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    (tmp_path / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    try:
        assert play(tmp_path) == dict.fromkeys(hosts, 5)
        with wire(fleet) as seen:
            for member, host in zip(fleet.members, hosts):
                for other in hosts:
                    assert until(lambda m=member, h=host, o=other: m.ping(f"app-{h}", f"app-{o}", patience=0.3))
            assert fleet.members[0].ping("app-a", "app-b", "-M", "do", "-s", str(1390 - 28)), "the MTU of the document"
        assert seen.clear == [] and seen.hidden
    finally:
        for member in fleet.members:
            member.run("ip", "link", "delete", INTERFACE, check=False)
