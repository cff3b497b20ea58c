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
from bisect import insort
from typing import Any, Container, Dict, Iterator, List, Optional, Sequence, Set, Tuple, Type, TypeVar, Union

from ..drivers import LOADERS
from ..model.addresses import Address, Subnet
from ..model.codec import from_json, to_json
from ..model.endpoint import Endpoint, Port
from ..model.ids import find, is_id
from ..model.network import PREDEFINED, Network, Pool
from ..model.sandbox import Sandbox
from . import schema
from .journal import Setting, Unit

Object = Union[Network, Sandbox, Endpoint]
T = TypeVar("T", Network, Sandbox, Endpoint)

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class SqliteStore:
    """The objects of one host, as of the last commit or of the transaction under way."""

    def __init__(
        self, connection: sqlite3.Connection, path: str = ":memory:", beside: "Optional[SqliteStore]" = None
    ) -> None:
        self._connection = connection
        self._path = path
        self._seen: Dict[str, Object] = beside._seen if beside else {}
        """Objects by their text. They are values, so a store BESIDE this one has the same."""
        self._objects: Dict[Tuple[str, str], Optional[Object]] = {}
        """What is known of the objects of the transaction, by table and id; None for those that there are not."""
        self._answers: Dict[str, Dict[Tuple[Any, ...], List[Any]]] = {"network": {}, "sandbox": {}, "endpoint": {}}
        """What queries of a table have found since the last write to it."""
        self._joined: Dict[str, int] = {}
        """How many endpoints of a network are joined, where that was asked."""
        self._ranges: Dict[int, List[Tuple[int, int, str]]] = {}
        """First and last address of all pools of a family, with their networks, where that was asked."""
        self.touched: Set[Unit] = set()
        """Kind and id of what this transaction has changed."""
        self._unclaimed: Dict[str, None] = {}
        """Ids of endpoints with an address that another one had when they were written, in that order."""

    @classmethod
    def memory(cls) -> "SqliteStore":
        """Return an empty store that nobody else sees."""
        return cls(schema.memory())

    @classmethod
    def open(cls, folder: str, beside: "Optional[SqliteStore]" = None, write: bool = True) -> "SqliteStore":
        """Open the store in FOLDER, which exists.

        :param beside: the same store, opened and found good before
        :param write: whether it is to be written; to read it, it need not be writable
        :raises StoreDamaged: if it cannot be trusted; the file is left as it is
        """
        return cls(schema.connect(folder, check=beside is None, write=write), schema.path(folder), beside)

    def copy(self) -> "SqliteStore":
        """Return a store in memory that holds what this one holds, and is written without changing it."""
        return SqliteStore(schema.in_memory(self._connection), self._path, self)

    def close(self) -> None:
        """Close the file; what was not committed is undone."""
        self._connection.close()

    def begin(self, write: bool) -> None:
        """Start a transaction; one that does not WRITE sees the store as it is now until it ends."""
        self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        self._connection.execute("SELECT EXISTS (SELECT 1 FROM setting)").fetchone()
        self._forget_answers()
        self.touched = set()
        self._unclaimed.clear()

    def commit(self) -> None:
        """Keep what the transaction did."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo what the transaction did."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._forget_answers()
        self.touched = set()
        self._unclaimed.clear()

    def network(self, identifier: str) -> Optional[Network]:
        """Return the network with that id."""
        return self._known(Network, identifier)

    def network_named(self, name: str) -> Optional[Network]:
        """Return the network with that name or that whole id."""
        return self._one(Network, "SELECT data FROM network WHERE name = ? OR id = ?", name, name)

    def find_network(self, reference: str) -> Optional[Network]:
        """Return the network with that name, id or unique id prefix; ValueError if it is ambiguous."""
        return self._find(Network, "network", reference)

    def networks(self) -> List[Network]:
        """Return all networks, by name."""
        return self._all(Network, "SELECT data FROM network ORDER BY name")

    def adopted_networks(self) -> List[Network]:
        """Return the networks whose bridges were there before us."""
        return self._all(Network, "SELECT data FROM network WHERE json_extract(data, '$.adopted')")

    def sandbox(self, identifier: str) -> Optional[Sandbox]:
        """Return the sandbox with that id."""
        return self._known(Sandbox, identifier)

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
        return self._known(Endpoint, identifier)

    def endpoint_on(self, network: str, name: str) -> Optional[Endpoint]:
        """Return the endpoint with that name or that whole id on the network with that id."""
        if is_id(name):
            found = self.endpoint(name)
            return found if found is not None and found.network == network else None
        return self._one(Endpoint, "SELECT data FROM endpoint WHERE network = ? AND name = ?", network, name)

    def endpoint_alike(self, network: str, name: str) -> Optional[str]:
        """Return the name on the network with that id that differs from NAME only in upper and lower case."""
        query = "SELECT name FROM endpoint WHERE network = ? AND name <> ? AND name = ? COLLATE NOCASE LIMIT 1"
        row = self._connection.execute(query, (network, name, name)).fetchone()
        return str(row[0]) if row else None

    def endpoints(self) -> List[Endpoint]:
        """Return all endpoints, by name."""
        return self._all(Endpoint, "SELECT data FROM endpoint ORDER BY name, network")

    def endpoints_named(self, name: str) -> List[Endpoint]:
        """Return the endpoints with that name or that whole id, of any network."""
        if is_id(name):
            found = self.endpoint(name)
            return [found] if found is not None else []
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

    def name_servers(self, network: str) -> Dict[str, Tuple[str, ...]]:
        """Return the name servers of the running sandboxes on the network with that id which name any, by their ids."""
        rows = self._connection.execute(
            "SELECT sandbox.id, json_extract(sandbox.data, '$.dns_servers') AS servers FROM endpoint "
            "JOIN sandbox ON sandbox.id = endpoint.sandbox "
            "WHERE endpoint.network = ? AND sandbox.running AND servers IS NOT NULL",
            (network,),
        )
        return {identifier: tuple(json.loads(servers)) for identifier, servers in rows}

    def joined(self, network: str) -> int:
        """Return how many endpoints of the network with that id are joined to a sandbox."""
        if network not in self._joined:
            query = "SELECT count(*) FROM endpoint WHERE network = ? AND sandbox IS NOT NULL"
            self._joined[network] = int(self._connection.execute(query, (network,)).fetchone()[0])
        return self._joined[network]

    def has_networks(self) -> bool:
        """Say whether there is any network that is not predefined."""
        marks = ", ".join("?" * len(PREDEFINED))
        query = f"SELECT EXISTS (SELECT 1 FROM network WHERE name NOT IN ({marks}))"
        return bool(self._connection.execute(query, tuple(PREDEFINED)).fetchone()[0])

    def has_ipv6(self) -> bool:
        """Say whether any network has IPv6."""
        return bool(self._connection.execute("SELECT EXISTS (SELECT 1 FROM pool WHERE version = 6)").fetchone()[0])

    def underlays(self) -> List[Tuple[str, str, Dict[str, str], str, List[str]]]:
        """Return each network of several hosts: driver, name, options, the underlay's device, the peers' addresses."""
        rows = self._connection.execute(
            "SELECT json_extract(data, '$.driver'), name, json_extract(data, '$.options'), "
            "json_extract(data, '$.underlay.device'), "
            "(SELECT json_group_array(json_extract(value, '$.address')) FROM json_each(data, '$.underlay.peers')) "
            "FROM network WHERE json_type(data, '$.underlay') = 'object'"
        )
        return [
            (kind, name, json.loads(options), device, json.loads(peers)) for kind, name, options, device, peers in rows
        ]

    def networks_on_bridge(self, name: str) -> List[Network]:
        """Return the networks whose options name the bridge NAME."""
        return self._all(
            Network,
            f"SELECT data FROM network WHERE json_valid(data) AND {schema.BRIDGE_NAME} = ?",
            name,
        )

    def network_over(self, subnet: Subnet, but: Container[str] = ()) -> Optional[Network]:
        """Return a network, other than those with the ids BUT, which has a pool that overlaps SUBNET.

        The pools of these networks do not overlap each other.
        """
        rows = self._connection.execute(
            "SELECT network, last FROM pool WHERE version = ? AND first <= ? ORDER BY first DESC",
            (subnet.version, subnet.broadcast_address.packed),
        )
        for identifier, last in rows:
            if identifier in but:
                continue
            return self.network(identifier) if last >= subnet.network_address.packed else None
        return None

    def pool_ranges(self, version: int, but: str) -> List[Tuple[int, int]]:
        """Return first and last address of all pools of a family, in rising order, but those of the network BUT."""
        if version not in self._ranges:
            rows = self._connection.execute("SELECT first, last, network FROM pool WHERE version = ?", (version,))
            self._ranges[version] = sorted(
                (int.from_bytes(first, "big"), int.from_bytes(last, "big"), network) for first, last, network in rows
            )
        return [(first, last) for first, last, network in self._ranges[version] if network != but]

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
        return {name: Setting(original, Unit(kind, identifier)) for name, original, kind, identifier in rows}

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
            "INSERT OR REPLACE INTO network VALUES (?, ?, ?)", (network.id, network.name, self._text(network))
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
        self._put_ranges(network.id, network.pools)

    def put_sandbox(self, sandbox: Sandbox) -> None:
        """Write SANDBOX, new or changed."""
        if not self._unchanged("sandbox", sandbox):
            self._connection.execute(
                "INSERT OR REPLACE INTO sandbox VALUES (?, ?, ?, ?)",
                (sandbox.id, sandbox.name, sandbox.running, self._text(sandbox)),
            )

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """Write ENDPOINT, new or changed, with its host ports and those of its addresses that nobody else has.

        An address that another endpoint has now is claimed later, by claim(): that one may let it go.
        """
        before = self.endpoint(endpoint.id)
        if self._unchanged("endpoint", endpoint):
            return
        if before is not None:
            self._unclaim(before)
        self._count(endpoint, 1)
        self._connection.execute(
            "INSERT OR REPLACE INTO endpoint VALUES (?, ?, ?, ?, ?)",
            (endpoint.id, endpoint.name, endpoint.network, endpoint.sandbox, self._text(endpoint)),
        )
        for found in endpoint.held:
            if not self._claim(endpoint, found):
                self._unclaimed[endpoint.id] = None
        self._connection.executemany(
            "INSERT INTO port VALUES (?, ?, ?)",
            [(port.protocol, port.host_port, endpoint.id) for port in endpoint.ports if port.host_port],
        )

    def claim(self) -> Iterator[Tuple[Endpoint, Address, Endpoint]]:
        """Claim the addresses that others had; yield each that another one still has, and that other one."""
        unclaimed, self._unclaimed = self._unclaimed, {}
        for identifier in unclaimed:
            endpoint = self.endpoint(identifier)
            for found in endpoint.held if endpoint is not None else ():
                if endpoint is not None and not self._claim(endpoint, found):
                    holder = self.holder(endpoint.network, found.packed)
                    if holder is not None and holder.id != identifier:
                        yield endpoint, found, holder

    def _claim(self, endpoint: Endpoint, address: Address) -> bool:
        """Note that ENDPOINT has ADDRESS, and say whether that is so: whoever has it already keeps it."""
        done = self._connection.execute(
            "INSERT OR IGNORE INTO address VALUES (?, ?, ?, ?)",
            (endpoint.network, address.version, address.packed, endpoint.id),
        )
        return done.rowcount == 1

    def delete_network(self, network: Network) -> None:
        """Forget NETWORK and its claims of address ranges."""
        self._connection.execute("DELETE FROM pool WHERE network = ?", (network.id,))
        self._put_ranges(network.id, ())
        self._delete("network", network.id)

    def delete_sandbox(self, sandbox: Sandbox) -> None:
        """Forget SANDBOX."""
        self._delete("sandbox", sandbox.id)

    def delete_endpoint(self, endpoint: Endpoint) -> None:
        """Forget ENDPOINT and its claims."""
        before = self.endpoint(endpoint.id)
        if before is not None:
            self._unclaim(before)
        self._delete("endpoint", endpoint.id)

    def _put_ranges(self, network: str, pools: Sequence[Pool]) -> None:
        for version, ranges in self._ranges.items():
            ranges[:] = [known for known in ranges if known[2] != network]
            for pool in pools:
                if pool.subnet.version == version:
                    insort(ranges, (int(pool.subnet.network_address), int(pool.subnet.broadcast_address), network))

    def _delete(self, table: str, identifier: str) -> None:
        self._connection.execute(f"DELETE FROM {table} WHERE id = ?", (identifier,))
        self._note(table, identifier, None)

    def _unclaim(self, endpoint: Endpoint) -> None:
        self._count(endpoint, -1)
        self._connection.execute("DELETE FROM address WHERE endpoint = ?", (endpoint.id,))
        self._connection.execute("DELETE FROM port WHERE endpoint = ?", (endpoint.id,))

    def _count(self, endpoint: Endpoint, number: int) -> None:
        if endpoint.sandbox is not None and endpoint.network in self._joined:
            self._joined[endpoint.network] += number

    def _forget_answers(self) -> None:
        self._objects.clear()
        self._joined.clear()
        self._ranges.clear()
        for answers in self._answers.values():
            answers.clear()

    def _note(self, table: str, identifier: str, item: Optional[Object]) -> None:
        """Note that the object of TABLE with that id is ITEM now."""
        self._objects[(table, identifier)] = item
        self._answers[table].clear()
        # Which endpoints are running is a question of sandboxes too.
        self._answers["endpoint"].clear()
        self.touched.add(Unit(table, identifier))

    def _unchanged(self, table: str, item: Object) -> bool:
        if getattr(self, table)(item.id) == item:
            return True
        self._note(table, item.id, item)
        return False

    def _one(self, noun: Type[T], query: str, *arguments: Any) -> Optional[T]:
        return next(iter(self._all(noun, query, *arguments)), None)

    def _all(self, noun: Type[T], query: str, *arguments: Any) -> List[T]:
        answers = self._answers[noun.__name__.lower()]
        known: Optional[List[T]] = answers.get((query, arguments))
        if known is not None:
            return known[:]
        try:
            found = [self._read(noun, data) for (data,) in self._connection.execute(query, arguments)]
            answers[(query, arguments)] = found
            return found[:]
        except UnicodeEncodeError:  # half of a surrogate pair, which no name has
            return []
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise schema.damaged(self._path, error) from error

    def _known(self, noun: Type[T], identifier: str) -> Optional[T]:
        table = noun.__name__.lower()
        if (table, identifier) not in self._objects:
            query = f"SELECT data FROM {table} WHERE id = ?"
            self._objects[(table, identifier)] = self._one(noun, query, identifier)
        found = self._objects[(table, identifier)]
        return found if isinstance(found, noun) else None

    def _read(self, noun: Type[T], data: str) -> T:
        """Return the object that DATA is; the same one for the same text, as objects are values."""
        found = self._seen.get(data)
        if not isinstance(found, noun):
            found = from_json(noun, json.loads(data))
            if isinstance(found, Network) and found.driver not in LOADERS:
                raise ValueError(f"there is no driver '{found.driver}'")
            self._seen[data] = found
        return found

    def _text(self, item: Object) -> str:
        text = _encode(to_json(item))
        self._seen[text] = item
        return text

    def _find(self, noun: Type[T], table: str, reference: str) -> Optional[T]:
        by_name = self._one(noun, f"SELECT data FROM {table} WHERE name = ?", reference)
        if by_name is not None or not reference:
            return by_name
        prefixed = self._all(
            noun, f"SELECT data FROM {table} WHERE id >= ? AND id < ? LIMIT 3", reference, f"{reference}g"
        )
        return find(prefixed, reference)
