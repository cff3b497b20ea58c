# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs tell the service, if it counts them: a datagram for each run, and for each request of a container engine.

Runs are in many processes, and none waits for the service: what it cannot take at once is lost.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterator, Optional

from .model.errors import CnmError, Incomplete, InvalidInput

SOCKET = "/run/cnm/observations.sock"
"""Where the service listens if it counts."""
VERBS = ("ensure", "restore", "follow")
"""The methods of the controller that are observed."""
CHANGED, UNCHANGED = "changed", "unchanged"
INCOMPLETE = "incomplete"
"""Everything was done except for objects that could not be repaired."""
REFUSED = "refused"
"""What was asked for is not possible; nothing was touched."""
FAILED = "failed"
RESULTS = (CHANGED, UNCHANGED, INCOMPLETE, REFUSED, FAILED)
DONE = "done"
"""A request was carried out."""


class Run:
    """A run of the controller while it is observed."""

    def __init__(self, counts: bool) -> None:
        """Create one that has changed nothing yet.

        :param counts: whether the service wants to know
        """
        self.counts = counts
        self.changed = False
        self.incomplete = False
        self.drift = 0
        """How many resources of the host were not as earlier runs have left them."""


@contextmanager
def observed(verb: str, check: bool) -> Iterator[Run]:
    """Observe the block, which is a run: it notes in the value what it has done.

    :param verb: one of VERBS
    :param check: whether this is a dry run, which is not counted
    """
    run = Run(not check and os.path.exists(SOCKET))
    if not run.counts:
        yield run
        return
    begun = time.monotonic()
    result: Optional[str] = None
    try:
        yield run
        result = INCOMPLETE if run.incomplete else CHANGED if run.changed else UNCHANGED
    except Incomplete:
        result = INCOMPLETE
        raise
    except InvalidInput:
        result = REFUSED
        raise
    except CnmError:
        result = FAILED
        raise
    finally:
        # By another exception, a front end has ended the run before anything was touched.
        if result is not None:
            seconds = time.monotonic() - begun
            _tell({"verb": verb, "result": result, "seconds": seconds, "drift": run.drift})


def tell_of_request(protocol: str, refused: bool, bug: Optional[Exception]) -> None:
    """Tell the service of a request of a container engine.

    :param protocol: that of the engine, such as ``cni``
    :param refused: whether the answer is an error
    :param bug: an exception that nobody foresaw
    """
    if os.path.exists(SOCKET):
        _tell({"protocol": protocol, "result": FAILED if bug else REFUSED if refused else DONE})


def _tell(observation: Dict[str, Any]) -> None:
    import json
    import socket

    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(json.dumps(observation).encode(), SOCKET)
