# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses and the host's ports that endpoints have, so that each address is unique on its network."""

from __future__ import annotations

import sqlite3
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..model.addresses import Address
from ..model.endpoint import Endpoint, Port


class Claims:
    """The addresses and the host's ports of endpoints."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._unclaimed: Dict[str, None] = {}
        """Ids of endpoints that asked for an address of another endpoint, in the order in which they were written."""
        self._published: Dict[str, Tuple[Endpoint, Mapping[Tuple[str, int], Sequence[Port]]]] = {}
        """Endpoints that were found by a host port, by id, with their ports by protocol and host port."""

    def put(self, endpoint: Endpoint, before: Optional[Endpoint]) -> None:
        """Claim the addresses that are free and the ports of ENDPOINT, and release those that it had only BEFORE."""
        held: Tuple[Address, ...] = before.held if before is not None else ()
        if any(address not in endpoint.held for address in held):
            self._connection.execute("DELETE FROM address WHERE endpoint = ?", (endpoint.id,))
            held = ()
        for address in endpoint.held:
            if address not in held and not self.claim(endpoint, address):
                self._unclaimed[endpoint.id] = None
        ports, had = set(_host_ports(endpoint)), set(_host_ports(before) if before is not None else ())
        if had - ports:
            self._connection.execute("DELETE FROM port WHERE endpoint = ?", (endpoint.id,))
            had = set()
        self._connection.executemany(
            "INSERT INTO port VALUES (?, ?, ?)", [(*port, endpoint.id) for port in sorted(ports - had)]
        )

    def claim(self, endpoint: Endpoint, address: Address) -> bool:
        """Claim ADDRESS for ENDPOINT, and say whether that succeeded: another endpoint that has it keeps it."""
        done = self._connection.execute(
            "INSERT OR IGNORE INTO address VALUES (?, ?, ?, ?)",
            (endpoint.network, address.version, address.packed, endpoint.id),
        )
        return done.rowcount == 1

    def unclaimed(self) -> List[str]:
        """Return the ids of endpoints for which put() could not claim an address, once."""
        identifiers = list(self._unclaimed)
        self._unclaimed.clear()
        return identifiers

    def delete(self, endpoint: str) -> None:
        """Release the addresses and ports of the endpoint with that id."""
        self._connection.execute("DELETE FROM address WHERE endpoint = ?", (endpoint,))
        self._connection.execute("DELETE FROM port WHERE endpoint = ?", (endpoint,))

    def taken(self, network: str, version: int, start: int) -> Iterator[int]:
        """Yield the addresses of a network's endpoints, from START on, in ascending order."""
        length = 4 if version == 4 else 16
        rows = self._connection.execute(
            "SELECT address FROM address WHERE network = ? AND version = ? AND address >= ? ORDER BY address",
            (network, version, start.to_bytes(length, "big")),
        )
        for (packed,) in rows:
            yield int.from_bytes(packed, "big")

    def all(self, network: str) -> Dict[bytes, str]:
        """Return the addresses of a network's endpoints, as bytes, each with the endpoint's id."""
        rows = self._connection.execute("SELECT address, endpoint FROM address WHERE network = ?", (network,))
        return dict(rows.fetchall())

    def holder(self, network: str, packed: bytes) -> Optional[str]:
        """Return the id of the endpoint of a network that has the address with these bytes."""
        query = "SELECT endpoint FROM address WHERE network = ? AND version = ? AND address = ?"
        row = self._connection.execute(query, (network, 4 if len(packed) == 4 else 6, packed)).fetchone()
        return str(row[0]) if row else None

    def publishers(self, protocol: str, port: int) -> List[str]:
        """Return the ids of the endpoints that publish PORT of the host."""
        query = "SELECT DISTINCT endpoint FROM port WHERE protocol = ? AND port = ? ORDER BY endpoint"
        return [identifier for (identifier,) in self._connection.execute(query, (protocol, port))]

    def published(self, endpoint: Endpoint, protocol: str, port: int) -> Sequence[Port]:
        """Return the published ports of ENDPOINT that have PORT of the host."""
        known = self._published.get(endpoint.id)
        if known is None or known[0] is not endpoint:
            known = self._published[endpoint.id] = (endpoint, _host_ports(endpoint))
        return known[1].get((protocol, port), ())

    def forget(self) -> None:
        """Forget which addresses could not be claimed."""
        self._unclaimed.clear()


def _host_ports(endpoint: Endpoint) -> Mapping[Tuple[str, int], Sequence[Port]]:
    """Return the ports of ENDPOINT that have a host port, by protocol and host port; there may be thousands."""
    ports: Dict[Tuple[str, int], List[Port]] = {}
    for port in endpoint.ports:
        if port.host_port is not None:
            ports.setdefault((port.protocol, port.host_port), []).append(port)
    return ports
