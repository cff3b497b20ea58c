# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a request to the answer."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Sequence

from cnm_command.access import controller, warn

from . import cni, netavark


def main(argv: Sequence[str]) -> int:
    """Answer the request in ARGV, the environment and standard input; return the exit status.

    The first of ARGV is the protocol, ``cni`` or ``netavark``.
    """
    protocol, *arguments = argv
    read = sys.stdin.buffer.read
    if protocol == "cni":
        answer = cni.answer(os.environ, read, controller, warn)
    else:
        answer = netavark.answer(arguments, read, controller, warn)
    if answer.bug is not None:
        traceback.print_exception(type(answer.bug), answer.bug, answer.bug.__traceback__)
    sys.stdout.write(answer.output)
    sys.stdout.flush()
    return answer.status
