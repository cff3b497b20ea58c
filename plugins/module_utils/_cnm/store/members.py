# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The endpoints that are joined to sandboxes, with the changes whose rows are not written yet."""

from __future__ import annotations

import sqlite3
from typing import Dict, Iterable, Optional

from ..model.endpoint import Endpoint
from .rows import Rows


class Members:
    """The endpoints that are joined to sandboxes, as far as the transaction has asked for them."""

    def __init__(self, connection: sqlite3.Connection, rows: Rows) -> None:
        self._connection = connection
        self._rows = rows
        self._inside: Dict[str, Dict[str, Endpoint]] = {}
        """Endpoints by id, by sandbox."""
        self._joined: Dict[str, int] = {}
        """The number of joined endpoints, by network."""

    def inside(self, sandbox: str) -> Dict[str, Endpoint]:
        """Return the endpoints that are joined to the sandbox with that id, by id."""
        if sandbox not in self._inside:
            endpoints = self._rows.written(Endpoint, "SELECT * FROM endpoint WHERE sandbox = ?", sandbox)
            self._inside[sandbox] = {endpoint.id: endpoint for endpoint in endpoints}
        return self._inside[sandbox]

    def note_inside(self, sandboxes: Iterable[str], endpoints: Iterable[Endpoint]) -> None:
        """Note that SANDBOXES contain ENDPOINTS, which have been read, so that inside() need not read them again."""
        read: Dict[str, Dict[str, Endpoint]] = {sandbox: {} for sandbox in sandboxes}
        for endpoint in endpoints:
            read[str(endpoint.sandbox)][endpoint.id] = endpoint
        self._inside = {**read, **self._inside}

    def joined(self, network: str) -> int:
        """Return how many endpoints of the network with that id are joined to a sandbox."""
        if network not in self._joined:
            self._rows.flush()
            query = "SELECT count(*) FROM endpoint WHERE network = ? AND sandbox IS NOT NULL"
            self._joined[network] = int(self._connection.execute(query, (network,)).fetchone()[0])
        return self._joined[network]

    def move(self, before: Optional[Endpoint], now: Optional[Endpoint]) -> None:
        """Note that an endpoint has moved from the sandbox that it had BEFORE to the one that it has NOW."""
        for endpoint, number in ((before, -1), (now, 1)):
            if endpoint is None or endpoint.sandbox is None:
                continue
            if endpoint.network in self._joined:
                self._joined[endpoint.network] += number
            members = self.inside(endpoint.sandbox)
            members.pop(endpoint.id, None)
            if endpoint is now:
                members[endpoint.id] = endpoint

    def forget(self) -> None:
        """Forget what the transaction has asked."""
        self._inside.clear()
        self._joined.clear()
