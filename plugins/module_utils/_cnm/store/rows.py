# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of objects, and what a transaction knows of them without asking again."""

from __future__ import annotations

import json
import sqlite3
from operator import attrgetter
from typing import Any, Callable, Dict, List, Optional, Set, Tuple, Type, TypeVar, Union

from ..drivers import LOADERS
from ..model.codec import from_json, to_json
from ..model.endpoint import Endpoint
from ..model.ids import find, is_id
from ..model.network import Network
from ..model.sandbox import Sandbox
from . import schema
from .journal import Unit
from .seen import Seen

Object = Union[Network, Sandbox, Endpoint]
T = TypeVar("T", Network, Sandbox, Endpoint)

_TABLES: Dict[Type[Any], str] = {Network: "network", Sandbox: "sandbox", Endpoint: "endpoint"}
_COLUMNS: Dict[Type[Any], Callable[[Any], Tuple[Any, ...]]] = {
    Network: attrgetter("id", "name"),
    Sandbox: attrgetter("id", "name", "running"),
    Endpoint: attrgetter("id", "name", "network", "sandbox"),
}
"""The attributes of an object that have columns of their own, before its JSON, so that queries can find it by them."""

_SEEN: Seen[Object] = Seen(256)
"""The objects of all tables: each table has another number of columns, so the rows of two are never the same."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Rows:
    """The objects in the tables of one connection, as of the last commit or of the transaction under way."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        """Read the rows of CONNECTION, to the store at PATH."""
        _SEEN.open()
        self._connection = connection
        self._path = path
        self._objects: Dict[Type[Any], Dict[str, Any]] = {noun: {} for noun in _TABLES}
        """The known objects of the transaction, by noun and id; None for objects that do not exist."""
        self._answers: Dict[Type[Any], Dict[Tuple[Any, ...], List[Any]]] = {noun: {} for noun in _TABLES}
        """Results of queries of a table since the last write to it."""
        self._ids: Dict[Tuple[str, ...], Optional[str]] = {}
        """Ids that were asked for, by table and name; for endpoints, by table, network and name."""
        self.touched: Set[Unit] = set()
        """The objects that this transaction has changed."""
        self._pending: Dict[str, bool] = {}
        """Ids of endpoints whose rows are still to be written, and whether there is a row.

        An endpoint changes several times in a run. Its row is written when a query needs it: mostly once, at the end.
        """
        self._spellings: Dict[Tuple[str, str], Dict[str, str]] = {}
        """Names of endpoints without a row, by id; by the network and the name in lower case."""

    def known(self, noun: Type[T], identifier: str) -> Optional[T]:
        """Return the object with that id."""
        objects = self._objects[noun]
        if identifier not in objects:
            query = f"SELECT * FROM {_TABLES[noun]} WHERE id = ?"
            objects[identifier] = next(iter(self.written(noun, query, identifier)), None)
        item: Optional[T] = objects[identifier]
        return item

    def named(self, noun: Type[T], name: str) -> Optional[T]:
        """Return the object with that name or that whole id."""
        return self.known(noun, name) if is_id(name) else self.by_name(noun, "name = ?", name)

    def by_name(self, noun: Type[T], condition: str, *names: str) -> Optional[T]:
        """Return the object with NAMES, its name and before it its network's id if it has one, that meets CONDITION."""
        key = (_TABLES[noun], *names)
        if key not in self._ids:
            query = f"SELECT * FROM {_TABLES[noun]} WHERE {condition}"
            item = next(iter(self.written(noun, query, *names)), None)
            self._ids[key] = item.id if item is not None else None
        identifier = self._ids[key]
        return self.known(noun, identifier) if identifier is not None else None

    def find(self, noun: Type[T], reference: str) -> Optional[T]:
        """Return the object with that name, id or unique id prefix.

        :raises ValueError: if the prefix is ambiguous
        """
        by_name = self.named(noun, reference)
        if by_name is not None or not reference:
            return by_name
        query = f"SELECT * FROM {_TABLES[noun]} WHERE id >= ? AND id < ? LIMIT 3"
        return find(self.all(noun, query, reference, f"{reference}g"), reference)

    def all(self, noun: Type[T], query: str, *arguments: Any) -> List[T]:
        """Return the objects of NOUN that QUERY finds."""
        answers = self._answers[noun]
        known: Optional[List[T]] = answers.get((query, arguments))
        if known is None:
            self.flush()
            known = answers[(query, arguments)] = self.written(noun, query, *arguments)
        return known[:]

    def written(self, noun: Type[T], query: str, *arguments: Any) -> List[T]:
        """Return what QUERY finds in the rows, which do not contain pending endpoints yet.

        :raises StoreDamaged: if a row contains something else
        """
        known: Callable[[Tuple[Any, ...]], Any] = _SEEN.recent.get
        objects = self._objects[noun]
        try:
            items = [known(row) or self._read(noun, row) for row in self._connection.execute(query, arguments)]
        except UnicodeEncodeError:  # No name contains half of a surrogate pair.
            return []
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise schema.damaged(self._path, error) from error
        for item in items:
            objects.setdefault(item.id, item)
        return items

    def _read(self, noun: Type[T], row: Tuple[Any, ...]) -> T:
        """Return the object in ROW, of the table of NOUN; the same object for the same row: objects are values."""
        again = _SEEN.again(row)
        if isinstance(again, noun):
            return again
        *columns, data = row
        item = from_json(noun, json.loads(data))
        if isinstance(item, Network) and item.driver not in LOADERS:
            raise ValueError(f"there is no driver '{item.driver}'")
        if _COLUMNS[noun](item) != tuple(columns):
            raise ValueError(f"the row of '{columns[1]}' contains another {_TABLES[noun]}")
        _SEEN.recent[row] = item
        return item

    def alike(self, network: str, name: str) -> Optional[str]:
        """Return the name on the network with that id that differs from NAME only in upper and lower case."""
        for other in self._spellings.get((network, name.lower()), {}).values():
            if other != name:
                return other
        query = "SELECT name FROM endpoint WHERE network = ? AND name <> ? AND name = ? COLLATE NOCASE LIMIT 1"
        row = self._connection.execute(query, (network, name, name)).fetchone()
        return str(row[0]) if row else None

    def put(self, item: T) -> bool:
        """Write the row of ITEM, and say whether it is new or changed; if not, there is nothing to write."""
        noun: Type[T] = type(item)
        if self.known(noun, item.id) == item:
            return False
        self._note(noun, item.id, item)
        row = _row(noun, item)
        marks = ", ".join("?" * len(row))
        self._connection.execute(f"INSERT OR REPLACE INTO {_TABLES[noun]} VALUES ({marks})", row)
        return True

    def put_later(self, endpoint: Endpoint) -> None:
        """Note ENDPOINT, new or changed; its row is written when a query needs it."""
        is_new = self.known(Endpoint, endpoint.id) is None
        if is_new:
            alike = self._spellings.setdefault((endpoint.network, endpoint.name.lower()), {})
            alike[endpoint.id] = endpoint.name
        self._pending.setdefault(endpoint.id, not is_new)
        self._note(Endpoint, endpoint.id, endpoint)

    def delete(self, noun: Type[Any], identifier: str) -> None:
        """Remove the row of the object with that id."""
        self._connection.execute(f"DELETE FROM {_TABLES[noun]} WHERE id = ?", (identifier,))
        self._note(noun, identifier, None)

    def flush(self) -> None:
        """Write the rows of endpoints that are pending."""
        if not self._pending:
            return
        new, old = [], []
        for identifier, has_row in self._pending.items():
            endpoint = self.known(Endpoint, identifier)
            if endpoint is None:
                continue
            row = _row(Endpoint, endpoint)
            if has_row:
                old.append((endpoint.sandbox, row[-1], endpoint.id))
            else:
                new.append(row)
        self._forget_pending()
        self._connection.executemany("INSERT OR REPLACE INTO endpoint VALUES (?, ?, ?, ?, ?)", new)
        self._connection.executemany("UPDATE endpoint SET sandbox = ?, data = ? WHERE id = ?", old)

    def forget(self) -> None:
        """Forget what is known of the transaction, and the rows that are pending."""
        self._forget_pending()
        for objects in self._objects.values():
            objects.clear()
        self._ids.clear()
        for answers in self._answers.values():
            answers.clear()

    def _forget_pending(self) -> None:
        self._pending.clear()
        self._spellings.clear()

    def _note(self, noun: Type[Any], identifier: str, item: Optional[Object]) -> None:
        """Note that the object of NOUN with that id is ITEM now."""
        before = self._objects[noun].get(identifier)
        self._objects[noun][identifier] = item
        if isinstance(item, Endpoint):
            self._ids[(_TABLES[noun], item.network, item.name)] = identifier
        elif item is not None:
            self._ids[(_TABLES[noun], item.name)] = identifier
        self._answers[noun].clear()
        # Which endpoints are running depends on sandboxes, too. A new sandbox has no endpoints yet.
        if before is not None or item is None:
            self._answers[Endpoint].clear()
        self.touched.add(Unit(_TABLES[noun], identifier))


def _row(noun: Type[Any], item: Object) -> Tuple[Any, ...]:
    """Return the row of ITEM in the table of NOUN."""
    row = (*_COLUMNS[noun](item), _encode(to_json(item)))
    _SEEN.recent[row] = item
    return row
