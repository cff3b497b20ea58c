# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks of several processes, about a few shared objects and about objects of their own."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks import Tasks

from ansible_collections.cnm.linux.plugins.module_utils._cnm import transactions
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

Shared = tuple[str, list[dict[str, Any]]]


def any_task(chance: random.Random) -> Shared:
    """Return a task about one of a few objects, so that writers collide."""
    network, sandbox = f"n{chance.randrange(3)}", f"s{chance.randrange(6)}"
    joined = [{"name": network}]
    some: list[Shared] = [
        ("network", [{"name": network, "labels": {"writer": chance.random()}}]),
        ("network", [{"name": network, "state": "absent"}]),
        ("network", [{"name": network, "internal": chance.random() < 0.5, "force": True}]),
        ("sandbox", [{"name": sandbox, "networks": joined, "published_ports": ["80"]}]),
        ("sandbox", [{"name": sandbox, "networks": joined, "published_ports": [f"{8000 + chance.randrange(3)}:80"]}]),
        ("sandbox", [{"name": sandbox, "state": "stopped"}]),
        ("sandbox", [{"name": sandbox, "state": "restarted"}]),
        ("sandbox", [{"name": sandbox, "state": "absent"}]),
        ("endpoint", [{"name": f"e{chance.randrange(3)}", "network": network}]),
        ("endpoint", [{"name": f"e{chance.randrange(3)}", "network": network, "sandbox": sandbox}]),
        ("restore", []),
    ]
    return chance.choice(some)


class Writer:
    """Runs tasks until a given time; its log survives if it is killed."""

    def __init__(self, tasks: Tasks, number: int, folder: Path) -> None:
        self._tasks = tasks
        self._own = f"own{number}"
        self._log = folder / self._own
        self.found: dict[str, Any] = {"done": 0, "refused": 0, "worst": 0.0, "reasons": [], "label": ""}

    def read(self) -> None:
        """Read the log of this writer."""
        if self._log.exists():
            self.found = json.loads(self._log.read_text())

    def work(self, chance: random.Random, until: float) -> None:
        """Run tasks. They may fail only because of invalid input, caused by what others have done."""
        self.read()
        while time.monotonic() < until:
            if chance.random() < 0.3:
                self._write_own(chance.randrange(1 << 32))
                continue
            kind, items = any_task(chance)
            try:
                with self._watched():
                    self._tasks.restore() if kind == "restore" else self._tasks.ensure(kind, *items)
                self.found["done"] += 1
            except InvalidInput as refusal:
                self.found["refused"] += 1
                self.found["reasons"] = sorted({*self.found["reasons"], str(refusal)})
            self._note()

    def _write_own(self, label: int) -> None:
        """Write something that nobody else writes, so that a loss can be noticed."""
        self.found["label"] = ""
        self._note()
        with self._watched():
            self._tasks.network(self._own, labels={"writer": label})
        self.found["label"] = str(label)
        self.found["done"] += 1
        self._note()

    def _note(self) -> None:
        growing = self._log.with_suffix(".new")
        growing.write_text(json.dumps(self.found))
        growing.replace(self._log)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Measure how long the run waits for the lock."""
        held, asked = transactions.held, time.monotonic()

        @contextmanager
        def timed(folder: str, patience: float) -> Iterator[None]:
            with held(folder, patience):
                self.found["worst"] = max(self.found["worst"], time.monotonic() - asked)
                yield

        transactions.held = timed
        try:
            yield
        finally:
            transactions.held = held

    def kept(self, shown: dict[str, dict[str, Any]]) -> bool:
        """Return whether the last value written, if known, is still in the networks SHOWN."""
        return not self.found["label"] or shown[self._own]["Labels"] == {"writer": self.found["label"]}


def total(writers: list[Writer]) -> Counter[str]:
    """Return the counts of all WRITERS together."""
    counted: Counter[str] = Counter()
    for writer in writers:
        counted.update({name: writer.found[name] for name in ("done", "refused")})
    return counted
