# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the command itself."""

from __future__ import annotations


class Failure(Exception):
    """Something failed; the text is a line for the user."""

    def __init__(self, text: str, status: int = 1) -> None:
        """Create the failure with TEXT; STATUS is the exit status of the command."""
        super().__init__(text)
        self.status = status
