# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects by the rows that they were read from, so that the stores that a process opens read each row once.

A service opens stores for months, and most of what it has seen is gone by then. So it keeps two generations: what the
later one does not have is looked up in the earlier one, and what nobody has looked up goes with that.
"""

from __future__ import annotations

from typing import Any, Dict, Generic, Optional, Tuple, TypeVar

T = TypeVar("T")
Row = Tuple[Any, ...]


class Seen(Generic[T]):
    """Objects that were found sound, by their rows. They are values, so all stores can share them."""

    def __init__(self, enough: int) -> None:
        """Begin a new generation when another store is opened and the last one has more than ENOUGH objects."""
        self._enough = enough
        self.recent: Dict[Row, T] = {}
        """The later generation."""
        self._earlier: Dict[Row, T] = {}

    def open(self) -> None:
        """Note that another store is opened."""
        if len(self.recent) > self._enough:
            self._earlier, self.recent = self.recent, {}

    def again(self, row: Row) -> Optional[T]:
        """Return the object of ROW if the earlier generation has it; it belongs to the later one from now on."""
        item = self._earlier.pop(row, None)
        if item is not None:
            self.recent[row] = item
        return item
