# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture as one page, which shows on what the mouse is and finds what is searched for. It loads nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any, Dict, List, Sequence, Tuple

from .fleet import Host, places


def page(hosts: Sequence[Host], svg: str) -> str:
    """Return the page with SVG, the picture of HOSTS."""
    # What is before it belongs to a file of its own.
    picture = svg[svg.index("<svg") :]
    # In a script, HTML knows no escapes. It ends at the first "</script", whatever is around it.
    facts = json.dumps(_facts(hosts)).replace("<", "\\u003c")
    return Template(_file("page.html")).substitute(
        style=_file("page.css"), picture=picture, facts=facts, script=_file("page.js")
    )


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _facts(hosts: Sequence[Host]) -> List[Dict[str, Any]]:
    """Return what the page tells of each sandbox, on all of its networks, and the numbers of its rows."""
    found: Dict[Tuple[str, str], Dict[str, Any]] = {}
    for number, (host, network, row) in enumerate(places(hosts)):
        fact = found.setdefault(
            (host.name, row.name), {"name": row.name, "host": host.name, "rows": [], "addresses": [], "lines": []}
        )
        fact["rows"].append(number)
        fact["addresses"] += row.addresses
        lines = [
            ("state", "" if row.state == "running" else row.state),
            (network or "no network", ", ".join(row.addresses) or "no address"),
            ("ports", ", ".join(row.ports)),
            *row.details,
        ]
        fact["lines"] += [line for line in lines if line[1] and line not in fact["lines"]]
    return list(found.values())
