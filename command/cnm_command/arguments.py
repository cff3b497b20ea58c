# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line."""

from __future__ import annotations

import argparse
from typing import Any, Sequence

from . import VERSION
from .filters import KEYS

_PLURAL = {"network": "networks", "sandbox": "sandboxes", "endpoint": "endpoints"}


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the options in ARGV; ``action`` is what is to be done.

    :raises SystemExit: after the help or the version was printed, or with status 2 if ARGV makes no sense
    """
    parser = argparse.ArgumentParser(prog="cnm", description="The Container Network Model on this host.")
    parser.add_argument("--version", action="version", version=f"cnm {VERSION}")
    kinds = parser.add_subparsers(dest="kind", metavar="COMMAND", required=True)
    for kind, plural in _PLURAL.items():
        text = f"look at {plural}{', run programs in them' if kind == 'sandbox' else ''}"
        verbs = kinds.add_parser(kind, help=text, description=text).add_subparsers(
            dest="action", metavar="COMMAND", required=True
        )
        _add_list(verbs, kind, plural)
        inspect = verbs.add_parser("inspect", help=f"all that is known of {plural}, as JSON")
        inspect.add_argument("names", metavar="NAME", nargs="+", help="name, id or unique beginning of an id")
        if kind == "sandbox":
            execute = verbs.add_parser("exec", help="run a program with the network and the names of a sandbox")
            execute.add_argument("name", metavar="NAME", help="name, id or unique beginning of an id")
            execute.add_argument("program", metavar="COMMAND", help="the program")
            arguments = execute.add_argument(
                "arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="and its arguments"
            )
            # Else argparse says that they are required, too, where there is no command.
            arguments.required = False
    kinds.add_parser("restore", help="make everything again that the kernel has forgotten").set_defaults(
        action="restore"
    )
    text = "say what of the things that networks need this host has"
    check = kinds.add_parser("check", help=text, description=f"{text[0].upper()}{text[1:]}, and what to do.")
    check.set_defaults(action="check")
    check.add_argument("--format", choices=("table", "json"), default="table", help="json: one object")
    options = parser.parse_args(argv)
    if options.action == "exec":
        options.command = [options.program, *options.arguments]
    return options


def _add_list(verbs: Any, kind: str, plural: str) -> None:
    listing = verbs.add_parser("ls", aliases=["list"], help=f"list {plural}")
    listing.set_defaults(action="ls")
    listing.add_argument("-q", "--quiet", action="store_true", help="only ids")
    listing.add_argument("--no-trunc", action="store_true", help="whole ids")
    listing.add_argument(
        "-f",
        "--filter",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"only those that match; keys: {', '.join(KEYS[kind])}",
    )
    listing.add_argument("--format", choices=("table", "json"), default="table", help="json: an object a line")
