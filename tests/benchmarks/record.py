# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The measured costs in a file, so that parts can be measured separately and the report contains all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from clock import Cost, median

PATH = Path(__file__).resolve().parents[2] / ".cache" / "benchmarks.json"


class Key(NamedTuple):
    """What a figure is about."""

    part: str
    what: str
    size: int
    subject: str


class Record:
    """The costs of each figure in all rounds."""

    def __init__(self) -> None:
        self._found: dict[Key, list[Cost]] = {}

    def add(self, key: Key, cost: Cost) -> None:
        """Record and print the costs of one round."""
        self._found.setdefault(key, []).append(cost)
        self.save()
        print(f"{key.part:9} {key.what:22} {key.size:6} {key.subject:9} {shown(key, cost)}", flush=True)

    def costs(self, key: Key) -> Sequence[Cost]:
        """Return the costs in all rounds."""
        return self._found.get(key, ())

    def median(self, key: Key) -> Cost | None:
        """Return the median of all rounds, or None if there were none."""
        costs = self.costs(key)
        return median(costs) if costs else None

    def keys(self, part: str) -> Iterator[Key]:
        """Yield the keys of PART in the order in which they were measured."""
        yield from (key for key in self._found if key.part == part)

    def save(self) -> None:
        """Write this to the file, replacing earlier costs of the same figures."""
        kept = self.load()
        kept._found.update(self._found)
        rows = [[*key, [list(cost) for cost in costs]] for key, costs in kept._found.items()]
        PATH.parent.mkdir(exist_ok=True)
        PATH.write_text(json.dumps(rows))

    @classmethod
    def load(cls) -> Record:
        """Return the contents of the file."""
        record = cls()
        if PATH.exists():
            for part, what, size, subject, costs in json.loads(PATH.read_text()):
                record._found[Key(part, what, size, subject)] = [Cost(*cost) for cost in costs]
        return record


def shown(key: Key, cost: Cost) -> str:
    """Return COST as text."""
    each = f" {cost.wall * 1000 / key.size:8.2f} ms each" if key.part in ("attach", "networks") else ""
    if key.part == "overlay" and key.what == "round trip":
        return f"{cost.wall * 1e6:.1f} µs"
    if key.part == "overlay":
        return f"{1 / cost.wall:.2f} Gbit/s  cpu {cost.cpu:8.3f} s a gigabit"
    peak = f" {cost.peak:6.0f} MB" if cost.peak else ""
    return f"wall {cost.wall:8.3f} s  cpu {cost.cpu:8.3f} s{each}{peak}"
