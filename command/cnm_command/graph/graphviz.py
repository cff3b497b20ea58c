# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Graphviz, which chooses where everything is."""

from __future__ import annotations

from ..access import run_program
from ..errors import Failure


def as_svg(graph: str) -> str:
    """Return GRAPH, which is in the language DOT, as SVG.

    :raises Failure: if Graphviz is missing, or refuses the graph
    """
    status, svg, errors = run_program(["dot", "-Tsvg"], graph)
    if status == 127:
        raise Failure("the program 'dot' is missing. Install the package graphviz, or use: --format dot")
    if status != 0:
        raise Failure(f"dot failed: {errors.strip() or f'exit status {status}'}")
    return svg
