# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables as Docker prints them."""

from __future__ import annotations

from typing import List, Optional, Sequence

_LEAST_WIDTH = 10
_GAP = 3
"""Docker's command line passes these two values to Go's text/tabwriter."""


_WHOLE = 2
"""The first columns, ids and names, are never shortened."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]], width: Optional[int] = None) -> str:
    """Return HEADER and ROWS in columns, the last of which is not padded.

    :param width: how long a line may be; the longest cells are shortened. If None, nothing is
    """
    lines = [header, *rows]
    contents = [max(map(len, column)) for column in zip(*lines)]
    if width is not None:
        _narrow(contents, width)
        lines = [[_shortened(cell, most) for cell, most in zip(cells, contents)] for cells in lines]
    widths = [max(_LEAST_WIDTH, _GAP + content) for content in contents]
    return "".join(_line(cells, widths) for cells in lines)


def _narrow(contents: List[int], width: int) -> None:
    """Reduce CONTENTS, the lengths of the longest cells of columns, until a line has at most WIDTH characters."""
    while sum(max(_LEAST_WIDTH, _GAP + content) for content in contents[:-1]) + contents[-1] > width:
        longest = max(range(_WHOLE, len(contents)), key=contents.__getitem__)
        if contents[longest] < _LEAST_WIDTH:
            break
        contents[longest] -= 1


def _shortened(cell: str, most: int) -> str:
    return cell if len(cell) <= most else f"{cell[: most - 1]}…"


def _line(cells: Sequence[str], widths: List[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells[:-1], widths)]
    return "".join([*padded, cells[-1]]) + "\n"
