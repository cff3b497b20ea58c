# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/sys or /etc mounted read-only, as in a container or on an image-based system."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from lab import command, sysctl
from playbook import ALL, Playbook, inventory, web_works

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError

RIGHT = {
    "net/ipv4/ip_forward": 1,
    "net/ipv4/conf/default/route_localnet": 1,
    "net/ipv4/conf/default/rp_filter": 2,
    "net/ipv6/conf/default/accept_ra": 0,
}
"""Settings that a network does not need to change."""


STORE = "/var/lib/cnm"
CNM = [sys.executable, str(Path(__file__).resolve().parents[3] / "command" / "cnm.py")]


def freeze(folder: str) -> None:
    command(f"mount --bind {folder} {folder}")
    command(f"mount -o remount,bind,ro {folder}")


def test_settings_that_are_right_already(play: Playbook) -> None:
    for name, value in RIGHT.items():
        sysctl(name, value)
    before = inventory(play.host)
    freeze("/proc/sys")
    play.web()
    assert web_works(play) == ALL
    assert not play.network("web").changed
    play.end()
    assert inventory(play.host) == before


@pytest.mark.parametrize("name", ("net/ipv4/ip_forward", "net/ipv4/conf/default/route_localnet"))
def test_a_setting_that_would_have_to_change(play: Playbook, name: str) -> None:
    for other, value in RIGHT.items():
        sysctl(other, 0 if other == name else value)
    before = inventory(play.host)
    freeze("/proc/sys")
    with pytest.raises(CnmError) as caught:
        play.network("web")
    message = str(caught.value)
    assert f"'{name}'" in message.replace(play_device(message), "default")
    assert "Read-only file system" in message
    assert message.count("The sysctl") == 1
    assert inventory(play.host) == before
    assert "web" not in [each["Name"] for each in play.shown("network")]


def play_device(message: str) -> str:
    """Return the bridge that MESSAGE names; "default" if it names none."""
    return next((part for part in message.split("/") if part.startswith("br-")), "default")


def test_etc(play: Playbook) -> None:
    play.network("web")
    before, forwarding = inventory(play.host), play.shown("network")
    freeze("/etc")
    with pytest.raises(CnmError, match=r"'/etc/netns/one/hosts' could not be written: Read-only file system"):
        play.sandbox("one", "web", published_ports=["8080:80"])
    assert inventory(play.host) == before
    assert play.shown("sandbox") == []
    assert play.shown("network") == forwarding


@pytest.mark.parametrize("killed", [False, True])
def test_the_store(play: Playbook, killed: bool) -> None:
    """The store can be listed all the same, even with the log that a killed writer left."""
    play.web()
    if killed:
        leave_a_log()
    before = {kind: play.shown(kind) for kind in ("network", "sandbox", "endpoint")}
    freeze(STORE)
    assert {kind: play.shown(kind) for kind in before} == before
    assert "web" in play.host.out([*CNM, "network", "ls"])
    with pytest.raises(CnmError, match="Read-only file system"):
        play.network("web")


def leave_a_log() -> None:
    """Leave the store as a killed writer does, with committed changes in the log."""
    with closing(sqlite3.connect(f"{STORE}/cnm.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute('UPDATE sandbox SET data = replace(data, \'"labels":{}\', \'"labels":{"a":"b"}\')')
        files = {name: Path(STORE, name).read_bytes() for name in ("cnm.db", "cnm.db-wal")}
    for name, content in files.items():
        Path(STORE, name).write_bytes(content)


def test_etc_with_the_first_network(play: Playbook) -> None:
    before = inventory(play.host)
    freeze("/etc")
    with pytest.raises(CnmError, match=r"'/etc/netns/one/hosts' could not be written: Read-only file system"):
        play.sandbox("one", "bridge")
    assert inventory(play.host) == before
    assert play.shown("sandbox") == []
