# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts that have joined networks in etcd, as peers of the networks in the store."""

from __future__ import annotations

import threading
from typing import Any, Dict, List, Union

from _cnm.etcd import layout
from _cnm.etcd.client import Listing
from _cnm.etcd.entries import Entry
from _cnm.etcd.watch import Changes
from _cnm.store.objects import SqliteStore
from _cnm.verbs.catalogue import addresses_of, is_shared, own_keys, with_members


class Members:
    """The hosts that have joined. While etcd does not answer, they are those of before."""

    def __init__(self) -> None:
        """Know none yet."""
        self._lock = threading.Lock()
        self._values: Dict[str, bytes] = {}
        self._is_complete = False
        self._is_new = False
        """Whether this host's own keys have not been looked for since the last listing."""

    def hear(self, update: Union[Listing, Changes]) -> None:
        """Take UPDATE over."""
        with self._lock:
            if isinstance(update, Listing):
                self._values = {each.key: each.value for each in update.entries if layout.network_of_member(each.key)}
                self._is_complete = self._is_new = True
                return
            for change in update.changes:
                if not isinstance(change, Entry):
                    self._values.pop(change.key, None)
                elif layout.network_of_member(change.key):
                    self._values[change.key] = change.value

    def items(self, store: SqliteStore) -> List[Dict[str, Any]]:
        """Return the items for ``network`` that make STORE know the hosts that have joined; none if it does.

        If etcd has lost that this host has joined a network, such as when it was set up again, the host joins again.
        """
        with self._lock:
            if not self._is_complete:
                return []
            by_network: Dict[str, Dict[str, Any]] = {}
            for key, text in self._values.items():
                by_network.setdefault(layout.network_of_member(key), {})[key.rpartition("/")[2]] = layout.unpacked(text)
            networks = [network for network in store.networks() if is_shared(network)]
            lost = [each for each in networks if self._is_new and not own_keys(each).keys() & self._values.keys()]
            self._is_new = bool(lost)
        items: List[Dict[str, Any]] = [{"name": network.name, "rejoin": True} for network in lost]
        for network in networks:
            members = by_network.get(network.name, {})
            if network not in lost and with_members(network, addresses_of(members), network.peers) != network:
                items.append({"name": network.name, "members": members})
        return items
