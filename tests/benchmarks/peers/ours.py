# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our core in its own process, with a list in one task."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from clock import Cost, process
from stand_in import Host

ROOT = Path(__file__).resolve().parents[3]
_POOLS = '{"default-address-pools": [{"base": "10.0.0.0/8", "size": 22}]}'
_ENVIRONMENT = {
    "PYTHONPATH": str(ROOT / ".cache"),
    "PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "pycache"),
    "PYTHONDONTWRITEBYTECODE": "",
}


class Ours:
    """cnm.linux."""

    most = 1000

    def __init__(self, host: Host) -> None:
        os.makedirs("/etc/cnm", exist_ok=True)
        Path("/etc/cnm/cnm.json").write_text(_POOLS)
        self.whole = Cost(0, 0)
        """The costs of the last task's whole process."""
        self.changed = False

    def task(self, **task: Any) -> Cost:
        """Run a task of core.py; return its costs without the start of Python."""
        command = [sys.executable, str(ROOT / "tests" / "benchmarks" / "core.py")]
        self.whole, output = process(command, json.dumps(task), _ENVIRONMENT)
        answer = json.loads(output.splitlines()[-1])
        self.changed = answer["changed"]
        return Cost(answer["wall"], answer["cpu"], answer["peak"])

    def prepare(self, number: int) -> None:
        self.networks(1)

    def attach(self, first: int, number: int) -> Cost:
        return self.task(verb="ensure", kind="sandbox", items=sandboxes(first, number))

    def detach(self, first: int, number: int) -> Cost:
        items = [{"name": f"s{each}", "state": "absent"} for each in range(first, first + number)]
        return self.task(verb="ensure", kind="sandbox", items=items)

    def networks(self, number: int) -> Cost:
        return self.task(verb="ensure", kind="network", items=[{"name": f"n{each}"} for each in range(number)])

    def close(self) -> None:
        """There is nothing to stop."""


def sandboxes(first: int, number: int, network: str = "n0", **options: Any) -> list[dict[str, Any]]:
    """Return the items of NUMBER sandboxes, counted from FIRST, on NETWORK."""
    return [{"name": f"s{each}", "networks": [{"name": network}], **options} for each in range(first, first + number)]
