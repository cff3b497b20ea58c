# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of checking one prerequisite."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class Finding:
    """One prerequisite, and whether this host has it."""

    name: str
    present: bool
    found: str
    """What was found, such as a version; or why it is missing."""
    advice: str = ""
    """What does not work without it, and what to do, in sentences; empty if it is present."""
    required: bool = True
    """Whether it is required; without the others, only some features do not work."""

    @property
    def state(self) -> str:
        """Return its state as the one word that the list shows."""
        if self.present:
            return "ok"
        return "missing" if self.required else "optional"


def judge(name: str, present: str, problem: str, advice: str, required: bool = True) -> Finding:
    """Return the finding for NAME: its state is PRESENT, unless there is a PROBLEM."""
    return Finding(name, not problem, problem or present, advice if problem else "", required)


def version(text: str) -> Tuple[int, ...]:
    """Return the numbers of the first version in TEXT; empty if there is none."""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def dotted(numbers: Tuple[int, ...]) -> str:
    """Return NUMBERS in the form of a version, separated by dots."""
    return ".".join(map(str, numbers))
