# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a run is, as people see it."""

from __future__ import annotations

import io
import sys
import time
from typing import List

import pytest
from _cnm.progress import Progress
from cnm_command.progress import Messages


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture()
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the process."""
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    return made


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_a_short_run_says_nothing_and_a_long_one_not_too_often(clock: Clock) -> None:
    progress = Progress()
    often: List[str] = []
    seldom: List[str] = []
    progress.observe(often.append, 1.0)
    progress.observe(seldom.append, 5.0)
    progress.begin("changes the host", 24)
    for _part in range(24):
        assert bool(often) == (clock.now >= 1001)
        clock.now += 0.25
        progress.add()
    assert often == [f"changes the host: {done} of 24" for done in (4, 8, 12, 16, 20, 24)]
    assert seldom == ["changes the host: 20 of 24"]


def test_a_terminal_has_one_line_which_goes(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress()
    messages = Messages(progress)
    messages.clear()
    assert terminal.getvalue() == ""
    progress.begin("reads the host", 9)
    clock.now += 2
    progress.reach(3)
    messages.clear()
    messages.clear()
    assert terminal.getvalue() == "\r\033[Kcnm reads the host: 3 of 9\r\033[K"


def test_a_journal_has_a_line_every_ten_seconds(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", journal)
    progress = Progress()
    messages = Messages(progress)
    progress.begin("reads the host", 40)
    for _second in range(25):
        clock.now += 1
        progress.add()
    messages.clear()
    assert journal.getvalue() == "cnm reads the host: 10 of 40\ncnm reads the host: 20 of 40\n"
