# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn, Sequence

from _cnm.model.suggestions import did_you_mean

from . import VERSION
from .changing_arguments import SAME, add_endpoint, add_network, add_sandbox
from .filters import KEYS

FORMATS = ("svg", "html", "dot", "json")
"""Of a picture."""
_BAD_OPTION, _BAD_ARGUMENT = 125, 1
"""Docker's exit statuses for an invalid option, and for arguments that are missing or too many."""
_UNKNOWN = "unknown option"
_PLURAL = {"network": "networks", "sandbox": "sandboxes", "endpoint": "endpoints"}
_TEXTS = {
    "network": "show and change networks",
    "sandbox": "show and change sandboxes, and run programs in them",
    "endpoint": "show and change endpoints",
}


class _Parser(argparse.ArgumentParser):
    """A parser that takes whole options only, and ends with Docker's exit statuses."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        about_option = message.startswith(("argument -", _UNKNOWN))
        self.exit(_BAD_OPTION if about_option else _BAD_ARGUMENT, f"{self.prog}: error: {message}\n")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the options in ARGV; ``action`` is the function to call.

    :raises SystemExit: after printing the help or the version, or if ARGV is not valid
    """
    top = command_line()
    options, rest = top.parse_known_args(argv)
    if not rest and getattr(options, "action", None) is None:
        # As in Docker, a command of which only the beginning is given lists what there is.
        getattr(options, "parser", top).print_help()
        raise SystemExit(0)
    if hasattr(options, "names") and not any(text.startswith("-") for text in rest):
        # What follows an option that stands among the names.
        options.names, rest = [*options.names, *rest], []
    if rest:
        _refuse(getattr(options, "parser", top), rest)
    if options.action == "exec":
        options.command = [options.program, *options.arguments]
    return options


def command_line() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = _Parser(prog="cnm", description="Shows, changes, restores and checks the container networks of this host.")
    parser.add_argument("--version", action="version", version=f"cnm {VERSION}")
    kinds = parser.add_subparsers(dest="kind", metavar="COMMAND")
    for kind, plural in _PLURAL.items():
        text = _TEXTS[kind]
        verbs = _described(kinds, kind, text).add_subparsers(dest="action", metavar="COMMAND")
        _add_list(verbs, kind, plural)
        inspect = _described(verbs, "inspect", f"show all details of {plural} as JSON")
        inspect.add_argument("names", metavar="NAME", nargs="+", help="name, id or unique prefix of an id")
        inspect.add_argument("-f", "--format", metavar="FORMAT", help="json, or a template such as '{{.Name}}'")
        if kind == "network":
            inspect.add_argument("-v", "--verbose", action="store_true", help=SAME)
            add_network(verbs, _described)
        if kind == "endpoint":
            add_endpoint(verbs, _described)
        if kind == "sandbox":
            add_sandbox(verbs, _described)
            execute = _described(
                verbs,
                "exec",
                "run a program with the network and the names of a sandbox",
                "The exit status is the program's; 127 if it was not found, 126 if it cannot be run, "
                "125 if cnm itself failed.",
            )
            execute.add_argument("name", metavar="NAME", help="name, id or unique prefix of an id")
            execute.add_argument("program", metavar="COMMAND", help="the program to run")
            arguments = execute.add_argument(
                "arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="the program's arguments"
            )
            # Otherwise argparse would also list them as required if there is no command.
            arguments.required = False
    restore = _described(
        kinds,
        "restore",
        "restore networks after a reboot",
        "Running it again is harmless. The exit status is 3 if objects were left out.",
    )
    restore.set_defaults(action="restore")
    check = _described(
        kinds,
        "check",
        "check the host's prerequisites",
        "The output says what to do about missing ones. The exit status is 1 if a required one is missing.",
    )
    check.set_defaults(action="check")
    check.add_argument("--format", choices=("table", "json"), default="table", help="json: one object")
    events = _described(
        kinds,
        "events",
        "show what changes, as it happens",
        "It ends when it is interrupted. A restart, and what a run repairs, are no changes.",
    )
    events.set_defaults(action="events")
    events.add_argument(
        "-f",
        "--filter",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="show only matching events; type: network, sandbox, endpoint; event: create, connect and so on; network, "
        "sandbox: the name or id of one",
    )
    events.add_argument(
        "--format",
        metavar="FORMAT",
        default="text",
        help="text; json: one object per line; or a template such as '{{.Action}}'",
    )
    progress = _described(kinds, "progress", "show how far a run is", "It may be that of a task of Ansible.")
    progress.set_defaults(action="progress")
    doctor = _described(
        kinds,
        "doctor",
        "say why a sandbox does not reach another one",
        "Each line is a stop on the way of a packet. After the first that is wrong, it says what to do. "
        "The exit status is 0 if the target is reached, otherwise 1.",
    )
    doctor.set_defaults(action="doctor")
    doctor.add_argument("source", metavar="A", help="a sandbox: name, id, or address")
    doctor.add_argument("target", metavar="B", help="a sandbox, here or on another host of the network; or any address")
    doctor.add_argument("port", metavar="PORT", nargs="?", type=_port, help="a TCP port of B that has to answer")
    doctor.add_argument("--format", choices=("text", "json"), default="text", help="json: one object per line")
    _add_graph(kinds)
    serve = _described(
        kinds,
        "serve",
        "serve container engines, and tell other hosts of endpoints",
        "Plugins of engines find it at /run/cnm/engines.sock. Without options, it takes the sockets of systemd.",
    )
    serve.set_defaults(action="serve")
    serve.add_argument("--engines", metavar="PATH", help="listen for the plugins of engines on the socket PATH")
    serve.add_argument("--docker", metavar="PATH", help="listen for Docker on the socket PATH")
    serve.add_argument(
        "--docker-api",
        metavar="PATH",
        default="/var/run/docker.sock",
        help="the socket of Docker, which tells the names of containers (default: %(default)s)",
    )
    serve.add_argument(
        "--etcd",
        metavar="PATH",
        help="tell other hosts of endpoints, and learn of theirs, through the etcd that the file PATH describes; for "
        "overlays with cnm.overlay.control or cnm.overlay.names: etcd",
    )
    serve.add_argument(
        "--metrics",
        metavar="WHERE",
        help="answer Prometheus on the socket with the path WHERE, or at a loopback address and port such as "
        "127.0.0.1:9469",
    )
    forget = _described(
        kinds,
        "forget",
        "remove from etcd what a host has there that is gone for good",
        "Its slices and addresses become free. Run it on any other host.",
    )
    forget.set_defaults(action="forget")
    forget.add_argument(
        "host", metavar="HOST", help="its name there: the address of its VTEP, or 'host' of its settings"
    )
    return parser


def _add_graph(kinds: Any) -> None:
    graph = _described(
        kinds,
        "graph",
        "draw networks and what is on them",
        "Without FILE, it draws this host. The picture is printed, unless --into is given.",
    )
    graph.set_defaults(action="graph")
    graph.add_argument(
        "files", metavar="FILE", nargs="*", help="what --format json printed on a host; - for the standard input"
    )
    graph.add_argument(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        help="html: a page with search; dot: for Graphviz; json: what is drawn, to be used as FILE (default: svg)",
    )
    graph.add_argument("--into", metavar="FOLDER", help="write picture.svg and the other formats to FOLDER")
    graph.add_argument("--dry-run", action="store_true", help="with --into, only print which files would change")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 16:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port from 1 to 65535")
    return int(text)


def _described(parsers: Any, name: str, text: str, more: str = "", **options: Any) -> argparse.ArgumentParser:
    """Add the command NAME to PARSERS. Its own help begins with TEXT as a sentence, followed by MORE."""
    sentence = f"{text[0].upper()}{text[1:]}."
    parser: argparse.ArgumentParser = parsers.add_parser(
        name, help=text, description=f"{sentence} {more}".strip(), **options
    )
    parser.set_defaults(parser=parser)
    return parser


def _refuse(parser: argparse.ArgumentParser, unknown: Sequence[str]) -> NoReturn:
    """End with the usage of PARSER. After an unknown option, its value may be among what is UNKNOWN."""
    option = next((text.partition("=")[0] for text in unknown if text.startswith("-")), None)
    if option is None:
        parser.error(f"too many arguments: {' '.join(unknown)}")
    options = [each for action in parser._actions for each in action.option_strings]
    parser.error(f"{_UNKNOWN} '{option}'{did_you_mean(option, options)}")


def _add_list(verbs: Any, kind: str, plural: str) -> None:
    listing = _described(verbs, "ls", f"list {plural}", aliases=["list"])
    listing.set_defaults(action="ls")
    listing.add_argument("-q", "--quiet", action="store_true", help="show only ids")
    listing.add_argument("--no-trunc", action="store_true", help="do not shorten ids")
    listing.add_argument(
        "-f",
        "--filter",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"show only matching {plural}; keys: {', '.join(KEYS[kind])}",
    )
    listing.add_argument(
        "--format",
        metavar="FORMAT",
        default="table",
        help="table; json: one object per line; or a template such as '{{.Name}}' or 'table {{.ID}}\\t{{.Name}}'",
    )
