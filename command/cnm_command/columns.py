# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables as Docker prints them."""

from __future__ import annotations

from typing import List, Sequence

_LEAST_WIDTH = 10
_GAP = 3
"""Docker's command line passes these two values to Go's text/tabwriter."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return HEADER and ROWS in columns, the last of which is not padded."""
    lines = [header, *rows]
    widths = [max(_LEAST_WIDTH, _GAP + max(map(len, column))) for column in zip(*lines)]
    return "".join(_line(cells, widths) for cells in lines)


def _line(cells: Sequence[str], widths: List[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells[:-1], widths)]
    return "".join([*padded, cells[-1]]) + "\n"
