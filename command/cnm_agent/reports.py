# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the records of the other hosts mean for the store of this one."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Sequence, Set

from _cnm.model.addresses import Address
from _cnm.model.network import Network
from _cnm.model.overlay_peer import Remote
from _cnm.store.objects import SqliteStore
from _cnm.verbs.reports import informed

from .publication import networks
from .records import Record


def items(store: SqliteStore, records: Iterable[Record]) -> List[Dict[str, Any]]:
    """Return the items for ``network`` that make STORE know what RECORDS say; none if it does."""
    by_network: Dict[str, List[Record]] = {}
    for each in records:
        by_network.setdefault(each.network, []).append(each)
    found = []
    for network in networks(store):
        reports = _reports(network, by_network.get(network.name, ()))
        if informed(store, network.id, network.peers, reports) != network.peers:
            told = {peer: [endpoint.item for endpoint in endpoints] for peer, endpoints in reports.items()}
            found.append({"name": network.name, "reports": told})
    return found


def _reports(network: Network, records: Iterable[Record]) -> Dict[str, Sequence[Remote]]:
    """Return the endpoints of each peer of NETWORK, by the peer's name.

    If two hosts publish the same address, the first of them has it until it withdraws it: a host that was cut off may
    come back with what has moved in the meantime.
    """
    peers = {str(peer.address): peer.name for peer in network.peers}
    peers.update((peer.name, peer.name) for peer in network.peers)
    reports: Dict[str, List[Remote]] = {peer.name: [] for peer in network.peers}
    held: Set[Address] = set()
    for each in sorted(records, key=lambda one: (one.entry.created, one.entry.key)):
        if each.endpoint is None or not held.isdisjoint(each.endpoint.addresses):
            continue
        held.update(each.endpoint.addresses)
        if each.host in peers:
            reports[peers[each.host]].append(each.endpoint)
    return {peer: sorted(endpoints, key=lambda one: one.name) for peer, endpoints in reports.items()}
