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
