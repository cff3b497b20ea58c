# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store of one host: an SQLite file.

Each object is a row with JSON. Index tables hold what must be unique or found fast: names, address ranges, addresses,
host ports. They are written with the object, so they cannot differ from it.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import insort
from operator import attrgetter
from typing import (
    Any,
    Callable,
    Container,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    Type,
    TypeVar,
    Union,
)

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

_TABLES: Dict[Type[Any], str] = {Network: "network", Sandbox: "sandbox", Endpoint: "endpoint"}
_COLUMNS: Dict[Type[Any], Callable[[Any], Tuple[Any, ...]]] = {
    Network: attrgetter("id", "name"),
    Sandbox: attrgetter("id", "name", "running"),
    Endpoint: attrgetter("id", "name", "network", "sandbox"),
}
"""The attributes of an object that have columns of their own, before its JSON, so that queries can find it by them."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class SqliteStore:
    """The objects of one host, as of the last commit or of the transaction under way."""

    def __init__(
        self, connection: sqlite3.Connection, path: str = ":memory:", beside: "Optional[SqliteStore]" = None
    ) -> None:
        self._connection = connection
        self._path = path
        self._seen: Dict[str, Object] = beside._seen if beside else {}
        """Objects by their JSON text. They are values, so a store opened BESIDE this one shares them."""
        self._objects: Dict[Type[Any], Dict[str, Any]] = {noun: {} for noun in _TABLES}
        """The known objects of the transaction, by noun and id; None for objects that do not exist."""
        self._answers: Dict[Type[Any], Dict[Tuple[Any, ...], List[Any]]] = {noun: {} for noun in _TABLES}
        """Results of queries of a table since the last write to it."""
        self._ids: Dict[Tuple[str, ...], Optional[str]] = {}
        """Ids that were asked for, by table and name; for endpoints, by table, network and name."""
        self._inside: Dict[str, Dict[str, Endpoint]] = {}
        """Endpoints joined to a sandbox, by sandbox and endpoint id, if that was asked for."""
        self._joined: Dict[str, int] = {}
        """The number of joined endpoints by network, if that was asked for."""
        self._published: Dict[str, Tuple[Endpoint, Mapping[Tuple[str, int], Sequence[Port]]]] = {}
        """Endpoints that were found by a host port, by id, with their ports by protocol and host port."""
        self._ranges: Dict[int, List[Tuple[int, int, str]]] = {}
        """First and last address of all pools of a family, with their networks, if that was asked for."""
        self.touched: Set[Unit] = set()
        """The objects that this transaction has changed."""
        self._pending: Dict[str, bool] = {}
        """Ids of endpoints whose rows are still to be written, and whether there is a row.

        An endpoint changes several times in a run. Its row is written when a query needs it: mostly once, at the end.
        """
        self._spellings: Dict[Tuple[str, str], Dict[str, str]] = {}
        """Names of endpoints without a row, by id; by the network and the name in lower case."""
        self._unclaimed: Dict[str, None] = {}
        """Ids of endpoints that asked for an address of another endpoint, in the order in which they were written."""

    @classmethod
    def memory(cls) -> "SqliteStore":
        """Return an empty store in memory."""
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
        """Return a copy of this store in memory; writing to the copy does not change this store."""
        self._flush()
        return SqliteStore(schema.in_memory(self._connection), self._path, self)

    def close(self) -> None:
        """Close the file; what was not committed is undone."""
        self._connection.close()

    def begin(self, write: bool) -> None:
        """Start a transaction; without WRITE, it sees the store as it is now until it ends."""
        self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        self._connection.execute("SELECT EXISTS (SELECT 1 FROM setting)").fetchone()
        self._forget_answers()
        self.touched = set()
        self._unclaimed.clear()

    def commit(self) -> None:
        """Commit the transaction."""
        self._flush()
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Roll the transaction back."""
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
        return self._named(Network, name)

    def find_network(self, reference: str) -> Optional[Network]:
        """Return the network with that name, id or unique id prefix; ValueError if it is ambiguous."""
        return self._find(Network, "network", reference)

    def networks(self) -> List[Network]:
        """Return all networks, by name."""
        return self._all(Network, "SELECT * FROM network ORDER BY name")

    def adopted_networks(self) -> List[Network]:
        """Return the networks whose bridges were there before us."""
        return self._all(Network, "SELECT * FROM network WHERE json_extract(data, '$.adopted')")

    def sandbox(self, identifier: str) -> Optional[Sandbox]:
        """Return the sandbox with that id."""
        return self._known(Sandbox, identifier)

    def sandbox_named(self, name: str) -> Optional[Sandbox]:
        """Return the sandbox with that name or that whole id."""
        return self._named(Sandbox, name)

    def find_sandbox(self, reference: str) -> Optional[Sandbox]:
        """Return the sandbox with that name, id or unique id prefix; ValueError if it is ambiguous."""
        return self._find(Sandbox, "sandbox", reference)

    def sandboxes(self) -> List[Sandbox]:
        """Return all sandboxes, by name."""
        return self._all(Sandbox, "SELECT * FROM sandbox ORDER BY name")

    def endpoint(self, identifier: str) -> Optional[Endpoint]:
        """Return the endpoint with that id."""
        return self._known(Endpoint, identifier)

    def endpoint_on(self, network: str, name: str) -> Optional[Endpoint]:
        """Return the endpoint with that name or that whole id on the network with that id."""
        if is_id(name):
            endpoint = self.endpoint(name)
            return endpoint if endpoint is not None and endpoint.network == network else None
        return self._by_name(Endpoint, "network = ? AND name = ?", network, name)

    def endpoint_alike(self, network: str, name: str) -> Optional[str]:
        """Return the name on the network with that id that differs from NAME only in upper and lower case."""
        for other in self._spellings.get((network, name.lower()), {}).values():
            if other != name:
                return other
        query = "SELECT name FROM endpoint WHERE network = ? AND name <> ? AND name = ? COLLATE NOCASE LIMIT 1"
        row = self._connection.execute(query, (network, name, name)).fetchone()
        return str(row[0]) if row else None

    def endpoints(self) -> List[Endpoint]:
        """Return all endpoints, by name."""
        return self._all(Endpoint, "SELECT * FROM endpoint ORDER BY name, network")

    def endpoints_named(self, name: str) -> List[Endpoint]:
        """Return the endpoints with that name or that whole id, of any network."""
        if is_id(name):
            endpoint = self.endpoint(name)
            return [endpoint] if endpoint is not None else []
        return self._all(Endpoint, "SELECT * FROM endpoint WHERE name = ? ORDER BY network", name)

    def endpoints_of_network(self, identifier: str) -> List[Endpoint]:
        """Return the endpoints of the network with that id, by name."""
        return self._all(Endpoint, "SELECT * FROM endpoint WHERE network = ? ORDER BY name", identifier)

    def endpoints_of_sandbox(self, identifier: str) -> List[Endpoint]:
        """Return the endpoints joined to the sandbox with that id, by name."""
        endpoints = list(self._members(identifier).values())
        return sorted(endpoints, key=attrgetter("name", "network")) if len(endpoints) > 1 else endpoints

    def running_endpoints(self, network: str) -> List[Endpoint]:
        """Return the endpoints of the network with that id that are joined to a running sandbox, by name."""
        return self._all(
            Endpoint,
            "SELECT endpoint.* FROM endpoint JOIN sandbox ON sandbox.id = endpoint.sandbox "
            "WHERE endpoint.network = ? AND sandbox.running ORDER BY endpoint.name",
            network,
        )

    def name_servers(self, network: str) -> Dict[str, Tuple[str, ...]]:
        """Return the name servers of running sandboxes with their own, on the network with that id, by sandbox id."""
        self._flush()
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
            self._flush()
            query = "SELECT count(*) FROM endpoint WHERE network = ? AND sandbox IS NOT NULL"
            self._joined[network] = int(self._connection.execute(query, (network,)).fetchone()[0])
        return self._joined[network]

    def has_networks(self, driver: str) -> bool:
        """Say whether there is any network of DRIVER that is not predefined."""
        marks = ", ".join("?" * len(PREDEFINED))
        query = f"SELECT 1 FROM network WHERE json_valid(data) AND {schema.DRIVER} = ? AND name NOT IN ({marks})"
        return self._exists(query, driver, *PREDEFINED)

    def has_ipv6(self, driver: str) -> bool:
        """Say whether any network of DRIVER has IPv6."""
        query = (
            "SELECT 1 FROM pool JOIN network ON network.id = pool.network WHERE pool.version = 6 AND json_valid(data)"
        )
        return self._exists(f"{query} AND {schema.DRIVER} = ?", driver)

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
            f"SELECT * FROM network WHERE json_valid(data) AND {schema.BRIDGE_NAME} = ?",
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
        query = "SELECT endpoint FROM address WHERE network = ? AND version = ? AND address = ?"
        row = self._connection.execute(query, (network, 4 if len(packed) == 4 else 6, packed)).fetchone()
        return self.endpoint(row[0]) if row else None

    def ports(self, protocol: str, number: int) -> List[Tuple[Endpoint, Port]]:
        """Return the published ports that have the host's port NUMBER, with their endpoints."""
        query = "SELECT DISTINCT endpoint FROM port WHERE protocol = ? AND port = ? ORDER BY endpoint"
        rows = self._connection.execute(query, (protocol, number)).fetchall()
        holders = [self.endpoint(identifier) for (identifier,) in rows]
        return [
            (holder, port)
            for holder in holders
            if holder is not None
            for port in self._host_ports(holder).get((protocol, number), ())
        ]

    def _host_ports(self, endpoint: Endpoint) -> Mapping[Tuple[str, int], Sequence[Port]]:
        known = self._published.get(endpoint.id)
        if known is None or known[0] is not endpoint:
            known = self._published[endpoint.id] = (endpoint, _host_ports(endpoint))
        return known[1]

    def settings(self) -> Dict[str, Setting]:
        """Return the kernel settings of the host that we have changed, by name."""
        rows = self._connection.execute("SELECT name, original, kind, object FROM setting")
        return {name: Setting(original, Unit(kind, identifier)) for name, original, kind, identifier in rows}

    def put_setting(self, name: str, setting: Setting) -> None:
        """Remember the value that a kernel setting had before us, unless it is already remembered."""
        self._connection.execute(
            "INSERT OR IGNORE INTO setting VALUES (?, ?, ?, ?)", (name, setting.original, *setting.unit)
        )

    def delete_setting(self, name: str) -> None:
        """Forget the value that a kernel setting had before us."""
        self._connection.execute("DELETE FROM setting WHERE name = ?", (name,))

    def put_network(self, network: Network) -> None:
        """Write NETWORK, new or changed."""
        if self._unchanged(Network, network):
            return
        self._connection.execute(
            "INSERT OR REPLACE INTO network VALUES (?, ?, ?)", (*_COLUMNS[Network](network), self._text(network))
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
        if not self._unchanged(Sandbox, sandbox):
            self._connection.execute(
                "INSERT OR REPLACE INTO sandbox VALUES (?, ?, ?, ?)",
                (*_COLUMNS[Sandbox](sandbox), self._text(sandbox)),
            )

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """Write ENDPOINT, new or changed, with its host ports and those of its addresses that are free.

        An address that another endpoint still has is claimed later, by claim(), because that endpoint may release it.
        """
        before = self.endpoint(endpoint.id)
        if before == endpoint:
            return
        if before is None:
            alike = self._spellings.setdefault((endpoint.network, endpoint.name.lower()), {})
            alike[endpoint.id] = endpoint.name
        self._pending.setdefault(endpoint.id, before is not None)
        self._claim_all(endpoint, before)
        self._move(before, endpoint)
        self._note(Endpoint, endpoint.id, endpoint)

    def _claim_all(self, endpoint: Endpoint, before: Optional[Endpoint]) -> None:
        """Claim the addresses and ports of ENDPOINT, and release those that it had only BEFORE."""
        held: Tuple[Address, ...] = before.held if before is not None else ()
        if any(address not in endpoint.held for address in held):
            self._connection.execute("DELETE FROM address WHERE endpoint = ?", (endpoint.id,))
            held = ()
        for address in endpoint.held:
            if address not in held and not self._claim(endpoint, address):
                self._unclaimed[endpoint.id] = None
        ports, had = set(_host_ports(endpoint)), set(_host_ports(before) if before is not None else ())
        if had - ports:
            self._connection.execute("DELETE FROM port WHERE endpoint = ?", (endpoint.id,))
            had = set()
        self._connection.executemany(
            "INSERT INTO port VALUES (?, ?, ?)", [(*port, endpoint.id) for port in sorted(ports - had)]
        )

    def claim(self) -> Iterator[Tuple[Endpoint, Address, Endpoint]]:
        """Claim the addresses that others had; yield each that another endpoint still has, with that endpoint."""
        unclaimed, self._unclaimed = self._unclaimed, {}
        for identifier in unclaimed:
            endpoint = self.endpoint(identifier)
            for address in endpoint.held if endpoint is not None else ():
                if endpoint is not None and not self._claim(endpoint, address):
                    holder = self.holder(endpoint.network, address.packed)
                    if holder is not None and holder.id != identifier:
                        yield endpoint, address, holder

    def _claim(self, endpoint: Endpoint, address: Address) -> bool:
        """Claim ADDRESS for ENDPOINT, and say whether that succeeded: another endpoint that has it keeps it."""
        done = self._connection.execute(
            "INSERT OR IGNORE INTO address VALUES (?, ?, ?, ?)",
            (endpoint.network, address.version, address.packed, endpoint.id),
        )
        return done.rowcount == 1

    def delete_network(self, network: Network) -> None:
        """Forget NETWORK and its claims of address ranges."""
        self._connection.execute("DELETE FROM pool WHERE network = ?", (network.id,))
        self._put_ranges(network.id, ())
        self._delete(Network, network.id)

    def delete_sandbox(self, sandbox: Sandbox) -> None:
        """Forget SANDBOX."""
        self._delete(Sandbox, sandbox.id)

    def delete_endpoint(self, endpoint: Endpoint) -> None:
        """Forget ENDPOINT and its claims."""
        self._flush()
        self._connection.execute("DELETE FROM address WHERE endpoint = ?", (endpoint.id,))
        self._connection.execute("DELETE FROM port WHERE endpoint = ?", (endpoint.id,))
        self._move(self.endpoint(endpoint.id), None)
        self._delete(Endpoint, endpoint.id)

    def _put_ranges(self, network: str, pools: Sequence[Pool]) -> None:
        for version, ranges in self._ranges.items():
            ranges[:] = [known for known in ranges if known[2] != network]
            for pool in pools:
                if pool.subnet.version == version:
                    insort(ranges, (int(pool.subnet.network_address), int(pool.subnet.broadcast_address), network))

    def _delete(self, noun: Type[Any], identifier: str) -> None:
        self._connection.execute(f"DELETE FROM {_TABLES[noun]} WHERE id = ?", (identifier,))
        self._note(noun, identifier, None)

    def _move(self, before: Optional[Endpoint], now: Optional[Endpoint]) -> None:
        """Note that an endpoint has moved from the sandbox that it had BEFORE to the one that it has NOW."""
        for endpoint, number in ((before, -1), (now, 1)):
            if endpoint is None or endpoint.sandbox is None:
                continue
            if endpoint.network in self._joined:
                self._joined[endpoint.network] += number
            members = self._members(endpoint.sandbox)
            members.pop(endpoint.id, None)
            if endpoint is now:
                members[endpoint.id] = endpoint

    def _members(self, sandbox: str) -> Dict[str, Endpoint]:
        """Return the endpoints that are joined to a sandbox, by id, with changes that are still pending."""
        if sandbox not in self._inside:
            endpoints = self._read_all(Endpoint, "SELECT * FROM endpoint WHERE sandbox = ?", sandbox)
            self._inside[sandbox] = {endpoint.id: endpoint for endpoint in endpoints}
        return self._inside[sandbox]

    def _flush(self) -> None:
        """Write the rows of endpoints that are pending."""
        if not self._pending:
            return
        new, old = [], []
        for identifier, has_row in self._pending.items():
            endpoint = self.endpoint(identifier)
            if endpoint is None:
                continue
            text = self._text(endpoint)
            if has_row:
                old.append((endpoint.sandbox, text, endpoint.id))
            else:
                new.append((*_COLUMNS[Endpoint](endpoint), text))
        self._forget_pending()
        self._connection.executemany("INSERT OR REPLACE INTO endpoint VALUES (?, ?, ?, ?, ?)", new)
        self._connection.executemany("UPDATE endpoint SET sandbox = ?, data = ? WHERE id = ?", old)

    def _forget_pending(self) -> None:
        self._pending.clear()
        self._spellings.clear()

    def _forget_answers(self) -> None:
        self._forget_pending()
        for objects in self._objects.values():
            objects.clear()
        self._ids.clear()
        self._inside.clear()
        self._joined.clear()
        self._ranges.clear()
        for answers in self._answers.values():
            answers.clear()

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

    def _unchanged(self, noun: Type[Any], item: Object) -> bool:
        if self._known(noun, item.id) == item:
            return True
        self._note(noun, item.id, item)
        return False

    def _exists(self, query: str, *arguments: Any) -> bool:
        return bool(self._connection.execute(f"SELECT EXISTS ({query})", arguments).fetchone()[0])

    def _one(self, noun: Type[T], query: str, *arguments: Any) -> Optional[T]:
        return next(iter(self._read_all(noun, query, *arguments)), None)

    def _all(self, noun: Type[T], query: str, *arguments: Any) -> List[T]:
        answers = self._answers[noun]
        known: Optional[List[T]] = answers.get((query, arguments))
        if known is None:
            self._flush()
            known = answers[(query, arguments)] = self._read_all(noun, query, *arguments)
        return known[:]

    def _read_all(self, noun: Type[T], query: str, *arguments: Any) -> List[T]:
        """Return what QUERY finds in the rows, which do not contain pending endpoints yet."""
        try:
            return [self._read(noun, *row) for row in self._connection.execute(query, arguments)]
        except UnicodeEncodeError:  # No name contains half of a surrogate pair.
            return []
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise schema.damaged(self._path, error) from error

    def _named(self, noun: Type[T], name: str) -> Optional[T]:
        return self._known(noun, name) if is_id(name) else self._by_name(noun, "name = ?", name)

    def _by_name(self, noun: Type[T], condition: str, *names: str) -> Optional[T]:
        """Return the object with NAMES, its name and before it its network's id if it has one, that meets CONDITION."""
        key = (_TABLES[noun], *names)
        if key not in self._ids:
            item = self._one(noun, f"SELECT * FROM {_TABLES[noun]} WHERE {condition}", *names)
            self._ids[key] = item.id if item is not None else None
            if item is not None:
                self._objects[noun].setdefault(item.id, item)
        identifier = self._ids[key]
        return self._known(noun, identifier) if identifier is not None else None

    def _known(self, noun: Type[T], identifier: str) -> Optional[T]:
        objects = self._objects[noun]
        if identifier not in objects:
            objects[identifier] = self._one(noun, f"SELECT * FROM {_TABLES[noun]} WHERE id = ?", identifier)
        item: Optional[T] = objects[identifier]
        return item

    def _read(self, noun: Type[T], *row: Any) -> T:
        """Return the object in ROW, of the table of NOUN; the same object for the same text: objects are values."""
        *columns, data = row
        item = self._seen.get(data)
        if not isinstance(item, noun):
            item = from_json(noun, json.loads(data))
            if isinstance(item, Network) and item.driver not in LOADERS:
                raise ValueError(f"there is no driver '{item.driver}'")
            self._seen[data] = item
        if _COLUMNS[noun](item) != tuple(columns):
            raise ValueError(f"the row of '{columns[1]}' contains another {_TABLES[noun]}")
        return item

    def _text(self, item: Object) -> str:
        text = _encode(to_json(item))
        self._seen[text] = item
        return text

    def _find(self, noun: Type[T], table: str, reference: str) -> Optional[T]:
        by_name = self._named(noun, reference)
        if by_name is not None or not reference:
            return by_name
        prefixed = self._all(
            noun, f"SELECT * FROM {table} WHERE id >= ? AND id < ? LIMIT 3", reference, f"{reference}g"
        )
        return find(prefixed, reference)


def _host_ports(endpoint: Endpoint) -> Mapping[Tuple[str, int], Sequence[Port]]:
    """Return the ports of ENDPOINT that have a host port, by protocol and host port; there may be thousands."""
    ports: Dict[Tuple[str, int], List[Port]] = {}
    for port in endpoint.ports:
        if port.host_port is not None:
            ports.setdefault((port.protocol, port.host_port), []).append(port)
    return ports
