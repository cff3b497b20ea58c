# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``doctor``: why one sandbox does not reach another, stop by stop on the way of a packet."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict

from _cnm.model.errors import printable

from ..access import controller
from ..check.finding import Finding
from ..inspection import as_json
from .ends import find_way
from .walk import walk


def show(options: Namespace) -> int:
    """Print each stop, up to the first that is wrong; return the exit status, 1 if one is.

    :raises Failure: if the ends are not known here
    """
    with controller(check=True) as core:
        way = find_way(core, options.source, options.target)
        for finding in walk(core, way, options.port):
            sys.stdout.write(_json(finding) if options.format == "json" else _text(finding))
            sys.stdout.flush()
            if not finding.present:
                return 1
    if options.format != "json":
        port = f", port {options.port}" if options.port else ""
        print(f"{way.source.name} reaches {way.target.name}{port}.")
    return 0


def _json(finding: Finding) -> str:
    shown = asdict(finding)
    return as_json({key: shown[key] for key in ("name", "present", "found", "advice")}) + "\n"


def _text(finding: Finding) -> str:
    line = f"{'ok' if finding.present else 'wrong':5}  {printable(finding.name)}: {printable(finding.found)}\n"
    return line if finding.present else f"{line}       {printable(finding.advice)}\n"
