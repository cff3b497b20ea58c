# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``check``: checks the host's prerequisites, and says what to do about missing ones."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from typing import List, Sequence

from ..access import require_root
from ..columns import table
from . import host, installed, trials
from .finding import Finding


def show(options: Namespace) -> int:
    """Print the findings; return the exit status, 1 if a required prerequisite is missing.

    :raises Failure: without root
    """
    require_root()
    # The trials come last, because they move the process out of the host's namespaces.
    results = [*installed.findings(), *host.findings(), *trials.findings()]
    usable = all(finding.present for finding in results if finding.required)
    sys.stdout.write(_json(results, usable) if options.format == "json" else _text(results, usable))
    return 0 if usable else 1


def _json(results: Sequence[Finding], usable: bool) -> str:
    findings = [
        {
            "name": finding.name,
            "state": finding.state,
            "required": finding.required,
            "found": finding.found,
            "advice": finding.advice,
        }
        for finding in results
    ]
    return json.dumps({"usable": usable, "findings": findings}, indent=4, ensure_ascii=False) + "\n"


def _text(results: Sequence[Finding], usable: bool) -> str:
    parts: List[str] = [table(["NAME", "STATE", "FOUND"], [[one.name, one.state, one.found] for one in results])]
    for state, heading in (("missing", "Required:"), ("optional", "Optional:")):
        lines = [f"  {one.name}: {one.advice}\n" for one in results if one.state == state]
        if lines:
            parts += [f"\n{heading}\n", *lines]
    if usable:
        parts.append("\nNetworks work on this host.\n")
    return "".join(parts)
