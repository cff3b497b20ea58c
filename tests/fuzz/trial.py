# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trying values for some seconds, in portions that can each be had again by a seed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

SHRINK = bool(os.environ.get("SHRINK"))
"""Whether to look for the simplest value that fails, which may take minutes."""
AT_ONCE = 50
"""Examples that are drawn by one seed."""


def tried(
    drawn: st.SearchStrategy[Any], begin: int, seconds: float, body: Callable[[Any], None], at_least: int = 10
) -> int:
    """Try BODY with what is DRAWN by the seeds from BEGIN on, for SECONDS, AT_LEAST that often; return how often.

    A seed has the same values each time, but the clock says how many of them are tried.
    """
    deadline = time.monotonic() + seconds
    number, failed, count = begin, False, 0
    while time.monotonic() < deadline or count < at_least:

        @seed(number)
        @settings(
            max_examples=AT_ONCE,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink] if SHRINK else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(drawn)
        def attempt(value: Any) -> None:
            nonlocal count, failed
            if time.monotonic() > deadline and count >= at_least and not failed:
                return
            count += 1
            try:
                body(value)
            except BaseException:
                failed = True
                raise

        try:
            attempt()
        except BaseException:
            print(f"Again: --hypothesis-seed={number}")
            raise
        number += 1
    return count
