# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""firewalld on the same host, as on Fedora and its relatives."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import command
from needed import needs
from playbook import ALL, Playbook, advice, web_works

pytestmark = needs("firewalld dbus", "firewalld", "firewall-cmd", "dbus-daemon")


@pytest.fixture
def firewalld(play: Playbook) -> Iterator[None]:
    """A message bus and a firewalld on the stand-in for a host."""
    os.makedirs("/run/dbus")
    started: list[subprocess.Popen[bytes]] = []
    log = Path("/run/firewalld-beside-us.log")

    def start(*argv: str) -> None:
        with open(log, "ab") as stream:
            started.append(subprocess.Popen(argv, stdout=stream, stderr=stream))

    try:
        start("dbus-daemon", "--system", "--nofork", "--nopidfile")
        _wait(lambda: os.path.exists("/run/dbus/system_bus_socket"), log)
        start("firewalld", "--nofork", "--nopid", "--log-target=console")
        _wait(lambda: play.host.run(["firewall-cmd", "--state"]).returncode == 0, log)
        yield
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)


def _wait(ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 120
    while not ready():
        if time.monotonic() > deadline:
            pytest.fail(f"it does not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)


@pytest.mark.usefixtures("firewalld")
def test_what_the_warning_says_helps(play: Playbook) -> None:
    play.web()
    (warning,) = play.warnings
    assert warning.startswith("firewalld rejects")
    assert web_works(play)["out"] is False
    for line in advice(warning, play.device("web")):
        command(line)
    assert web_works(play) == ALL
    assert not play.network("web").changed or shutil.which("dockerd")
    assert play.warnings == []


@pytest.mark.usefixtures("firewalld")
def test_a_reload_leaves_ours_alone(play: Playbook) -> None:
    play.web()
    for line in advice(play.warnings[0], play.device("web")):
        command(line)
    before = play.host.out(["nft", "list", "table", "inet", "cnm"])
    for line in ("firewall-cmd --reload", "firewall-cmd --complete-reload"):
        command(line)
        assert play.host.out(["nft", "list", "table", "inet", "cnm"]) == before
        assert web_works(play) == ALL
        # A reload flushes iptables. If Docker is installed, our rules in DOCKER-USER are lost, too.
        mended = next((each for each in play.network("web").differences if each["before_header"] == "host"), None)
        assert mended is None or all("'DOCKER-USER'" in line for line in mended["after"].splitlines())
        assert not play.network("web").changed
