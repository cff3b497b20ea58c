# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The endpoints of other hosts of which agents tell, apart from the networks, so that each can change alone."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

from ..model.codec import from_json, to_json
from ..model.overlay_peer import Remote
from ..model.reported import Place, Reported
from . import schema
from .seen import Seen

Sums = Tuple[int, int]
"""How many reports a network has, and the sum of their revisions. Each change in etcd has a higher revision than all
before, so the reports are the same if these are."""

_SEEN: Seen[Reported] = Seen(4096)
_ORDER = "ORDER BY since, host, name"

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Reports:
    """The reports in the tables of one connection."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        """Read the rows of CONNECTION, to the store at PATH."""
        _SEEN.open()
        self._connection = connection
        self._path = path
        self._changed: Dict[str, Tuple[Sums, Set[Place]]] = {}
        """The networks whose reports this transaction has changed: their sums before it, and which reports."""

    def at(self, place: Place) -> Optional[Reported]:
        """Return what is reported of PLACE."""
        reports = self._read("SELECT * FROM reported WHERE network = ? AND host = ? AND name = ?", *place)
        return reports[0] if reports else None

    def all(self, network: str) -> List[Reported]:
        """Return all reports of the network with that id, the oldest first."""
        return self._read(f"SELECT * FROM reported WHERE network = ? {_ORDER}", network)

    def any(self, network: str) -> bool:
        """Say whether there are any of the network with that id."""
        query = "SELECT EXISTS (SELECT 1 FROM reported WHERE network = ?)"
        return bool(self._connection.execute(query, (network,)).fetchone()[0])

    def sharing(self, network: str, keys: Iterable[str]) -> List[Reported]:
        """Return the reports of the network with that id that have one of KEYS, the oldest first."""
        by_id: Dict[str, Reported] = {}
        query = (
            "SELECT reported.* FROM reported_key JOIN reported USING (network, host, name) "
            "WHERE reported_key.network = ? AND reported_key.key = ?"
        )
        for key in keys:
            by_id.update((each.place.id, each) for each in self._read(query, network, key))
        return sorted(by_id.values(), key=age)

    def sums(self) -> Dict[str, Sums]:
        """Return the sums of each network, by its id."""
        rows = self._connection.execute("SELECT network, count(*), sum(revision) FROM reported GROUP BY network")
        return {network: (count, total) for network, count, total in rows}

    def sums_of(self, network: str) -> Sums:
        """Return the sums of the network with that id."""
        query = "SELECT count(*), total(revision) FROM reported WHERE network = ?"
        count, total = self._connection.execute(query, (network,)).fetchone()
        return int(count), int(total)

    def changed_since(self, network: str, sums: Sums) -> Optional[Set[Place]]:
        """Return what of the network with that id has changed since it had SUMS; None if that is not known."""
        before, places = self._changed.get(network, (None, set()))
        if before is None:
            return set() if self.sums_of(network) == sums else None
        return places if before == sums else None

    def put(self, report: Reported) -> bool:
        """Write REPORT, and say whether it is new or changed."""
        before = self.at(report.place)
        if before == report:
            return False
        self._note(report.place)
        if before is None or before.keys != report.keys:
            self._forget_keys(report.place)
            self._connection.executemany(
                "INSERT OR IGNORE INTO reported_key VALUES (?, ?, ?, ?)",
                [(report.place.network, key, report.place.host, report.place.name) for key in report.keys],
            )
        row = (*report.place, report.since, report.revision, _encode(to_json(report.endpoint)))
        _SEEN.recent[row] = report
        self._connection.execute("INSERT OR REPLACE INTO reported VALUES (?, ?, ?, ?, ?, ?)", row)
        return True

    def delete(self, place: Place) -> None:
        """Forget what was reported of PLACE."""
        self._note(place)
        self._forget_keys(place)
        self._connection.execute("DELETE FROM reported WHERE network = ? AND host = ? AND name = ?", place)

    def delete_all(self, network: str) -> None:
        """Forget all reports of the network with that id."""
        for table in ("reported_key", "reported"):
            self._connection.execute(f"DELETE FROM {table} WHERE network = ?", (network,))

    def forget(self) -> None:
        """Forget what the transaction has changed."""
        self._changed.clear()

    def _note(self, place: Place) -> None:
        if place.network not in self._changed:
            self._changed[place.network] = (self.sums_of(place.network), set())
        self._changed[place.network][1].add(place)

    def _forget_keys(self, place: Place) -> None:
        self._connection.execute("DELETE FROM reported_key WHERE network = ? AND host = ? AND name = ?", place)

    def _read(self, query: str, *arguments: str) -> List[Reported]:
        known = _SEEN.recent.get
        try:
            return [
                known(row) or _SEEN.again(row) or _reported(row) for row in self._connection.execute(query, arguments)
            ]
        except UnicodeEncodeError:  # No name contains half of a surrogate pair.
            return []
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise schema.damaged(self._path, error) from error


def age(report: Reported) -> Tuple[int, str, str]:
    """Return what reports are sorted by: of two that exclude each other, the first one holds."""
    return report.since, report.place.host, report.place.name


def _reported(row: Tuple[Any, ...]) -> Reported:
    network, host, name, since, revision, data = row
    endpoint = from_json(Remote, json.loads(data))
    if endpoint.name != name:
        raise ValueError(f"the row of '{name}' contains another endpoint")
    _SEEN.recent[row] = reported = Reported(Place(network, host, name), endpoint, int(since), int(revision))
    return reported
