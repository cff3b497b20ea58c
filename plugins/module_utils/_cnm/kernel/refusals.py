# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that are sent to the kernel together, and the refusals."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

from ..model.errors import CnmError, KernelRefused
from ..resources.resource import Key
from .rtnl.socket import Refusal, Reply, Socket


class Change(NamedTuple):
    """One request to the kernel."""

    what: str
    """For the error: ``The kernel refused to ...``."""
    message: bytes
    harmless: Tuple[int, ...] = ()
    """Refusals, by errno, which mean that the change is already in effect."""
    about: Optional[Key] = None
    """The resource that is changed."""
    passing: Tuple[int, ...] = ()
    """Refusals, by errno, that may cease a moment later."""


def carry_out(socket: Socket, changes: Sequence[Change]) -> List[CnmError]:
    """Send CHANGES and return the errors."""
    replies = socket.exchange([change.message for change in changes])
    if any(isinstance(reply, Refusal) and reply.number in change.passing for change, reply in zip(changes, replies)):
        replies = _repeated(socket, changes, replies)
    return [
        KernelRefused(f"The kernel refused to {change.what}: {reply.text}.", change.about)
        for change, reply in zip(changes, replies)
        if isinstance(reply, Refusal) and reply.number not in change.harmless
    ]


def _repeated(socket: Socket, changes: Sequence[Change], replies: Sequence[Reply]) -> List[Reply]:
    """Return the REPLIES to CHANGES after repeating those that were refused, because some of the refusals may pass."""
    from .rtnl import readiness

    latest = list(replies)

    def refused(left: Sequence[int]) -> List[int]:
        for place, reply in zip(left, socket.exchange([changes[place].message for place in left])):
            latest[place] = reply
        return [place for place in left if _number(latest[place]) in changes[place].passing]

    places = range(len(changes))
    readiness.wait(refused, [place for place in places if _number(latest[place]) in changes[place].passing])
    # What depends on them was refused, too.
    refused([place for place in places if _number(latest[place]) not in (None, *changes[place].harmless)])
    return latest


def _number(reply: Reply) -> Optional[int]:
    return reply.number if isinstance(reply, Refusal) else None
