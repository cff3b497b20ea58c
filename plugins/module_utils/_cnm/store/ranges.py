# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address ranges of networks' pools, so that overlaps and free ranges are found fast."""

from __future__ import annotations

import sqlite3
from bisect import insort
from typing import Container, Dict, List, Optional, Sequence, Tuple

from ..model.addresses import Subnet
from ..model.network import Pool


class Ranges:
    """First and last address of each pool, with its network's id."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: Dict[int, List[Tuple[int, int, str]]] = {}
        """All ranges of a family in ascending order, if the transaction has asked for them."""

    def over(self, subnet: Subnet, but: Container[str]) -> Optional[str]:
        """Return the id of a network, other than those with the ids BUT, which has a pool that overlaps SUBNET.

        The pools of these networks do not overlap each other.
        """
        rows = self._connection.execute(
            "SELECT network, last FROM pool WHERE version = ? AND first <= ? ORDER BY first DESC",
            (subnet.version, subnet.broadcast_address.packed),
        )
        for identifier, last in rows:
            if identifier in but:
                continue
            return str(identifier) if last >= subnet.network_address.packed else None
        return None

    def all(self, version: int, but: str) -> List[Tuple[int, int]]:
        """Return first and last address of all pools of a family, in ascending order, but those of the network BUT."""
        if version not in self._known:
            rows = self._connection.execute("SELECT first, last, network FROM pool WHERE version = ?", (version,))
            self._known[version] = sorted(
                (int.from_bytes(first, "big"), int.from_bytes(last, "big"), network) for first, last, network in rows
            )
        return [(first, last) for first, last, network in self._known[version] if network != but]

    def put(self, network: str, pools: Sequence[Pool]) -> None:
        """Write the ranges of POOLS, which are all that the network with that id has now."""
        self._connection.execute("DELETE FROM pool WHERE network = ?", (network,))
        subnets = [pool.subnet for pool in pools]
        self._connection.executemany(
            "INSERT INTO pool VALUES (?, ?, ?, ?)",
            [(network, each.version, each.network_address.packed, each.broadcast_address.packed) for each in subnets],
        )
        for version, ranges in self._known.items():
            ranges[:] = [known for known in ranges if known[2] != network]
            for each in subnets:
                if each.version == version:
                    insort(ranges, (int(each.network_address), int(each.broadcast_address), network))

    def forget(self) -> None:
        """Forget what the transaction has asked."""
        self._known.clear()
