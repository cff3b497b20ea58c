# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request of an engine, and its way to the answer."""

from __future__ import annotations

from typing import Callable, Mapping, NamedTuple, Sequence

from _cnm.observation import tell_of_request

from . import cni, netavark
from .answer import Answer
from .runs import Core

PATIENCE = 100.0
"""Seconds to wait for other runs to end. Engines wait for a plugin for two minutes or more."""


class Request(NamedTuple):
    """A call of a plugin."""

    protocol: str
    """``cni`` or ``netavark``."""
    arguments: Sequence[str]
    environment: Mapping[str, str]
    read: Callable[[], bytes]
    """Returns standard input."""
    repeated: bool = False
    """Whether the service has begun to carry it out, and ended before it could answer."""


def carry_out(request: Request, core: Core, warn: Callable[[str], None]) -> Answer:
    """Return the answer to REQUEST.

    :param warn: called with each warning for the user
    """
    if request.protocol == "cni":
        answer = cni.answer(request.environment, request.read, core, warn, request.repeated)
    else:
        answer = netavark.answer(request.arguments, request.read, core, warn, request.repeated)
    tell_of_request(request.protocol, answer.status != 0, answer.bug)
    return answer
