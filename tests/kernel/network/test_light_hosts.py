# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slow and lossy links between the light hosts of docs/harness.md, of which there is only what netem matters to."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest
from lab import at
from stand_in import Host

_LIGHT_HOSTS = Path(__file__).resolve().parents[3] / "playbooks" / "files" / "light_hosts"
_STATES = Path("/run/cnm-light-hosts")
_DB = "10.1.0.2"
_DELAY = 400
"""Milliseconds. Without netem, an answer takes a few."""


def impair(*words: str) -> None:
    """Do what the playbook does for a platform."""
    done = subprocess.run([str(_LIGHT_HOSTS), "impair", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture()
def fleet(host: Host, tmp_path: Path) -> Iterator[Any]:
    """The light hosts web and db, as the fixtures of a scenario see them."""
    fixtures = pytest.importorskip("ansible_collections.cnm.linux.extensions.testinfra.fixtures", reason="testinfra")
    host.ip("netns add web-1\nnetns add db-1\nlink add eth0 netns web-1 type veth peer name eth0 netns db-1\n")
    for name, address in (("web-1", "10.1.0.1"), ("db-1", _DB)):
        host.ip(f"address add {address}/24 dev eth0\nlink set eth0 up\n", f"/run/netns/{name}")
    processes = []
    for name in ("web-1", "db-1"):
        with at(name):
            processes.append(subprocess.Popen(["sleep", "inf"]))
        (_STATES / name).mkdir(parents=True)
        (_STATES / name / "pid").write_text(f"{processes[-1].pid}\n")
    listed = tmp_path / "instances.yml"
    listed.write_text("- {instance: web, address: web-1}\n- {instance: db, address: db-1}\n")
    try:
        yield fixtures.Fleet(listed)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def answers(fleet: Any, count: int) -> list[float]:
    """Return after how many milliseconds db answered each of COUNT pings of web. Some may have got no answer."""
    shown = fleet.host("web").run(f"ping -n -c {count} -i 0.02 -W 1 {_DB}").stdout
    return [float(each) for each in re.findall(r"time=([\d.]+) ms", shown)]


@pytest.mark.machine
def test_links_are_slow_or_lossy_as_long_as_they_shall_be(fleet: Any) -> None:
    with fleet.impaired("db", f"delay {_DELAY}ms"):
        assert min(answers(fleet, 2)) >= _DELAY
    assert min(answers(fleet, 2)) < _DELAY
    with fleet.impaired("db", "loss 50%"):
        assert 0 < len(answers(fleet, 40)) < 40
    # What a scenario's platforms say lasts as long as the host.
    for delay in (1, _DELAY):
        impair("db-1", "eth0", "delay", f"{delay}ms")
    slow = answers(fleet, 2)
    assert len(slow) == 2 and min(slow) >= _DELAY
    with pytest.raises(AssertionError, match="netem 'loss 100%' on host 'db'"), fleet.impaired("db", "loss 100%"):
        pass
