# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that Docker calls otherwise."""

from __future__ import annotations

from typing import Any, Dict, Mapping


def renamed(options: Mapping[str, Any], names: Mapping[str, str]) -> Dict[str, Any]:
    """Return those of OPTIONS that are among NAMES and have a value, by our names."""
    return {ours: options[theirs] for theirs, ours in names.items() if options.get(theirs)}
