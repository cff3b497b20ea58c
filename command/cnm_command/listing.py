# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``ls``: the objects of a kind, one per line."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from . import rows
from .access import controller
from .columns import table
from .filters import keep
from .inspection import as_json

_ROWS: Mapping[str, Callable[[Mapping[str, Any]], Dict[str, str]]]
_ROWS = {"network": rows.network, "sandbox": rows.sandbox, "endpoint": rows.endpoint}


def show(options: Namespace) -> int:
    """Print the objects that OPTIONS ask for; return the exit status."""
    wanted = keep(options.kind, options.filter)
    with controller(check=True) as core:
        objects = core.describe(options.kind, wanted)
    for shown in objects:
        shown["Id"] = shown["Id"] if options.no_trunc else shown["Id"][: rows.SHORT_ID]
    if options.quiet:
        text = "".join(f"{shown['Id']}\n" for shown in objects)
    elif options.format == "table":
        header = list(_ROWS[options.kind](_Blank()))
        width = None if options.no_trunc else _width()
        text = table(header, [list(_ROWS[options.kind](shown).values()) for shown in objects], width)
    else:
        shape = rows.network_json if options.kind == "network" else dict
        text = _formatted(options.format, options.kind, [shape(shown) for shown in objects])
    sys.stdout.write(text)
    return 0


def _width() -> Optional[int]:
    """Return how many characters a line of the output may have: those of a terminal; anything else takes all."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None


def _formatted(format_: str, kind: str, objects: Sequence[Mapping[str, Any]]) -> str:
    """Return OBJECTS in the format that FORMAT_ names or describes."""
    if format_ == "json":
        return "".join(f"{as_json(shown)}\n" for shown in objects)
    # The usual formats start faster without it.
    from .template import Template

    word, _space, columns = format_.partition(" ")
    template = Template(columns if word == "table" else format_)
    # Docker's name of the field in lists. In JSON, it is that of inspect.
    lines = [template.write({"ID": shown.get("Id"), **shown}) for shown in objects]
    if word != "table":
        return "".join(f"{line}\n" for line in lines)
    header = {field: f"{kind} ID".upper() if field == "ID" else field.upper() for field in template.fields}
    return table(template.write(header).split("\t"), [line.split("\t") for line in lines])


class _Blank(Dict[str, Any]):
    """An object without values, for a list that has only headings."""

    def __missing__(self, key: str) -> Any:
        return {} if key in ("Networks", "Ports") else ""
