# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open vSwitch on the stand-in for a host."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from needed import needs
from stand_in import Host
from tasks import eventually

needs_openvswitch = needs("openvswitch-switch", "ovs-vsctl")

RUNTIME, DATABASE = "/run/openvswitch", "/run/openvswitch/conf.db"
SOCKET = f"{RUNTIME}/db.sock"


class Vswitch:
    """The database and the switch of Open vSwitch, each in a process."""

    def __init__(self, host: Host) -> None:
        self.host = host
        os.makedirs(RUNTIME, exist_ok=True)
        host.out(["ovsdb-tool", "create", DATABASE, "/usr/share/openvswitch/vswitch.ovsschema"])
        self.start_database()
        host.out(["ovs-vsctl", "--no-wait", "init"])

    def start_database(self) -> None:
        self.host.out(["ovsdb-server", DATABASE, f"--remote=punix:{SOCKET}", *self._daemon("ovsdb-server")])

    def start(self) -> None:
        """Start the switch. It has made what the database wants when this returns."""
        self.host.out(["ovs-vswitchd", f"unix:{SOCKET}", *self._daemon("ovs-vswitchd")])

    def _daemon(self, name: str) -> list[str]:
        return ["--detach", "--no-chdir", f"--pidfile={RUNTIME}/{name}.pid", "-vconsole:off", "-vsyslog:off"]

    def stop(self, name: str = "ovs-vswitchd") -> None:
        """End the switch, or the process called NAME, as a restart of its service does."""
        pid = int(Path(RUNTIME, f"{name}.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        assert eventually(lambda: not os.path.exists(f"{RUNTIME}/{name}.pid"))

    def restart(self) -> None:
        self.stop()
        self.start()

    def control(self, *arguments: str) -> str:
        return self.host.out(["ovs-vsctl", "--timeout=60", *arguments])

    def get(self, table: str, name: str, column: str) -> str:
        return self.control("get", table, name, column).strip()

    def names(self, table: str) -> set[str]:
        """Return the names of all records of TABLE."""
        return set(self.control("--bare", "--columns=name", "list", table).split())


def begin(host: Host) -> None:
    """Start Open vSwitch on HOST, or skip the test."""
    if shutil.which("ovs-vsctl") is None:
        pytest.skip("Open vSwitch is needed: apt install openvswitch-switch")
    Vswitch(host).start()


def end() -> None:
    """Kill it, if it runs."""
    for name in ("ovs-vswitchd", "ovsdb-server"):
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(Path(RUNTIME, f"{name}.pid").read_text()), signal.SIGKILL)


@contextmanager
def running(host: Host) -> Iterator[Vswitch]:
    """Run Open vSwitch on HOST."""
    switch = Vswitch(host)
    try:
        switch.start()
        yield switch
    finally:
        end()
