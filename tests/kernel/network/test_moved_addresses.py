# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An address that has another MAC address now is reached at once by those who remember the former one."""

from __future__ import annotations

from lab import pinged
from tasks import Tasks

BOTH = "10.1.0.0/24,fd00:1::/64"
A4, A6 = "10.1.0.77", "fd00:1::77"


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
