# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who held which address when, and whether two held one at the same time (as Jepsen checks a history)."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple, Optional


class Hold(NamedTuple):
    """A time in which a holder certainly had an address: from when it knew so until it began to give it up."""

    address: str
    holder: str
    begin: float
    end: float


class History:
    """The holds of all hosts, each of which notes its own in a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], float] = {}
        self._holds: list[Hold] = []

    def got(self, holder: str, addresses: set[str]) -> None:
        """Note that HOLDER has ADDRESSES now, and no others. It has to be told before it gives up any."""
        now = time.monotonic()
        with self._lock:
            for address, one in list(self._open):
                if one == holder and address not in addresses:
                    self._holds.append(Hold(address, holder, self._open.pop((address, one)), now))
            for address in addresses:
                self._open.setdefault((address, holder), now)

    def conflicts(self) -> list[tuple[Hold, Hold]]:
        """Return the pairs of holds of one address by two holders at the same time."""
        pairs: list[tuple[Hold, Hold]] = []
        latest: dict[str, Optional[Hold]] = {}
        for each in sorted(self.holds(), key=lambda one: (one.address, one.begin)):
            before = latest.get(each.address)
            if before is not None and before.end > each.begin and before.holder != each.holder:
                pairs.append((before, each))
            if before is None or each.end > before.end:
                latest[each.address] = each
        return pairs

    def holds(self) -> list[Hold]:
        """Return all holds; those that have not ended last until now."""
        now = time.monotonic()
        with self._lock:
            open_ones = [Hold(address, holder, begin, now) for (address, holder), begin in self._open.items()]
            return [*self._holds, *open_ones]
