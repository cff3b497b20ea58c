# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What etcd has, as far as the watch has told."""

from __future__ import annotations

import threading
from typing import Dict, List, NamedTuple, Optional, Set, Union

from _cnm.etcd.client import Listing
from _cnm.etcd.entries import Entry
from _cnm.etcd.transaction import LARGEST
from _cnm.etcd.watch import Changes

from .records import Record, record


class News(NamedTuple):
    """What has changed since it was last asked for."""

    records: Dict[str, Record]
    """Those that were added or changed, by key; or all."""
    keys: Optional[Set[str]]
    """The keys of those that were added, changed or removed; None if RECORDS are all that there are."""


class Known:
    """The endpoints in etcd. While etcd does not answer, it is what etcd had before."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._lock = threading.Lock()
        self._records: Dict[str, Record] = {}
        self._changed: Optional[Set[str]] = None
        self.revision = 0
        """The revision of etcd up to which this is complete; 0 before the first listing."""
        self.is_in_burst = False
        """Whether the last changes were as many as a transaction holds, so that more of them are probably coming."""

    def hear(self, update: Union[Listing, Changes]) -> List[Record]:
        """Take UPDATE over; return the new records that are not valid."""
        with self._lock:
            if isinstance(update, Listing):
                earlier, self._records = self._records, {}
                changed = [self._put(entry, earlier) for entry in update.entries]
                self._changed = None
            else:
                changed = []
                if self._changed is not None:
                    self._changed.update(change.key for change in update.changes)
                for change in update.changes:
                    if isinstance(change, Entry):
                        changed.append(self._put(change, self._records))
                    else:
                        self._records.pop(change.key, None)
            self.revision = update.revision
            self.is_in_burst = isinstance(update, Changes) and len(update.changes) >= LARGEST
        return [each for each in changed if each is not None and each.endpoint is None]

    def news(self) -> News:
        """Return what has changed since the last call."""
        with self._lock:
            changed, self._changed = self._changed, set()
            keys = self._records if changed is None else [key for key in changed if key in self._records]
            return News({key: self._records[key] for key in keys}, changed)

    def renew(self) -> None:
        """Let everything count as changed."""
        with self._lock:
            self._changed = None

    def records(self) -> List[Record]:
        """Return all records."""
        with self._lock:
            return list(self._records.values())

    def _put(self, entry: Entry, earlier: Dict[str, Record]) -> Union[Record, None]:
        """Keep ENTRY; return its record, unless it was among the EARLIER ones."""
        before = earlier.get(entry.key)
        if before is not None and before.entry == entry:
            self._records[entry.key] = before
            return None
        parsed = record(entry)
        if parsed is not None:
            self._records[entry.key] = parsed
        return parsed
