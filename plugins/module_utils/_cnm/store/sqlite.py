# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store of one host: an SQLite file.

Objects are JSON in a row each. Beside them stand indexes that hold what must be unique or found fast: names,
address ranges, addresses, host ports. They are written with the object, so they cannot differ from it.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple, Type, TypeVar, Union

from ..addresses import Subnet
from ..endpoint import Endpoint, Port
from ..identity import find
from ..network import PREDEFINED, Network
from ..sandbox import Sandbox
from . import database
from .journal import Setting
from .soundness import check

Object = Union[Network, Sandbox, Endpoint]
T = TypeVar("T", Network, Sandbox, Endpoint)


class SqliteStore:
    """The objects of one host, as of the last commit or of the transaction under way."""

    def __init__(self, connection: sqlite3.Connection, path: str = ":memory:") -> None:
        self._connection = connection
        self._path = path
        self._seen: Dict[str, Object] = {}
        self.touched: Set[Tuple[str, str]] = set()
        """Kind and id of what this transaction has changed."""

    @classmethod
    def memory(cls) -> "SqliteStore":
        """Return an empty store that nobody else sees."""
        return cls(database.memory())

    @classmethod
    def open(cls, folder: str) -> "SqliteStore":
        """Open the store in FOLDER, which exists.

        :raises StoreDamaged: if it cannot be trusted; the file is left as it is
        """
        return cls(database.connect(folder), database.path(folder))

    def close(self) -> None:
        """Close the file; what was not committed is undone."""
        self._connection.close()

    def begin(self, write: bool) -> None:
        """Start a transaction; one that does not WRITE sees the store as it is now until it ends."""
        self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        self._connection.execute("SELECT count(*) FROM setting").fetchone()
        self.touched = set()

    def commit(self) -> None:
        """Keep what the transaction did."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo what the transaction did."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self.touched = set()

    def network(self, identifier: str) -> Optional[Network]:
        """Return the network with that id."""
        return self._one(Network, "SELECT data FROM network WHERE id = ?", identifier)

    def network_named(self, name: str) -> Optional[Network]:
        """Return the network with that name or that whole id."""
        return self._one(Network, "SELECT data FROM network WHERE name = ? OR id = ?", name, name)

    def find_network(self, reference: str) -> Optional[Network]:
        """Return the network with that name, id or unique id prefix; ValueError if it is ambiguous."""
        return self._find(Network, "network", reference)

    def networks(self) -> List[Network]:
        """Return all networks, by name."""
        return self._all(Network, "SELECT data FROM network ORDER BY name")

    def sandbox(self, identifier: str) -> Optional[Sandbox]:
        """Return the sandbox with that id."""
        return self._one(Sandbox, "SELECT data FROM sandbox WHERE id = ?", identifier)

    def sandbox_named(self, name: str) -> Optional[Sandbox]:
        """Return the sandbox with that name or that whole id."""
        return self._one(Sandbox, "SELECT data FROM sandbox WHERE name = ? OR id = ?", name, name)

    def find_sandbox(self, reference: str) -> Optional[Sandbox]:
        """Return the sandbox with that name, id or unique id prefix; ValueError if it is ambiguous."""
        return self._find(Sandbox, "sandbox", reference)

    def sandboxes(self) -> List[Sandbox]:
        """Return all sandboxes, by name."""
        return self._all(Sandbox, "SELECT data FROM sandbox ORDER BY name")

    def endpoint(self, identifier: str) -> Optional[Endpoint]:
        """Return the endpoint with that id."""
        return self._one(Endpoint, "SELECT data FROM endpoint WHERE id = ?", identifier)

    def endpoint_on(self, network: str, name: str) -> Optional[Endpoint]:
        """Return the endpoint called NAME on the network with that id."""
        return self._one(Endpoint, "SELECT data FROM endpoint WHERE network = ? AND name = ?", network, name)

    def endpoints(self) -> List[Endpoint]:
        """Return all endpoints, by name."""
        return self._all(Endpoint, "SELECT data FROM endpoint ORDER BY name, network")

    def endpoints_named(self, name: str) -> List[Endpoint]:
        """Return the endpoints called NAME, of any network."""
        return self._all(Endpoint, "SELECT data FROM endpoint WHERE name = ? ORDER BY network", name)

    def endpoints_of_network(self, identifier: str) -> List[Endpoint]:
        """Return the endpoints of the network with that id, by name."""
        return self._all(Endpoint, "SELECT data FROM endpoint WHERE network = ? ORDER BY name", identifier)

    def endpoints_of_sandbox(self, identifier: str) -> List[Endpoint]:
        """Return the endpoints joined to the sandbox with that id, by name."""
        return self._all(Endpoint, "SELECT data FROM endpoint WHERE sandbox = ? ORDER BY name, network", identifier)

    def running_endpoints(self, network: str) -> List[Endpoint]:
        """Return the endpoints of the network with that id that are joined to a running sandbox, by name."""
        return self._all(
            Endpoint,
            "SELECT endpoint.data FROM endpoint JOIN sandbox ON sandbox.id = endpoint.sandbox "
            "WHERE endpoint.network = ? AND sandbox.running ORDER BY endpoint.name",
            network,
        )

    def joined(self, network: str) -> int:
        """Return how many endpoints of the network with that id are joined to a sandbox."""
        query = "SELECT count(*) FROM endpoint WHERE network = ? AND sandbox IS NOT NULL"
        return int(self._connection.execute(query, (network,)).fetchone()[0])

    def has_networks(self) -> bool:
        """Say whether there is any network that is not predefined."""
        marks = ", ".join("?" * len(PREDEFINED))
        query = f"SELECT EXISTS (SELECT 1 FROM network WHERE name NOT IN ({marks}))"
        return bool(self._connection.execute(query, tuple(PREDEFINED)).fetchone()[0])

    def has_ipv6(self) -> bool:
        """Say whether any network has IPv6."""
        return bool(self._connection.execute("SELECT EXISTS (SELECT 1 FROM pool WHERE version = 6)").fetchone()[0])

    def network_over(self, subnet: Subnet, but: str = "") -> Optional[Network]:
        """Return a network, other than that with the id BUT, which has a pool that overlaps SUBNET."""
        rows = self._connection.execute(
            "SELECT network, last FROM pool WHERE version = ? AND first <= ? ORDER BY first DESC",
            (subnet.version, subnet.broadcast_address.packed),
        )
        for identifier, last in rows:
            if identifier == but:
                continue
            return self.network(identifier) if last >= subnet.network_address.packed else None
        return None

    def taken(self, network: str, version: int, start: int) -> Iterator[int]:
        """Yield the addresses of a network's endpoints, from START on, in rising order."""
        length = 4 if version == 4 else 16
        rows = self._connection.execute(
            "SELECT address FROM address WHERE network = ? AND version = ? AND address >= ? ORDER BY address",
            (network, version, start.to_bytes(length, "big")),
        )
        for (packed,) in rows:
            yield int.from_bytes(packed, "big")

    def holder(self, network: str, packed: bytes) -> Optional[Endpoint]:
        """Return the endpoint of a network that has the address with these bytes."""
        return self._one(
            Endpoint,
            "SELECT data FROM endpoint WHERE id = "
            "(SELECT endpoint FROM address WHERE network = ? AND version = ? AND address = ?)",
            network,
            4 if len(packed) == 4 else 6,
            packed,
        )

    def ports(self, protocol: str, number: int) -> List[Tuple[Endpoint, Port]]:
        """Return the published ports that have the host's port NUMBER, with their endpoints."""
        holders = self._all(
            Endpoint,
            "SELECT data FROM endpoint WHERE id IN (SELECT endpoint FROM port WHERE protocol = ? AND port = ?)",
            protocol,
            number,
        )
        return [
            (holder, port)
            for holder in holders
            for port in holder.ports
            if port.protocol == protocol and port.host_port == number
        ]

    def settings(self) -> Dict[str, Setting]:
        """Return the kernel settings of the host that we have changed, by name."""
        rows = self._connection.execute("SELECT name, original, kind, object FROM setting")
        return {name: Setting(original, (kind, identifier)) for name, original, kind, identifier in rows}

    def put_setting(self, name: str, setting: Setting) -> None:
        """Remember the value that a kernel setting had before us; what is remembered already stays."""
        self._connection.execute(
            "INSERT OR IGNORE INTO setting VALUES (?, ?, ?, ?)", (name, setting.original, *setting.unit)
        )

    def delete_setting(self, name: str) -> None:
        """Forget the value that a kernel setting had before us."""
        self._connection.execute("DELETE FROM setting WHERE name = ?", (name,))

    def put_network(self, network: Network) -> None:
        """Write NETWORK, new or changed."""
        if self._unchanged("network", network):
            return
        self._connection.execute(
            "INSERT OR REPLACE INTO network VALUES (?, ?, ?)", (network.id, network.name, _text(network))
        )
        self._connection.execute("DELETE FROM pool WHERE network = ?", (network.id,))
        self._connection.executemany(
            "INSERT INTO pool VALUES (?, ?, ?, ?)",
            [
                (
                    network.id,
                    pool.subnet.version,
                    pool.subnet.network_address.packed,
                    pool.subnet.broadcast_address.packed,
                )
                for pool in network.pools
            ],
        )

    def put_sandbox(self, sandbox: Sandbox) -> None:
        """Write SANDBOX, new or changed."""
        if not self._unchanged("sandbox", sandbox):
            self._connection.execute(
                "INSERT OR REPLACE INTO sandbox VALUES (?, ?, ?, ?)",
                (sandbox.id, sandbox.name, sandbox.running, _text(sandbox)),
            )

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """Write ENDPOINT, new or changed, and its claims of addresses and host ports."""
        if self._unchanged("endpoint", endpoint):
            return
        self._unclaim(endpoint.id)
        self._connection.execute(
            "INSERT OR REPLACE INTO endpoint VALUES (?, ?, ?, ?, ?)",
            (endpoint.id, endpoint.name, endpoint.network, endpoint.sandbox, _text(endpoint)),
        )
        self._connection.executemany(
            "INSERT INTO address VALUES (?, ?, ?, ?)",
            [(endpoint.network, found.version, found.packed, endpoint.id) for found in endpoint.addresses],
        )
        self._connection.executemany(
            "INSERT INTO port VALUES (?, ?, ?)",
            [(port.protocol, port.host_port, endpoint.id) for port in endpoint.ports if port.host_port],
        )

    def delete_network(self, network: Network) -> None:
        """Forget NETWORK and its claims of address ranges."""
        self._connection.execute("DELETE FROM pool WHERE network = ?", (network.id,))
        self._delete("network", network.id)

    def delete_sandbox(self, sandbox: Sandbox) -> None:
        """Forget SANDBOX."""
        self._delete("sandbox", sandbox.id)

    def delete_endpoint(self, endpoint: Endpoint) -> None:
        """Forget ENDPOINT and its claims."""
        self._unclaim(endpoint.id)
        self._delete("endpoint", endpoint.id)

    def _delete(self, table: str, identifier: str) -> None:
        self._connection.execute(f"DELETE FROM {table} WHERE id = ?", (identifier,))
        self.touched.add((table, identifier))

    def _unclaim(self, endpoint: str) -> None:
        self._connection.execute("DELETE FROM address WHERE endpoint = ?", (endpoint,))
        self._connection.execute("DELETE FROM port WHERE endpoint = ?", (endpoint,))

    def _unchanged(self, table: str, item: Object) -> bool:
        row = self._connection.execute(f"SELECT data FROM {table} WHERE id = ?", (item.id,)).fetchone()
        if row is not None and row[0] == _text(item):
            return True
        self.touched.add((table, item.id))
        return False

    def _one(self, noun: Type[T], query: str, *arguments: Any) -> Optional[T]:
        return next(iter(self._all(noun, query, *arguments)), None)

    def _all(self, noun: Type[T], query: str, *arguments: Any) -> List[T]:
        try:
            return [self._read(noun, data) for (data,) in self._connection.execute(query, arguments)]
        except UnicodeEncodeError:  # half of a surrogate pair, which no name has
            return []
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise database.damaged(self._path, error) from error

    def _read(self, noun: Type[T], data: str) -> T:
        """Return the object that DATA is; the same one for the same text, as objects are values."""
        found = self._seen.get(data)
        if not isinstance(found, noun):
            found = noun.from_json(json.loads(data))
            check(found)
            self._seen[data] = found
        return found

    def _find(self, noun: Type[T], table: str, reference: str) -> Optional[T]:
        by_name = self._one(noun, f"SELECT data FROM {table} WHERE name = ?", reference)
        if by_name is not None or not reference:
            return by_name
        prefixed = self._all(
            noun, f"SELECT data FROM {table} WHERE id >= ? AND id < ? LIMIT 3", reference, f"{reference}g"
        )
        return find(prefixed, reference)


def _text(item: Object) -> str:
    return json.dumps(item.to_json(), sort_keys=True, separators=(",", ":"))
