# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of requests, with the codes of the CNI specification (section 5, "Error")."""

from __future__ import annotations

from _cnm.model.errors import CnmError, InvalidInput, Locked
from cnm_command.errors import Failure

INCOMPATIBLE_VERSION = 1
UNSUPPORTED_FIELD = 2
UNKNOWN_CONTAINER = 3
INVALID_ENVIRONMENT = 4
INPUT_FAILED = 5
NOT_DECODED = 6
INVALID_CONFIGURATION = 7
INVALID_NAMESPACE = 8
"""Not in the specification; libcni has it for a CNI_NETNS that is the plugin's own namespace."""
TRY_AGAIN_LATER = 11
NOT_AVAILABLE = 50
REFUSED = 100
"""The host refused a change, or is not prepared. The codes from 100 on are the plugin's own."""
ATTACHED = 101
"""The container has this interface already, or a container of that name exists."""
NOT_AS_EXPECTED = 102
"""CHECK found something missing or changed."""
INTERNAL = 999
"""A bug; libcni uses the same number."""


class EngineError(Exception):
    """A request that is not carried out; the text is for the user."""

    def __init__(self, code: int, text: str) -> None:
        """Create the error with one of the codes above as CODE, and TEXT in sentences."""
        super().__init__(text)
        self.code = code


def code_of(error: Exception) -> int:
    """Return the code of ERROR."""
    if isinstance(error, EngineError):
        return error.code
    if isinstance(error, Locked):
        return TRY_AGAIN_LATER
    if isinstance(error, InvalidInput):
        return INVALID_CONFIGURATION
    return REFUSED if isinstance(error, (CnmError, Failure)) else INTERNAL
