# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command says about a command line that is not valid."""

from __future__ import annotations

import pytest
from cnm_command.arguments import parse


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        (
            "network create --subnt 10.1.0.0/24 web",
            125,
            "network create: error: unknown option '--subnt'; did you mean '--subnet'?",
        ),
        (
            "network create --sub 10.1.0.0/24 web",
            125,
            "network create: error: unknown option '--sub'; did you mean '--subnet'?",
        ),
        ("graph --formt=svg", 125, "graph: error: unknown option '--formt'; did you mean '--format'?"),
        ("network ls --everything", 125, "network ls: error: unknown option '--everything'"),
        ("network inspect web --everything web", 125, "network inspect: error: unknown option '--everything'"),
        (
            "network connect --gw-priority x web one",
            125,
            "network connect: error: argument --gw-priority: invalid int value: 'x'",
        ),
        ("network ls web", 1, "network ls: error: too many arguments: web"),
        ("network create", 1, "network create: error: the following arguments are required: NETWORK"),
    ],
)
def test_it_names_what_is_wrong_shows_the_usage_of_the_command_and_has_docker_s_exit_status(
    line: str, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=f"^{status}$"):
        parse(line.split())
    shown = capsys.readouterr().err
    command = said.partition(":")[0]
    assert shown.startswith(f"usage: cnm {command} [-h]")
    assert shown.splitlines()[-1] == f"cnm {said}"


@pytest.mark.parametrize(("line", "shown"), [("", "cnm"), ("network", "cnm network")])
def test_the_beginning_of_a_command_lists_what_there_is(
    line: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="^0$"):
        parse(line.split())
    assert capsys.readouterr().out.startswith(f"usage: {shown} [-h]")


def test_an_option_may_stand_among_names() -> None:
    options = parse(["network", "rm", "web", "--force", "myapp"])
    assert (options.names, options.force) == (["web", "myapp"], True)


def test_the_arguments_of_a_program_are_its_own() -> None:
    assert parse(["sandbox", "exec", "web", "ls", "--everything"]).command == ["ls", "--everything"]
