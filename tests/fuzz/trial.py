# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tries values for some seconds, in batches that a seed can repeat."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

SHRINK = bool(os.environ.get("SHRINK"))
"""Whether to look for the simplest failing value, which may take minutes."""
AT_ONCE = 50
"""How many examples are drawn from one seed."""


def tried(
    drawn: st.SearchStrategy[Any], begin: int, seconds: float, body: Callable[[Any], None], at_least: int = 10
) -> int:
    """Try BODY with values DRAWN from the seeds BEGIN and later, for SECONDS and AT_LEAST so often; return how often.

    A seed always gives the same values, but the clock decides how many of them are tried.
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
