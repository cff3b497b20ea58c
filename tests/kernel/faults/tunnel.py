# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tunnel of WireGuard that leads nowhere, and packets that go past it."""

from __future__ import annotations

import shutil
import socket
import struct

import pytest
from stand_in import Host

INTERFACE = "wg-cnm"
ADDRESS = "10.254.0.1"


def begin(host: Host) -> None:
    """Give HOST its end of the tunnel, or skip the test."""
    if shutil.which("wireguard-go") is None:
        pytest.skip("wireguard-go is needed: apt install wireguard-go")
    host.out(["wireguard-go", INTERFACE])
    host.ip(f"address add {ADDRESS}/24 dev {INTERFACE}\nlink set {INTERFACE} up\n")


def end(host: Host) -> None:
    """Remove the tunnel of HOST, if there is one. Its process ends."""
    host.run(["ip", "link", "delete", INTERFACE])


def sent_in_the_clear(target: str, vni: int) -> bool:
    """Return whether a VXLAN packet of the network VNI may leave for TARGET, in a plain UDP packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        try:
            plain.sendto(struct.pack("!II", 0x08000000, vni << 8) + bytes(60), (target, 4789))
        except PermissionError:
            return False
        return True
