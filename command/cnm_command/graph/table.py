# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table that stands for a host, in Graphviz's kind of HTML."""

from __future__ import annotations

import math
from html import escape
from typing import Iterator, Mapping, Sequence

from _cnm.model.errors import printable

from .fleet import Host, Row

TABLE = 'BORDER="0" CELLBORDER="0" CELLSPACING="0"'
_LOCAL = "#57606a"
_BACKGROUNDS = {"lost": "#ffc9c4", "stopped": "#d8dee4", "left": "#d8dee4"}
"""Of rows, by state."""
_UNDIVIDED = 10
"""The number of rows up to which there is one column."""


def host_table(host: Host, colours: Mapping[str, str], numbers: Iterator[int]) -> str:
    """Return the table of HOST.

    :param colours: of the networks that span hosts, by their ids
    :param numbers: one for each endpoint, taken in turn
    """
    name = host.name if host.asked else f"{host.name} (not asked)"
    parts = [_heading("#24292f" if host.asked else "#8c959f", name, size=14)]
    for network in host.networks:
        about = "" if network.spans else ", ".join(network.about)
        parts.append(_heading(colours.get(network.id, _LOCAL), network.name, about))
        parts += _rows(network.rows, numbers)
    if host.alone:
        parts += [_heading(_LOCAL, "no network"), *_rows(host.alone, numbers)]
    lines = "".join(f"<TR>{part}</TR>" for part in parts)
    return f'<TABLE BORDER="1" COLOR="#8c959f" CELLBORDER="0" CELLSPACING="0" BGCOLOR="#ffffff">{lines}</TABLE>'


def text_of(text: str) -> str:
    """Return TEXT as it is written in a label. Graphviz reads labels as XML, which has no control characters."""
    return escape(printable(text))


def _heading(colour: str, name: str, about: str = "", size: int = 10) -> str:
    content = f"<B>{text_of(name)}</B>" + (f"&#160; {text_of(about)}" if about else "")
    font = f'<FONT COLOR="#ffffff" POINT-SIZE="{size}">{content}</FONT>'
    return f'<TD ALIGN="LEFT" CELLPADDING="3" BGCOLOR="{colour}">{font}</TD>'


def _rows(rows: Sequence[Row], numbers: Iterator[int]) -> Iterator[str]:
    """Yield ROWS as one cell, in as many columns as keep it from being much higher than wide; nothing without rows."""
    if not rows:
        return
    height = max(_UNDIVIDED, math.ceil(2 * math.sqrt(len(rows))))
    cells = [_cells(row, number) for row, number in zip(rows, numbers)]
    gap = '<TD WIDTH="10"></TD>'
    lines = "".join(f"<TR>{gap.join(cells[line::height])}</TR>" for line in range(min(height, len(cells))))
    yield f'<TD ALIGN="LEFT"><TABLE {TABLE} CELLPADDING="2">{lines}</TABLE></TD>'


def _cells(row: Row, number: int) -> str:
    name = row.name if row.state == "running" else f"{row.name} ({row.state})"
    background = f'BGCOLOR="{_BACKGROUNDS.get(row.state, "#ffffff")}"'
    # Only a cell that leads somewhere keeps its id and its tooltip in an SVG. This address is the picture itself.
    link = f'HREF="#" TOOLTIP="{_tooltip(row)}"'
    cells = []
    for part, texts in enumerate(([name], row.addresses, row.ports)):
        about = f' ID="r{number}.{part}" {link}' if texts else ""
        cells.append(f'<TD ALIGN="LEFT" {background}{about}>{"<BR/>".join(map(text_of, texts))}</TD>')
    return "".join(cells)


def _tooltip(row: Row) -> str:
    """Return what is shown when the mouse is on ROW. In tooltips, Graphviz replaces sequences such as backslash N."""
    lines = [f"{heading}: {text}" for heading, text in row.details] or [row.name]
    return "&#10;".join(text_of(line).replace("\\", "\\\\") for line in lines)
