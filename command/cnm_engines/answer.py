# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plugin answers."""

from __future__ import annotations

import json
from typing import Any, Mapping, NamedTuple, Optional


class Answer(NamedTuple):
    """The answer to a request."""

    status: int
    """The exit status."""
    output: str
    """Standard output: JSON, or nothing."""
    bug: Optional[Exception] = None
    """An exception that nobody foresaw."""


def as_json(value: Mapping[str, Any]) -> str:
    """Return VALUE as a line of JSON."""
    return json.dumps(value) + "\n"
