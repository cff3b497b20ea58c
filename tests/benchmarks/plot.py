# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plots in docs/performance.md and docs/scale.md."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pygal
from peers import NAMES
from pygal.style import Style
from record import Key, Record

_FONT = '"DejaVu Sans", Verdana, sans-serif'
_STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    foreground="#1f2328",
    foreground_strong="#1f2328",
    foreground_subtle="#57606a",
    colors=("#2da44e", "#218bff", "#bf8700", "#cf222e", "#8250df", "#6e7781"),
    opacity="1",
    guide_stroke_color="#d0d7de",
    guide_stroke_dasharray="none",
    major_guide_stroke_color="#d0d7de",
    major_guide_stroke_dasharray="none",
    font_family=_FONT,
    label_font_size=12,
    legend_font_size=12,
    major_label_font_size=12,
    title_font_size=15,
    value_font_size=9,
)
_DARK = """inline:@media (prefers-color-scheme: dark) {
  .pygal-chart .background { fill: #0d1117 !important; }
  .pygal-chart text { fill: #e6edf3 !important; }
  .pygal-chart .axis .line { stroke: #30363d !important; }
}"""
"""The colours of the other pictures in docs/images when the reader's page is dark."""
_LOOK = {
    "style": _STYLE,
    "css": ["file://style.css", "file://graph.css", _DARK],
    "width": 900,
    "height": 450,
    "margin": 12,
    "disable_xml_declaration": True,
    "legend_at_bottom": True,
}
_LEAST, _MOST = 0.5, 100.0
"""The ends of the axis in milliseconds, unless a figure needs more room."""


_NOT_MEASURED = "not measured"


def draw(record: Record, path: Path) -> None:
    """Write the plot of docs/performance.md to PATH: the time per endpoint, by the number attached at once."""
    sizes = sorted({key.size for key in record.keys("attach")})
    costs = {name: [record.median(Key("attach", "attach", size, name)) for size in sizes] for name in NAMES}
    figures = {
        name: [_each(cost.wall, size) if cost else None for cost, size in zip(by_size, sizes)]
        for name, by_size in costs.items()
    }
    known = [figure for values in figures.values() for figure in values if figure is not None]
    # At most half of the smallest figure, so that every figure has a bar.
    least, most = min([_LEAST, *(figure / 2 for figure in known)]), max([_MOST, *known])
    chart = pygal.Bar(
        title="Attach endpoints to one network (wall time, median)",
        logarithmic=True,
        range=(least, most),
        zero=least,
        x_title="endpoints attached at once",
        y_title="ms per endpoint (log scale)",
        **_LOOK,
        spacing=8,
        legend_at_bottom_columns=len(NAMES),
        print_values=True,
        print_values_position="top",
        value_formatter=lambda value: f"{value:.1f}" if value else "",
    )
    chart.add_xml_filter(_upright)
    chart.x_labels = [str(size) for size in sizes]
    marks = [each * 10**power for power in range(-2, 4) for each in (1, 2, 5)]
    chart.y_labels = [{"value": each, "label": f"{each:g}"} for each in marks if least <= each <= most]
    for name, values in figures.items():
        if any(values):
            chart.add(name, [{"value": least, "formatter": _no_figure} if each is None else each for each in values])
    _write(chart, path)


def draw_scale(record: Record, path: Path) -> None:
    """Write the plot of docs/scale.md to PATH: what one change costs, by the number of hosts."""
    sizes = sorted({key.size for key in record.keys("scale")})
    chart = pygal.XY(
        title="One endpoint more on one of N hosts with 20 endpoints each",
        logarithmic=True,
        xrange=(math.log10(sizes[0]), math.log10(sizes[-1])),
        x_title="hosts (log scale)",
        y_title="ms (log scale)",
        **_LOOK,
        margin_right=40,
        legend_at_bottom_columns=2,
        dots_size=4,
        value_formatter=lambda value: f"{value:g}",
        x_value_formatter=lambda value: f"{10**value:.0f}",
    )
    chart.x_labels = [math.log10(size) for size in sizes]
    chart.y_labels = [
        {"value": each * 10**power, "label": f"{each * 10**power:g}"} for power in range(4) for each in (1, 2, 5)
    ]
    for label, control, what, factor in _LINES:
        costs = [(size, record.median(Key("scale", what, size, control))) for size in sizes]
        chart.add(label, [(math.log10(size), cost.wall * factor) for size, cost in costs if cost])
    _write(chart, path)


_LINES = (
    ("etcd: until a name is known (p50)", "etcd", "change: known to the name server, p50, ms", 1),
    ("etcd: CPU of the member", "etcd", "change: CPU of etcd, ms", 1),
    ("etcd: CPU of each agent", "etcd", "change: CPU of the agent, ms", 1),
    ("inventory: CPU of each host", "inventory", "run with one endpoint more elsewhere: CPU, s", 1000),
)
"""The lines, each with the control, what was measured, and its factor to milliseconds."""


def _write(chart: Any, path: Path) -> None:
    chart.uuid = path.stem
    chart.add_xml_filter(_still)
    path.write_text(chart.render(is_unicode=True) + "\n", encoding="utf-8")


def _still(root: Any) -> Any:
    """Return the picture ROOT without scripts, and without comments, which contain the date."""
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag.endswith("script"):
                parent.remove(child)
    return root


def _no_figure(_least: float) -> str:
    return _NOT_MEASURED


def _upright(root: Any) -> Any:
    """Return the picture ROOT with the text for a missing bar turned upwards, in the place of the bar."""
    for text in root.iter("text"):
        if text.text == _NOT_MEASURED:
            text.set("transform", f"rotate(-90 {text.get('x')} {text.get('y')}) translate(3 3)")
            text.set("text-anchor", "start")
    return root


def _each(wall: float, size: int) -> float | None:
    return None if math.isnan(wall) else wall * 1000 / size
