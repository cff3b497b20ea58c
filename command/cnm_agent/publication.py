# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this host publishes: its running endpoints on the networks that agents are responsible for."""

from __future__ import annotations

from typing import Container, Dict, Iterable, Iterator, List, NamedTuple, Set

from _cnm.etcd import layout
from _cnm.etcd.transaction import Delete, Operation, Put
from _cnm.model.network import Network
from _cnm.store.objects import SqliteStore
from _cnm.verbs.reports import is_exchanged, running

from .records import Record


class Publication(NamedTuple):
    """What etcd is to have from this host."""

    hosts: Set[str]
    """What others call this host."""
    values: Dict[str, bytes]
    """By key."""


def networks(store: SqliteStore) -> Iterator[Network]:
    """Yield the networks of STORE whose endpoints agents tell each other."""
    for network in store.networks():
        if network.underlay is not None and not is_exchanged(network):
            yield network


def name_of(network: Network, host: str) -> str:
    """Return what others call this host on NETWORK: HOST, or the address of its VTEP if that is empty."""
    return host or str(network.underlay.address if network.underlay is not None else "")


def publication(store: SqliteStore, host: str, given_way: Container[str]) -> Publication:
    """Return what etcd is to have from this host.

    :param host: its name; empty if others know it by the address of its VTEP
    :param given_way: the ids of endpoints that are not made, because they are on other hosts
    """
    result = Publication(set(), {})
    for network in networks(store):
        name = name_of(network, host)
        result.hosts.add(name)
        for endpoint in running(store, network, given_way):
            result.values[layout.publication(network.name, name, endpoint.name)] = layout.packed(endpoint.item)
    return result


def operations(wanted: Publication, records: Iterable[Record], lease: int) -> List[Operation]:
    """Return what makes etcd, which has RECORDS, have what is WANTED, all of it under LEASE.

    The keys that an earlier process of this host has left are taken over.
    """
    missing = dict(wanted.values)
    gone: List[Operation] = []
    for each in records:
        if each.host not in wanted.hosts and each.entry.lease != lease:
            continue
        name = each.entry.key
        if name not in wanted.values:
            gone.append(Delete(name))
        elif (each.entry.value, each.entry.lease) == (wanted.values[name], lease):
            del missing[name]
    return [*gone, *(Put(name, content, lease) for name, content in missing.items())]
