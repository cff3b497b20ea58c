# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serves the plugins of container engines: one connection is one request; `cnm_client` has the form."""

from __future__ import annotations

import os
import socket
import time
import traceback
from contextlib import AbstractContextManager
from typing import List, Optional, Sequence

from _cnm.controller import Controller
from cnm_client import BEGUN, packed, unpacked
from cnm_command.access import warning_line
from cnm_engines.answer import Answer
from cnm_engines.errors import TRY_AGAIN_LATER, EngineError
from cnm_engines.request import PATIENCE, Request, carry_out

from .core import controller
from .peer import has_gone
from .turns import Turns

_SILENCE = 10.0
"""Seconds that a client may take to send its request, or to take the answer."""


def serve(connection: socket.socket, turns: Turns) -> None:
    """Answer the request of CONNECTION.

    :raises OSError: if the client goes
    :raises Ended: if the service ends before its turn
    """
    deadline = time.monotonic() + PATIENCE
    connection.settimeout(_SILENCE)
    request = _received(connection)
    if request is None:
        return
    warnings: List[str] = []

    def begin() -> None:
        # An engine that has given up removes the container next. So it must not be attached after that.
        try:
            gone = has_gone(connection)
            connection.sendall(packed([BEGUN]))
        except OSError:
            gone = True
        if gone:
            raise EngineError(TRY_AGAIN_LATER, "The engine no longer waits for the answer.")

    def core(check: bool) -> AbstractContextManager[Controller]:
        return controller(check, warnings.append, max(deadline - time.monotonic(), 0.0), begin)

    answer = turns.do(lambda: None if has_gone(connection) else carry_out(request, core, warnings.append))
    if answer is not None:
        connection.sendall(
            packed([b"%d" % answer.status, os.fsencode(answer.output), os.fsencode(_errors(answer, warnings))])
        )


def _errors(answer: Answer, warnings: Sequence[str]) -> str:
    """Return what a plugin prints as standard error."""
    lines = [f"{warning_line(each)}\n" for each in warnings]
    if answer.bug is not None:
        lines += traceback.format_exception(type(answer.bug), answer.bug, answer.bug.__traceback__)
    return "".join(lines)


def _received(connection: socket.socket) -> Optional[Request]:
    """Return the request that CONNECTION sends; None if it is not complete."""
    data = b""
    while True:
        more = connection.recv(1 << 16)
        if not more:
            break
        data += more
    try:
        total, protocol, text, count, *rest = unpacked(data)
        if int(total) != len(rest) + 4:
            return None
        number = int(count)
    except ValueError:
        return None
    words = [os.fsdecode(each) for each in rest]
    pairs = (pair.partition("=") for pair in words[number:])
    environment = {name: value for name, _equals, value in pairs}
    return Request(os.fsdecode(protocol), words[:number], environment, lambda: text)
