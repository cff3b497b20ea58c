# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The differences that a run returns."""

from __future__ import annotations

from typing import Any, List, Mapping, Tuple


def lines(difference: Mapping[str, Any]) -> Tuple[List[str], List[str]]:
    """Return the lines of DIFFERENCE, whose states are text, before and after."""
    before, after = (list(filter(None, difference[side].splitlines())) for side in ("before", "after"))
    return before, after


def changed_lines(difference: Mapping[str, Any]) -> str:
    """Return what DIFFERENCE adds to the host and removes from it, a line each. Objects of the store add no lines."""
    if not isinstance(difference["after"], str):
        return ""
    before, after = lines(difference)
    if difference["after_header"] != "host":
        return f"{'+' if after else '-'} file {difference['after_header']}\n"
    gone = [f"- {line}\n" for line in before if line not in after]
    return "".join([*gone, *(f"+ {line}\n" for line in after if line not in before)])
