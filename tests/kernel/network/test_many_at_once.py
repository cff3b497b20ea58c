# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several processes change the same host at once."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from children import end, start
from inventory import inventory, nothing_left, rows
from tasks import Tasks, listed

from ansible_collections.cnm.linux.plugins.module_utils._cnm.errors import InvalidInput

WRITERS, SECONDS = 8, 3.0


def any_task(chance: random.Random) -> tuple[str, list[dict[str, Any]]]:
    """Return a task about one of a few objects, so that the writers meet."""
    network, sandbox = f"n{chance.randrange(3)}", f"s{chance.randrange(6)}"
    joined = [{"name": network}]
    some: list[tuple[str, list[dict[str, Any]]]] = [
        ("network", [{"name": network, "labels": {"writer": chance.random()}}]),
        ("network", [{"name": network, "state": "absent"}]),
        ("sandbox", [{"name": sandbox, "networks": joined, "published_ports": ["80"]}]),
        ("sandbox", [{"name": sandbox, "networks": joined, "published_ports": [f"{8000 + chance.randrange(3)}:80"]}]),
        ("sandbox", [{"name": sandbox, "state": "stopped"}]),
        ("sandbox", [{"name": sandbox, "state": "absent"}]),
        ("endpoint", [{"name": f"e{chance.randrange(3)}", "network": network}]),
        ("endpoint", [{"name": f"e{chance.randrange(3)}", "network": network, "sandbox": sandbox}]),
    ]
    return chance.choice(some)


def write(tasks: Tasks, seed: int, log: Path) -> None:
    """Carry out tasks for a while; only bad input, as others have made it, is a reason not to succeed."""
    chance = random.Random(seed)
    counted: Counter[str] = Counter(done=0, refused=0)
    reasons = set()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        kind, items = any_task(chance)
        try:
            tasks.ensure(kind, *items)
            counted["done"] += 1
        except InvalidInput as refusal:
            counted["refused"] += 1
            reasons.add(str(refusal))
    log.write_text(json.dumps({**counted, "reasons": sorted(reasons)}))


def test_each_succeeds_or_is_told_why(tasks: Tasks, tmp_path: Path) -> None:
    before = inventory(tasks.host)
    tasks.network("n0")
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    logs = [tmp_path / str(number) for number in range(WRITERS)]
    writers = [start(lambda n=n, log=log: write(tasks, seed + n, log)) for n, log in enumerate(logs)]
    assert [end(writer) for writer in writers] == [0] * WRITERS
    found = [json.loads(log.read_text()) for log in logs]
    assert all(each["done"] + each["refused"] > 0 for each in found), found
    assert sum(each["done"] for each in found) > WRITERS
    assert all(reason.endswith(".") for each in found for reason in each["reasons"])

    # What the store has is what the host has, and no address is there twice.
    assert not tasks.restore().changed
    rows()
    containers = [each for shown in tasks.shown("network").values() for each in shown["Containers"].values()]
    promised = sorted(each["IPv4Address"].split("/")[0] for each in containers if each["IPv4Address"])
    assert len(promised) == len(set(promised))
    there = [
        address["local"]
        for place in os.listdir("/run/netns")
        for each in listed(tasks.host, "ip", "-4", "address", place=place)
        for address in each["addr_info"]
        if each["ifname"] != "lo"
    ]
    assert sorted(there) == promised
    tasks.end()
    assert nothing_left(tasks, before)
