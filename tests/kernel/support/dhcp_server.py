# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A DHCP server outside of the host, and the processes that ask it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from lab import at
from needed import BUSYBOX
from stand_in import OUTSIDE, Host
from tasks import Tasks
from trunk import plug

_FOLDER = Path("/run/dhcp-server")
_BEGUN: list[Server] = []
RELEASE = b"\x63\x82\x53\x63\x35\x01\x07"
"""The beginning of the options of a DHCPRELEASE (RFC 2132 sections 2 and 9.6)."""
MACS = {"a": "02:00:00:00:00:0a", "b": "02:00:00:00:00:0b"}


class Server:
    """The DHCP server of the LAN. It knows MAC addresses, so it does not look whether anybody has an address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._released: set[str] = set()
        with at(OUTSIDE):
            self._seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self._seen.bind(("lan1", 0x0800))
        self._seen.setblocking(False)

    def start(self, fixed: dict[str, str], seconds: int = 600) -> None:
        self.stop()
        lines = [
            "start 192.168.7.50",
            "end 192.168.7.99",
            "interface lan1",
            f"lease_file {self._folder}/leases",
            f"pidfile {self._folder}/pid",
            "opt subnet 255.255.255.0",
            f"opt lease {seconds}",
            "min_lease 1",
            *(f"static_lease {MACS[name]} {address}" for name, address in fixed.items()),
        ]
        (self._folder / "conf").write_text("\n".join([*lines, ""]))
        (self._folder / "leases").touch()
        command = ["nsenter", f"--net={OUTSIDE}", BUSYBOX, "udhcpd", "-f", str(self._folder / "conf")]
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def close(self) -> None:
        self.stop()
        self._seen.close()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def released(self) -> set[str]:
        """Return the names of the clients that have given their addresses back."""
        with suppress(BlockingIOError):
            while True:
                frame = self._seen.recv(2048)
                if RELEASE in frame:
                    self._released |= {
                        name for name, mac in MACS.items() if bytes.fromhex(mac.replace(":", "")) in frame
                    }
        return self._released


def clients() -> list[int]:
    """Return the pids of all DHCP clients, without those that are about to run a script for one."""
    found = {}
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            words = Path("/proc", pid, "cmdline").read_bytes().split(b"\0")
            parent = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if b"udhcpc" in words:
            found[int(pid)] = int(parent)
    return [pid for pid, parent in found.items() if parent not in found]


def end_clients() -> None:
    """End those that a test has left."""
    for pid in clients():
        os.kill(pid, signal.SIGKILL)


@contextmanager
def on_lan(tasks: Tasks, folder: Path) -> Iterator[Server]:
    """Give the host an interface ``lan0`` to a LAN with a router; yield the server there, which is to be started."""
    plug(tasks)
    server = Server(folder)
    try:
        yield server
    finally:
        server.close()
        end_clients()


def begin(host: Host) -> None:
    """Give HOST an interface ``lan0`` to a LAN whose server knows the client ``a``, or skip the test."""
    if not os.path.exists(BUSYBOX):
        pytest.skip("busybox is needed: apt install busybox-static")
    host.ip(f"link add lan0 type veth peer name lan1 netns {OUTSIDE}\nlink set lan0 up\n")
    host.ip("link set lan1 up\naddress add 192.168.7.1/24 dev lan1\n", OUTSIDE)
    _FOLDER.mkdir()
    server = Server(_FOLDER)
    server.start({"a": "192.168.7.61"})
    _BEGUN.append(server)


def end() -> None:
    """End the server, if there is one, and the clients."""
    while _BEGUN:
        _BEGUN.pop().close()
    end_clients()
