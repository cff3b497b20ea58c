# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plot of docs/performance.md: what one endpoint costs, by how many there are at once."""

from __future__ import annotations

import math
from pathlib import Path

import pygal
from peers import NAMES
from pygal.style import CleanStyle
from record import Key, Record


def draw(record: Record, path: Path) -> None:
    """Write the plot of RECORD to PATH."""
    sizes = sorted({key.size for key in record.keys("attach")})
    chart = pygal.Bar(
        title="Attach endpoints to one network: milliseconds each (wall time, median)",
        logarithmic=True,
        x_title="endpoints at once",
        style=CleanStyle,
        width=900,
        height=450,
        disable_xml_declaration=True,
        js=[],
        print_values=True,
        value_formatter=lambda value: f"{value:.1f}" if value else "",
    )
    chart.x_labels = [str(size) for size in sizes]
    for name in NAMES:
        costs = [record.median(Key("attach", "attach", size, name)) for size in sizes]
        if any(costs):
            chart.add(name, [_each(cost.wall, size) if cost else None for cost, size in zip(costs, sizes)])
    path.write_text(chart.render() + "\n", encoding="utf-8")


def _each(wall: float, size: int) -> float | None:
    return None if math.isnan(wall) else wall * 1000 / size
