# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that are sent to the kernel together, and the refusals."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

from ..model.errors import CnmError, KernelRefused
from ..resources.resource import Key
from .rtnl.socket import Refusal, Socket


class Change(NamedTuple):
    """One request to the kernel."""

    what: str
    """For the error: ``The kernel refused to ...``."""
    message: bytes
    harmless: Tuple[int, ...] = ()
    """Refusals, by errno, which mean that the change is already in effect."""
    about: Optional[Key] = None
    """The resource that is changed."""


def carry_out(socket: Socket, changes: Sequence[Change]) -> List[CnmError]:
    """Send CHANGES and return the errors."""
    replies = socket.exchange([change.message for change in changes])
    return [
        KernelRefused(f"The kernel refused to {change.what}: {reply.text}.", change.about)
        for change, reply in zip(changes, replies)
        if isinstance(reply, Refusal) and reply.number not in change.harmless
    ]
