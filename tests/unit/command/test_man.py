# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manual page of the command is that of its command line."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Dict, Iterator, Tuple

from cnm_command.arguments import command_line

PAGE = Path(__file__).resolve().parents[3].joinpath("command", "man", "cnm.1").read_text().replace("\\-", "-")


def commands(parser: argparse.ArgumentParser) -> Iterator[Tuple[str, argparse.ArgumentParser]]:
    """Yield PARSER and the parsers of its commands, each with what is typed."""
    yield parser.prog, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in dict.fromkeys(action.choices.values()):
                yield from commands(each)


def test_it_has_each_command_with_each_option() -> None:
    sections: Dict[str, str] = {}
    for section in re.split(r"^\.SH[ \n]", PAGE, flags=re.MULTILINE):
        title, _line, text = section.partition("\n")
        named = re.search("'(.*)'", title)
        name = named[1] if named else ""
        sections[name] = sections.get(name, "") + text
    for name, parser in commands(command_line()):
        if name == "cnm":
            continue
        assert name in sections, f"make man: there is no command '{name}'"
        for action in parser._actions:
            for option in action.option_strings:
                if option not in ("-h", "--help"):
                    assert option in sections[name], f"make man: '{name}' has no option '{option}'"
