# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a run is: of the command itself as messages, and of other processes as the output of ``progress``."""

from __future__ import annotations

import sys
from argparse import Namespace

from _cnm.model.errors import printable
from _cnm.progress import Progress
from _cnm.store import FOLDER
from _cnm.store.lock import at_work

_ON_TERMINAL, _IN_JOURNAL = 1.0, 10.0
"""Seconds between messages."""
_CLEAR = "\r\033[K"


class Messages:
    """Messages on standard error: on a terminal one line that changes, elsewhere a line for each."""

    def __init__(self, progress: Progress) -> None:
        """Show PROGRESS."""
        self._terminal = sys.stderr.isatty()
        self._shown = False
        progress.observe(self._show, _ON_TERMINAL if self._terminal else _IN_JOURNAL)

    def _show(self, text: str) -> None:
        if not self._terminal:
            print(f"cnm {text}", file=sys.stderr, flush=True)
            return
        self._shown = True
        print(f"{_CLEAR}cnm {text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the line from the terminal, before something else is printed."""
        if self._shown:
            self._shown = False
            print(_CLEAR, end="", file=sys.stderr, flush=True)


def show(_options: Namespace) -> int:
    """Print which run is at work on this host, and how far it is; return the exit status."""
    print(printable(at_work(FOLDER)) or "No run is at work.")
    return 0
