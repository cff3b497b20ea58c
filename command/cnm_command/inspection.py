# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``inspect``: all details of some objects, as JSON."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from typing import Any, Dict, List, Mapping, Optional, Sequence

from _cnm.model.errors import printable

from .access import controller
from .errors import Failure

_BAD_TEMPLATE = 64
"""Docker's exit status."""


def show(options: Namespace) -> int:
    """Print the objects that OPTIONS name; return the exit status, 1 if one of them does not exist.

    :raises Failure: if the format is not valid
    """
    template = None
    if options.format:
        from .template import Template

        try:
            template = Template("{{json .}}" if options.format == "json" else options.format)
        except Failure as error:
            raise Failure(str(error), _BAD_TEMPLATE) from error
    with controller(check=True) as core:
        everything = core.describe(options.kind, lambda _store, _item: True)
    matching: List[Mapping[str, Any]] = []
    complaints = []
    for reference in options.names:
        try:
            matching += [shown for shown in find(options.kind, everything, reference) if shown not in matching]
        except Failure as failure:
            complaints.append(str(failure))
    if template is not None:
        sys.stdout.write("".join(f"{template.write(shown)}\n" for shown in matching))
    else:
        sys.stdout.write(as_json(matching, indent=4) + "\n")
    for complaint in complaints:
        print(printable(complaint), file=sys.stderr)
    return 1 if complaints else 0


def as_json(value: object, indent: Optional[int] = None, compact: bool = False) -> str:
    """Return VALUE as readable JSON: letters stay as they are, and control characters, as in labels, are escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, separators=(",", ":") if compact else None)
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)


def find(kind: str, everything: Sequence[Dict[str, Any]], reference: str) -> Sequence[Dict[str, Any]]:
    """Return the objects in EVERYTHING with REFERENCE as their name, their id or the beginning of their id.

    The name of an endpoint matches on every network; ``name.network`` matches on one.

    :raises Failure: if there is none, or if several ids begin with it
    """
    for matches in (
        [shown for shown in everything if reference in (shown["Name"], shown["Id"])],
        [shown for shown in everything if reference == f"{shown['Name']}.{shown.get('Network')}"],
    ):
        if matches:
            return matches
    matches = [shown for shown in everything if reference and shown["Id"].startswith(reference)]
    if len(matches) > 1:
        names = ", ".join(f"'{shown['Name']}'" for shown in matches)
        raise Failure(f"{kind} {reference} is ambiguous: it is the beginning of the ids of {names}")
    if not matches:
        raise Failure(f"{kind} {reference} not found")
    return matches
