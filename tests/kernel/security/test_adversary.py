# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What chance makes of a hostile sandbox: the promises of docs/security.md hold whatever it does.

``make kernel ARGS="-k adversary --seed 7 --seconds 60"`` repeats a failure, or goes on for longer.
"""

from __future__ import annotations

import random
import time

from intruder import NETS, PUBLISHED, VICTIMS, intruder
from lab import HOST, UPLINK4, UPLINK6
from tasks import Tasks, answers, eventually, listed, reaches

BATCH = 50


def routers(tasks: Tasks) -> list[str]:
    """Return the routes of the host that somebody has advertised."""
    return [route["dst"] for route in listed(tasks.host, "ip", "-6", "route") if route.get("protocol") == "ra"]


def unharmed(tasks: Tasks) -> list[str]:
    """Return what no longer works of the networks."""
    found = []
    for version, uplink in ((4, UPLINK4), (6, UPLINK6)):
        found += [
            f"the host does not reach '{name}'"
            for name, net in VICTIMS.items()
            if not reaches(HOST, name, NETS[net].address(2, version))
        ]
        if not answers(PUBLISHED, "blue", at_address=uplink):
            found.append(f"the published port is not that of 'blue' at {uplink}")
        found += [
            f"'{name}' does not reach its gateway"
            for name, net in VICTIMS.items()
            if not reaches(name, HOST, NETS[net].address(1, version), 9000)
        ]
    return found


def test_packets_of_an_adversary(tasks: Tasks, seed: int, seconds: float) -> None:
    with intruder(tasks, random.Random(seed)) as evil:
        assert eventually(lambda: unharmed(tasks) == [])
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            evil.attack(BATCH)
            assert evil.holes() == [], f"--seed {seed}"
        assert routers(tasks) == [], f"--seed {seed}"
        assert unharmed(tasks) == [], f"--seed {seed}"
