# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``graph``: a picture of the networks of this host, or of several."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from typing import Any, Callable, List, Mapping, Sequence

from ..access import controller
from ..arguments import FORMATS
from ..errors import Failure
from ..inspection import as_json
from . import dot
from .graphviz import as_svg
from .page import page
from .reading import Told, hosts_of
from .writing import write


def show(options: Namespace) -> int:
    """Print the picture, or write it to files and print the names of those that change; return the exit status.

    :raises Failure: if a file cannot be read or written, or if Graphviz is missing
    """
    told = [host for path in options.files for host in _read(path)] if options.files else [_here()]
    if options.into is None:
        sys.stdout.write(_drawn(told, [options.format])[0])
    else:
        texts = zip(FORMATS, _drawn(told, FORMATS))
        for path in write({f"picture.{format_}": text for format_, text in texts}, options.into, options.dry_run):
            print(path)
    return 0


def _drawn(told: Sequence[Told], formats: Sequence[str]) -> List[str]:
    """Return the picture of the hosts in TOLD in each of FORMATS."""
    hosts = hosts_of(told)
    graph = dot.graph(hosts)
    svg = as_svg(graph) if {"svg", "html"} & set(formats) else ""
    forms: Mapping[str, Callable[[], str]] = {
        "svg": lambda: svg,
        "html": lambda: page(hosts, svg),
        "dot": lambda: graph,
        "json": lambda: as_json(told, indent=2) + "\n",
    }
    return [forms[format_]() for format_ in formats]


def _here() -> Told:
    with controller(check=True) as core:
        networks, sandboxes, endpoints = (
            core.describe(kind, lambda _store, _item: True) for kind in ("network", "sandbox", "endpoint")
        )
    return {"host": os.uname().nodename, "networks": networks, "sandboxes": sandboxes, "endpoints": endpoints}


def _read(path: str) -> List[Any]:
    """Return the hosts in the file PATH, or in the standard input if it is ``-``."""
    try:
        if path == "-":
            told = json.load(sys.stdin)
        else:
            with open(path, encoding="utf-8") as file:
                told = json.load(file)
    except OSError as error:
        raise Failure(f"'{path}' cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Failure(f"'{path}' is not JSON: {error}.") from error
    if not isinstance(told, list):
        raise Failure(f"'{path}' is not a list of hosts, as 'cnm graph --format json' writes it.")
    return told
