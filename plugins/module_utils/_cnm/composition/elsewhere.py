# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is on other hosts, as far as agents tell: which of their reports hold."""

from __future__ import annotations

from dataclasses import replace
from typing import AbstractSet, Container, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from ..drivers import ETCD, driver
from ..model.network import Network
from ..model.overlay_peer import Peer, Remote
from ..model.reported import Place, Reported
from ..store.queries import Queries
from ..store.reports import Sums


def has_agents(network: Network) -> bool:
    """Say whether agents tell hosts what is on NETWORK."""
    spans = driver(network.driver).spanning
    return spans is not None and spans.tunnel(network.name, network.options).names == ETCD


def informed(store: Queries, network: Network, withheld: Container[str] = ()) -> Network:
    """Return NETWORK, whose peers have what agents report of them.

    A report does not hold while an endpoint here has one of its addresses, or an older report one of its addresses or
    its MAC address, even if that one does not hold either.

    :param withheld: ids of endpoints here that are not made, and give way to reports
    """
    if network.underlay is None or not has_agents(network):
        return network
    if not store.has_reports(network.id):
        return network.unreported
    hosts = _hosts(network)
    here = {packed for packed, endpoint in store.held(network.id).items() if endpoint not in withheld}
    reports: Dict[str, List[Remote]] = {}
    taken: Set[str] = set()
    for each in store.reports(network.id):
        is_first = taken.isdisjoint(each.keys)
        taken.update(each.keys)
        if is_first and each.place.host in hosts and all(one.packed not in here for one in each.endpoint.addresses):
            reports.setdefault(hosts[each.place.host], []).append(each.endpoint)
    return _reporting(
        network, {peer: sorted(endpoints, key=lambda one: one.name) for peer, endpoints in reports.items()}
    )


_MANY = 50
"""If more reports have changed, all are looked at."""


class _Known:
    """What informed() has found in a store, without what is declared."""

    def __init__(self, network: Network, here: Mapping[bytes, str], withheld: FrozenSet[str]) -> None:
        self.basis = (network, here, withheld)
        self.sums: Sums = (0, 0)
        self.reports: Dict[Place, Reported] = {}
        self.remotes: Dict[Tuple[str, str], Remote] = {}
        """By host and name."""

    def fill(self, store: Queries) -> None:
        """Look at all reports in STORE."""
        network, _here, withheld = self.basis
        self.reports = {each.place: each for each in store.reports(network.id)}
        remotes = informed(store, network, withheld).remotes()
        self.remotes = {(peer.name, remote.name): remote for peer, remote in remotes}

    def update(self, store: Queries, changed: AbstractSet[Place]) -> None:
        """Look at the reports in STORE that have CHANGED, and at those with which they cannot hold together."""
        network, _here, withheld = self.basis
        hosts = _hosts(network)
        keys: Set[str] = set()
        for place in changed:
            before, now = self.reports.pop(place, None), store.report(place)
            if now is not None:
                self.reports[place] = now
            keys.update(key for each in (before, now) if each is not None for key in each.keys)
        places = changed | {each.place for each in store.reports_sharing(network.id, keys)}
        for place in places:
            self.remotes.pop((hosts.get(place.host, ""), place.name), None)
        for peer, remote in filter(None, [remote_at(store, network, place, withheld) for place in places]):
            self.remotes[(peer.name, remote.name)] = remote


_KNOWN: Dict[Tuple[int, int, str], _Known] = {}
"""By device and inode of the store, and the network's id. A process that stays need not look at all reports again."""


def reported_remotes(store: Queries, network: Network, withheld: Container[str]) -> List[Remote]:
    """Return the endpoints of informed(), of a NETWORK of which the inventory declares no endpoint on another host."""
    if store.file is None:
        return [remote for _peer, remote in informed(store, network, withheld).remotes()]
    place = (*store.file, network.id)
    here = store.held(network.id)
    known, basis = _KNOWN.get(place), (network, here, frozenset(each for each in here.values() if each in withheld))
    changed = None
    if known is not None and known.basis[0] is network and known.basis[1:] == basis[1:]:
        changed = store.reports_changed_since(network.id, known.sums)
    if known is None or changed is None or len(changed) > _MANY:
        known = _KNOWN[place] = _Known(*basis)
        known.fill(store)
    else:
        known.update(store, changed)
    known.sums = store.sums_of(network.id)
    # In the order of informed(), because several hosts may have one name.
    return [known.remotes[each] for each in sorted(known.remotes)]


def remote_at(
    store: Queries, network: Network, place: Place, withheld: Container[str] = ()
) -> Optional[Tuple[Peer, Remote]]:
    """Return the endpoint that NETWORK has at PLACE on another host, with that host, as informed() would have it."""
    peer = _hosts(network).get(place.host)
    report = store.report(place)
    if peer is None:
        return None
    held = (report.endpoint,) if report is not None and _holds(store, report, withheld) else ()
    for host, remote in _reporting(network, {peer: held}).remotes():
        if (host.name, remote.name) == (peer, place.name):
            return host, remote
    return None


def holder_elsewhere(store: Queries, network: Network, keys: Sequence[str]) -> Optional[Reported]:
    """Return the oldest report of a host of NETWORK, other than this one, that has one of KEYS."""
    hosts = _hosts(network)
    return next((each for each in store.reports_sharing(network.id, keys) if each.place.host in hosts), None)


def _holds(store: Queries, report: Reported, withheld: Container[str]) -> bool:
    network = report.place.network
    here = (store.holder(network, address.packed) for address in report.endpoint.addresses)
    return store.reports_sharing(network, report.keys)[0] == report and all(
        holder is None or holder.id in withheld for holder in here
    )


def _hosts(network: Network) -> Dict[str, str]:
    """Return the names of the peers of NETWORK, by what agents may call them."""
    hosts = {str(peer.address): peer.name for peer in network.peers}
    hosts.update((peer.name, peer.name) for peer in network.peers)
    return hosts


def _reporting(network: Network, reports: Mapping[str, Sequence[Remote]]) -> Network:
    """Return NETWORK, whose peers have these REPORTS, by name."""
    if network.underlay is None:
        return network
    peers = tuple(replace(peer, reported=tuple(reports.get(peer.name, ()))) for peer in network.peers)
    return replace(network, underlay=replace(network.underlay, peers=peers))
