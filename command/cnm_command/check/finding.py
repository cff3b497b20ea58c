# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was found out about one thing that networks need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class Finding:
    """One thing that networks need, and whether this host has it."""

    name: str
    present: bool
    found: str
    """What is there, such as a version; or why it cannot be had."""
    advice: str = ""
    """What does not work without it, and what to do. In sentences; empty if it is present."""
    required: bool = True
    """Whether nothing at all works without it."""

    @property
    def state(self) -> str:
        """Return the one word for it that a list shows."""
        if self.present:
            return "ok"
        return "missing" if self.required else "optional"


def judge(name: str, found: str, problem: str, advice: str, required: bool = True) -> Finding:
    """Return the finding for NAME: present as FOUND, unless there is a PROBLEM."""
    return Finding(name, not problem, problem or found, advice if problem else "", required)


def version(text: str) -> Tuple[int, ...]:
    """Return the numbers of the first version that TEXT names; empty if it names none."""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def dotted(numbers: Tuple[int, ...]) -> str:
    """Return NUMBERS as a version is written."""
    return ".".join(map(str, numbers))
