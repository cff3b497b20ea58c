# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out a request in the process of the plugin, without the service."""

from __future__ import annotations

import sys
import traceback
from functools import partial

from cnm_command.access import controller, warn

from .request import PATIENCE, Request, carry_out


def answer(request: Request, waited: float) -> int:
    """Print the answer to REQUEST; return the exit status.

    :param waited: seconds that the request has waited for the service
    """
    # The lock may be free even if nothing of the patience is left.
    response = carry_out(request, partial(controller, patience=max(PATIENCE - waited, 1.0), progress=False), warn)
    if response.bug is not None:
        traceback.print_exception(type(response.bug), response.bug, response.bug.__traceback__)
    sys.stdout.write(response.output)
    sys.stdout.flush()
    return response.status
