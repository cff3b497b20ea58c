# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nft in the service answers as the program does."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Optional

import pytest
from engine import COMMAND
from service import PACKAGES
from stand_in import Host
from tasks import Tasks

NFT = shutil.which("nft", path="/usr/sbin:/sbin")
Run = Callable[[list[str], Optional[str]], tuple[int, str, str]]

LIBRARY = PACKAGES / "nftables"
pytestmark = pytest.mark.skipif(not LIBRARY.exists(), reason="the library is needed: apt install python3-nftables")


@pytest.fixture()
def ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tasks: Tasks) -> Iterator[tuple[Run, Run]]:
    """How the service runs nft, where the program cannot be run, and how the command does."""
    (tmp_path / "nftables").symlink_to(LIBRARY)
    for folder in (tmp_path, COMMAND, COMMAND.parent / "plugins" / "module_utils"):
        monkeypatch.syspath_prepend(folder)
    from cnm_command.access import run_program
    from cnm_service import nft

    def unexpected(command: list[str], text: str | None) -> tuple[int, str, str]:
        raise AssertionError(f"{command} was run as a program")

    nft._library.cache_clear()
    monkeypatch.setattr(nft, "run_program", unexpected)
    tasks.sandbox("web", "n", published_ports=[{"container_port": 80, "host_port": 8080}])
    yield nft.run, run_program
    nft._library.cache_clear()


@pytest.mark.parametrize(
    "words",
    (
        "-j list table inet cnm",
        "-j -t list table inet cnm",
        "-s list table inet cnm",
        "-j list chains",
        "-j list tables ip",
        "-j list table inet absent",
        "delete table inet absent",
        "list nonsense",
    ),
)
def test_it_lists_what_the_program_lists(ways: tuple[Run, Run], words: str) -> None:
    (library, output, errors), (program, expected, reasons) = (run([NFT, *words.split()], None) for run in ways)
    assert library == program
    assert json.loads(output) == json.loads(expected) if words.startswith("-j") and output else output == expected
    assert re.findall(r"Error: .*", errors) == re.findall(r"Error: .*", reasons)


def test_it_changes_all_or_nothing(ways: tuple[Run, Run], tasks: Tasks) -> None:
    in_service, _program = ways

    def ports() -> list[str]:
        listed = tasks.host.out(["nft", "list", "map", "inet", "cnm", "published4"])
        return sorted(re.findall(r"\d+(?= \. tcp)", listed))

    port = "add element inet cnm published4 {{ {} . tcp . 0.0.0.0/0 . 0.0.0.0/0 : 10.1.0.2 . 80 }}\n"
    assert in_service([NFT, "-f", "-"], port.format(81)) == (0, "", "")
    assert ports() == ["8080", "81"]
    status, _output, errors = in_service([NFT, "-f", "-"], port.format(82) + port.format("nonsense"))
    assert status == 1 and "Error" in errors
    assert ports() == ["8080", "81"]


def test_other_programs_and_options_are_run(ways: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    from cnm_service import nft

    monkeypatch.setattr(nft, "run_program", lambda command, text: (0, " ".join(command), text or ""))
    for command in (["iptables", "-S"], [NFT, "--version"], [NFT, "-a", "list", "tables"]):
        assert nft.run(command, None) == (0, " ".join(command), "")
