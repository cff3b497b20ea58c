# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command says about a command line that is not valid."""

from __future__ import annotations

import pytest
from cnm_command.arguments import parse


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "network create --subnt 10.1.0.0/24 web",
            "network create: error: unknown option '--subnt'; did you mean '--subnet'?",
        ),
        ("graph --formt=svg", "graph: error: unknown option '--formt'; did you mean '--format'?"),
        ("network ls --everything", "network ls: error: unknown option '--everything'"),
        ("network ls web", "network ls: error: too many arguments: web"),
    ],
)
def test_it_names_the_unknown_option_and_shows_the_usage_of_the_command(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(line.split())
    shown = capsys.readouterr().err
    command = said.partition(":")[0]
    assert shown.startswith(f"usage: cnm {command} [-h]")
    assert shown.splitlines()[-1] == f"cnm {said}"


def test_the_arguments_of_a_program_are_its_own() -> None:
    assert parse(["sandbox", "exec", "web", "ls", "--everything"]).command == ["ls", "--everything"]
