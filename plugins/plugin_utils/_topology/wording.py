# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short messages about many hosts."""

from __future__ import annotations

import re
from typing import Dict, Iterable, List

_SHOWN = 10
_SAID = 100
_OF_A_HOST = re.compile(r"Host '([^']*)': (.*)", re.DOTALL)


def message(problems: Iterable[str]) -> str:
    """Return PROBLEMS as one readable message: common problems of several hosts once, and not too many."""
    hosts: Dict[str, List[str]] = {}
    for problem in dict.fromkeys(problems):
        match = _OF_A_HOST.match(problem)
        hosts.setdefault(match[2] if match else problem, []).extend([match[1]] if match else [])
    sentences = [f"{listed(names)}: {text}" if names else text for text, names in hosts.items()]
    rest = [f"There are {len(sentences) - _SAID} more problems."] if len(sentences) > _SAID else []
    return " ".join([*sentences[:_SAID], *rest])


def listed(hosts: List[str]) -> str:
    """Return HOSTS for a warning: the first few, and how many more there are."""
    names = ", ".join(f"'{host}'" for host in hosts[:_SHOWN])
    rest = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
    return f"Host{'s' if len(hosts) > 1 else ''} {names}{rest}"
