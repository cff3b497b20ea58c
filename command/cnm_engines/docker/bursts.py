# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events that come close together, as one."""

from __future__ import annotations

import threading
import time
from queue import SimpleQueue
from typing import Iterator, List, Optional, TypeVar

T = TypeVar("T")


def bursts(events: Iterator[T], seconds: float) -> Iterator[List[T]]:
    """Yield EVENTS in lists, each with what has come in the SECONDS after the first of them.

    What EVENTS raises is raised after the events before it.
    """
    arrived: "SimpleQueue[Optional[T]]" = SimpleQueue()
    errors: List[Exception] = []

    def read() -> None:
        try:
            for event in events:
                arrived.put(event)
        except Exception as error:
            errors.append(error)
        arrived.put(None)

    threading.Thread(target=read, daemon=True).start()
    ended = False
    while not ended:
        items = [arrived.get()]
        if items[0] is not None:
            time.sleep(seconds)
            while not arrived.empty():
                items.append(arrived.get())
        ended = items[-1] is None
        burst = [item for item in items if item is not None]
        if burst:
            yield burst
    for error in errors:
        raise error
