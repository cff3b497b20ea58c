# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``cnm doctor`` finds on the host of this process."""

from __future__ import annotations

import json
from typing import Any

import front_ends
import pytest

front_ends.use()

from cnm_command.main import main


class Doctor:
    """Runs the command in this process, which is faster than in another one."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    def __call__(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        """Return the exit status, and what was found at each stop."""
        self._captured.readouterr()
        status = main(["doctor", *arguments, "--format", "json"])
        output, errors = self._captured.readouterr()
        assert not errors
        return status, [json.loads(line) for line in output.splitlines()]
