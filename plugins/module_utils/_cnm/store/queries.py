# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be asked of a store."""

from __future__ import annotations

import json
import sqlite3
from operator import attrgetter
from typing import Any, Container, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..drivers import LOADERS
from ..model.addresses import Subnet
from ..model.endpoint import Endpoint, Port
from ..model.ids import is_id
from ..model.network import PREDEFINED, Network
from ..model.reported import Place, Reported, place_of
from ..model.sandbox import NAMESPACES, Sandbox
from . import schema
from .claims import Claims
from .journal import Setting, Unit
from .members import Members
from .ranges import Ranges
from .reports import Reports, Sums
from .rows import Rows


class DriverInUse(NamedTuple):
    """A driver that has networks."""

    name: str
    own: bool
    """Whether users have made any of them; the others are predefined."""
    ipv6: bool
    """Whether any of them has IPv6."""


class Queries:
    """The objects of one host, as of the last commit or of the transaction under way."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        """Ask the store at PATH by its CONNECTION."""
        self.file: Optional[Tuple[int, int]] = None
        """Device and inode of the store's file; None if it is in memory."""
        self._connection = connection
        self._rows = Rows(connection, path)
        self._members = Members(connection, self._rows)
        self._ranges = Ranges(connection)
        self._claims = Claims(connection)
        self._reports = Reports(connection, path)

    def network(self, identifier: str) -> Optional[Network]:
        """Return the network with that id."""
        return self._rows.known(Network, identifier)

    def network_named(self, name: str) -> Optional[Network]:
        """Return the network with that name or that whole id."""
        return self._rows.named(Network, name)

    def find_network(self, reference: str) -> Optional[Network]:
        """Return the network with that name, id or unique id prefix; ValueError if it is ambiguous."""
        return self._rows.find(Network, reference)

    def networks(self) -> List[Network]:
        """Return all networks, by name."""
        return self._rows.all(Network, "SELECT * FROM network ORDER BY name")

    def adopted_networks(self) -> List[Network]:
        """Return the networks whose bridges were there before us."""
        return self._rows.all(Network, "SELECT * FROM network WHERE json_extract(data, '$.adopted')")

    def sandbox(self, identifier: str) -> Optional[Sandbox]:
        """Return the sandbox with that id."""
        return self._rows.known(Sandbox, identifier)

    def sandbox_named(self, name: str) -> Optional[Sandbox]:
        """Return the sandbox with that name or that whole id."""
        return self._rows.named(Sandbox, name)

    def find_sandbox(self, reference: str) -> Optional[Sandbox]:
        """Return the sandbox with that name, id or unique id prefix; ValueError if it is ambiguous."""
        return self._rows.find(Sandbox, reference)

    def sandboxes(self) -> List[Sandbox]:
        """Return all sandboxes, by name."""
        return self._rows.all(Sandbox, "SELECT * FROM sandbox ORDER BY name")

    def sandboxes_of_container(self, identifier: str) -> List[Sandbox]:
        """Return the sandboxes that are the container with that id, as labels say, by name."""
        query = f"SELECT * FROM sandbox WHERE json_valid(data) AND {schema.CONTAINER} = ? ORDER BY name"
        return self._rows.all(Sandbox, query, identifier)

    def namespaces(self) -> Iterator[Tuple[str, str, Optional[str]]]:
        """Yield where sandboxes may have a namespace: the sandbox's id, the path, the identity if it has one."""
        # Not as objects: that takes twice the time, and there may be a thousand.
        fields = "id, name, json_extract(data, '$.netns'), json_extract(data, '$.identity')"
        rows = self._connection.execute(f"SELECT {fields} FROM sandbox WHERE {schema.MAY_HAVE_NAMESPACE}")
        for identifier, name, adopted, identity in rows:
            yield identifier, adopted or f"{NAMESPACES}/{name}", identity

    def endpoint(self, identifier: str) -> Optional[Endpoint]:
        """Return the endpoint with that id."""
        return self._rows.known(Endpoint, identifier)

    def endpoint_on(self, network: str, name: str) -> Optional[Endpoint]:
        """Return the endpoint with that name or that whole id on the network with that id."""
        if is_id(name):
            endpoint = self.endpoint(name)
            return endpoint if endpoint is not None and endpoint.network == network else None
        return self._rows.by_name(Endpoint, "network = ? AND name = ?", network, name)

    def endpoint_alike(self, network: str, name: str) -> Optional[str]:
        """Return the name on the network with that id that differs from NAME only in upper and lower case."""
        return self._rows.alike(network, name)

    def endpoints(self) -> List[Endpoint]:
        """Return all endpoints, by name."""
        return self._rows.all(Endpoint, "SELECT * FROM endpoint ORDER BY name, network")

    def endpoints_named(self, name: str) -> List[Endpoint]:
        """Return the endpoints with that name or that whole id, of any network."""
        if is_id(name):
            endpoint = self.endpoint(name)
            return [endpoint] if endpoint is not None else []
        return self._rows.all(Endpoint, "SELECT * FROM endpoint WHERE name = ? ORDER BY network", name)

    def endpoints_of_network(self, identifier: str) -> List[Endpoint]:
        """Return the endpoints of the network with that id, by name."""
        return self._rows.all(Endpoint, "SELECT * FROM endpoint WHERE network = ? ORDER BY name", identifier)

    def endpoints_of_sandbox(self, identifier: str) -> List[Endpoint]:
        """Return the endpoints joined to the sandbox with that id, by name."""
        endpoints = list(self._members.inside(identifier).values())
        return sorted(endpoints, key=attrgetter("name", "network")) if len(endpoints) > 1 else endpoints

    def running_endpoints(self, network: str) -> List[Endpoint]:
        """Return the endpoints of the network with that id that are joined to a running sandbox, by name."""
        return self._rows.all(
            Endpoint,
            "SELECT endpoint.* FROM endpoint JOIN sandbox ON sandbox.id = endpoint.sandbox "
            "WHERE endpoint.network = ? AND sandbox.running ORDER BY endpoint.name",
            network,
        )

    def read_sandboxes_on(self, network: str) -> List[str]:
        """Return the ids of the running sandboxes on the network with that id.

        They and all their endpoints are read in two queries. Otherwise, each would take two when it is asked for.
        """
        condition = "WHERE endpoint.network = ? AND sandbox.running"
        sandboxes = "endpoint JOIN sandbox ON sandbox.id = endpoint.sandbox"
        others = f"{sandboxes} JOIN endpoint AS other ON other.sandbox = sandbox.id"
        self._rows.flush()
        running = self._rows.written(Sandbox, f"SELECT sandbox.* FROM {sandboxes} {condition}", network)
        endpoints = self._rows.written(Endpoint, f"SELECT other.* FROM {others} {condition}", network)
        self._members.note_inside((sandbox.id for sandbox in running), endpoints)
        return [sandbox.id for sandbox in running]

    def name_servers(self, network: str) -> Dict[str, Tuple[str, ...]]:
        """Return the name servers of running sandboxes with their own, on the network with that id, by sandbox id."""
        self._rows.flush()
        rows = self._connection.execute(
            f"SELECT id, json_extract(data, '$.dns_servers') FROM sandbox WHERE {schema.HAS_NAME_SERVERS} AND running "
            "AND EXISTS (SELECT 1 FROM endpoint WHERE endpoint.sandbox = sandbox.id AND endpoint.network = ?)",
            (network,),
        )
        return {identifier: tuple(json.loads(servers)) for identifier, servers in rows}

    def joined(self, network: str) -> int:
        """Return how many endpoints of the network with that id are joined to a sandbox."""
        return self._members.joined(network)

    def drivers_in_use(self) -> List[DriverInUse]:
        """Return the drivers that have any network."""
        names = list(LOADERS)
        of_driver = f"json_valid(data) AND {schema.DRIVER} = driver.name"
        networks = f"SELECT 1 FROM network WHERE {of_driver}"
        ipv6 = f"SELECT 1 FROM pool JOIN network ON network.id = pool.network WHERE pool.version = 6 AND {of_driver}"
        rows = self._connection.execute(
            f"WITH driver (name) AS (VALUES {', '.join(['(?)'] * len(names))}) "
            f"SELECT name, EXISTS ({networks} AND network.name NOT IN {PREDEFINED}), EXISTS ({ipv6}) "
            f"FROM driver WHERE EXISTS ({networks})",
            names,
        )
        return [DriverInUse(name, bool(own), bool(has_ipv6)) for name, own, has_ipv6 in rows]

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

    def has_underlays(self) -> bool:
        """Say whether there is any network of several hosts."""
        query = "SELECT EXISTS (SELECT 1 FROM network WHERE json_type(data, '$.underlay') = 'object')"
        return bool(self._connection.execute(query).fetchone()[0])

    def networks_on_bridge(self, name: str) -> List[Network]:
        """Return the networks whose options name the bridge NAME."""
        return self._rows.all(
            Network,
            f"SELECT * FROM network WHERE json_valid(data) AND {schema.BRIDGE_NAME} = ?",
            name,
        )

    def networks_on_parent(self, name: str) -> List[Network]:
        """Return the networks whose options name the interface NAME of the host as their parent or uplink."""
        return self._rows.all(Network, f"SELECT * FROM network WHERE json_valid(data) AND {schema.PARENT} = ?", name)

    def network_over(self, subnet: Subnet, but: Container[str] = ()) -> Optional[Network]:
        """Return a network, other than those with the ids BUT, which has a pool that overlaps SUBNET.

        The pools of these networks do not overlap each other.
        """
        identifier = self._ranges.over(subnet, but)
        return self.network(identifier) if identifier is not None else None

    def pool_ranges(self, version: int, but: str) -> List[Tuple[int, int]]:
        """Return first and last address of all pools of a family, in ascending order, but those of the network BUT."""
        return self._ranges.all(version, but)

    def taken(self, network: str, version: int, start: int) -> Iterator[int]:
        """Yield the addresses of a network's endpoints, from START on, in ascending order."""
        return self._claims.taken(network, version, start)

    def holder(self, network: str, packed: bytes) -> Optional[Endpoint]:
        """Return the endpoint of a network that has the address with these bytes."""
        identifier = self._claims.holder(network, packed)
        return self.endpoint(identifier) if identifier is not None else None

    def held(self, network: str) -> Dict[bytes, str]:
        """Return the addresses of a network's endpoints, as bytes, each with the endpoint's id."""
        return self._claims.all(network)

    def reported(self, identifier: str) -> Optional[Reported]:
        """Return what agents report of the place with that id."""
        return self.report(place_of(identifier))

    def report(self, place: Place) -> Optional[Reported]:
        """Return what agents report of PLACE."""
        return self._reports.at(place)

    def reports(self, network: str) -> List[Reported]:
        """Return what agents report of the network with that id, the oldest first."""
        return self._reports.all(network)

    def has_reports(self, network: str) -> bool:
        """Say whether agents report anything of the network with that id."""
        return self._reports.any(network)

    def reports_sharing(self, network: str, keys: Iterable[str]) -> List[Reported]:
        """Return the reports that have one of KEYS, addresses and MAC addresses, on a network; the oldest first."""
        return self._reports.sharing(network, keys)

    def sums_of_reports(self) -> Dict[str, Sums]:
        """Return by network id what tells whether the reports are still the same."""
        return self._reports.sums()

    def sums_of(self, network: str) -> Sums:
        """Return what tells whether the reports of the network with that id are still the same."""
        return self._reports.sums_of(network)

    def reports_changed_since(self, network: str, sums: Sums) -> Optional[Set[Place]]:
        """Return what of the network with that id has changed since it had SUMS; None if that is not known."""
        return self._reports.changed_since(network, sums)

    def ports(self, protocol: str, number: int) -> List[Tuple[Endpoint, Port]]:
        """Return the published ports that have the host's port NUMBER, with their endpoints."""
        holders = map(self.endpoint, self._claims.publishers(protocol, number))
        return [
            (holder, port)
            for holder in holders
            if holder is not None
            for port in self._claims.published(holder, protocol, number)
        ]

    def settings(self) -> Dict[str, Setting]:
        """Return the kernel settings of the host that we have changed, by name."""
        rows = self._connection.execute("SELECT name, original, kind, object FROM setting")
        return {name: Setting(original, Unit(kind, identifier)) for name, original, kind, identifier in rows}

    def networks_by_driver(self) -> Dict[str, int]:
        """Return how many networks there are, by the name of their driver."""
        return self._counts(f"SELECT {schema.DRIVER} AS driver, COUNT(*) FROM network GROUP BY driver")

    def endpoints_by_network(self) -> Dict[str, int]:
        """Return how many endpoints each network has, by the network's name."""
        count = "SELECT COUNT(*) FROM endpoint WHERE endpoint.network = network.id"
        return self._counts(f"SELECT name, ({count}) FROM network")

    def sandboxes_by_state(self) -> Dict[bool, int]:
        """Return how many sandboxes there are, by whether they run."""
        counts = self._counts("SELECT running, COUNT(*) FROM sandbox GROUP BY running")
        return {state: counts.get(state, 0) for state in (True, False)}

    def _counts(self, query: str) -> Dict[Any, int]:
        return dict(self._connection.execute(query).fetchall())
