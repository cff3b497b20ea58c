# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which MAC addresses are asked for, and that neighbours learn a changed one at once."""

from __future__ import annotations

import contextlib
import socket

from lab import OUTSIDE4, OUTSIDE6, command, pinged
from tasks import Tasks

BOTH = "10.1.0.0/24,fd00:1::/64"
A4, A6 = "10.1.0.77", "fd00:1::77"


def test_the_host_and_a_sandbox_do_not_ask_for_each_other(tasks: Tasks) -> None:
    """A question goes to all ports. On a full bridge, this would push its own answer out of the queue."""
    tasks.network("n", BOTH)
    tasks.sandbox("a", "n")
    command("ip -n a neighbour flush all")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as seen:
        seen.bind((tasks.device("n"), 0x0003))
        seen.setblocking(False)
        for target in (*map(tasks.gateway, ("n", "n"), (4, 6)), OUTSIDE4, OUTSIDE6):
            assert pinged("a", target), target
        asked = []
        with contextlib.suppress(BlockingIOError):
            while frame := seen.recv(2000):
                if frame[12:14] == b"\x08\x06" or (
                    frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 135
                ):
                    asked.append(frame.hex())
    # A new interface checks whether its own link-local address is in use. These questions have no source address.
    assert [each for each in asked if each[44:76] != "0" * 32] == []


def test_another_mac_address_is_known_to_neighbours(tasks: Tasks) -> None:
    tasks.network("n", BOTH)
    tasks.sandbox("watcher", "n")
    fixed = {"name": "n", "ipv4_address": A4, "ipv6_address": A6}
    tasks.sandbox("a", fixed)
    assert pinged("watcher", A4) and pinged("watcher", A6)
    for mac in ("02:00:00:00:00:01", "02:00:00:00:00:02"):
        assert tasks.sandbox("a", {**fixed, "mac_address": mac}).changed
        assert pinged("watcher", A4) and pinged("watcher", A6)


def test_an_address_passes_to_another_endpoint(tasks: Tasks) -> None:
    tasks.network("n", BOTH)
    tasks.sandbox("watcher", "n")
    own = {"name": "n", "ipv4_address": A4, "ipv6_address": A6}
    other = {"name": "n", "ipv4_address": "10.1.0.99", "ipv6_address": A6}
    for name, wishes, targets in (
        ("default", own, (A4, A6)),
        ("chosen", {**own, "mac_address": "02:00:00:00:00:01"}, (A4, A6)),
        ("default again", own, (A4, A6)),
        ("another pair", other, (A6,)),
        ("the first pair", own, (A4, A6)),
    ):
        sandbox = name.replace(" ", "-")
        tasks.sandbox(sandbox, wishes)
        for target in targets:
            assert pinged("watcher", target), (name, target)
        tasks.sandbox(sandbox, state="absent")
