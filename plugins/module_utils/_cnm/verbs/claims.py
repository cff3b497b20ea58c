# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses that are not in this host's slices, each of which is claimed in etcd."""

from __future__ import annotations

from typing import Container, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from ..etcd import layout
from ..etcd.entries import Entry
from ..etcd.transaction import LARGEST, Absent, Batch, Condition, Put, Unchanged
from ..model.addresses import Address, Subnet, address
from ..model.allocation import span
from ..model.endpoint import Endpoint
from ..model.network import Network, Pool
from ..model.slices import claimable, count, index_of, number, part
from ..store.objects import SqliteStore
from .catalogue import is_shared, joining, left_over, own_keys
from .context import Context, Shared
from .overlay import has_slices
from .slices import parts


class Claims(NamedTuple):
    """What a run changes in etcd."""

    batches: List[Tuple[str, Batch]]
    """What it takes, in this order, before it touches the host, each with what the others call this host."""
    given_up: Dict[str, str]
    """What it gives up afterwards: keys with their values."""

    @property
    def taken(self) -> Dict[str, str]:
        """What the batches take, by key. What is the same on all hosts disappears with the last of them."""
        puts = (each for _host, batch in self.batches for each in batch.puts)
        taken = {each.key: each.value.decode() for each in puts if not layout.is_definition(each.key)}
        return {**taken, **dict.fromkeys(self.fences, "")}

    @property
    def fences(self) -> Set[str]:
        """The keys of hosts that the batches change."""
        return {layout.host(host) for host, _batch in self.batches}


def beyond(context: Context, network: Network, pool: Pool, elsewhere: Container[int]) -> Iterator[Address]:
    """Yield the addresses of POOL, a pool of NETWORK, that are in nobody's slice and that nobody has.

    If hosts have no slices, the lowest comes first, unless other hosts have been faster too often.

    :param elsewhere: addresses that other hosts are known to have
    """
    reason = "this host's slice has no free address, so one" if has_slices(network) else "an address"
    shared = context.shared(f"Network '{network.name}': {reason} has to be claimed in etcd")
    prefix, slices = layout.addresses(network.name), layout.slices(network.name)
    used = {key[len(prefix) :].partition("/")[2] for key in shared.below(prefix)}
    taken = {key[len(slices) :] for key in shared.below(slices)}
    (first, last), reserved = pool.usable if has_slices(network) else span(pool), pool.reserved
    for index in _order(context, network, pool, len(taken) + len(used) + 2):
        whole = part(pool.subnet, index)
        if str(whole.network_address) in taken:
            continue
        low, high = max(first, int(whole.network_address)), min(last, int(whole.broadcast_address))
        for candidate in range(low, high + 1):
            one = type(whole.network_address)(candidate)
            if one in reserved or candidate in elsewhere or str(one) in used:
                continue
            if context.store.holder(network.id, one.packed) is None:
                context.chosen.add((network.id, one))
                yield one


def _order(context: Context, network: Network, pool: Pool, most: int) -> Iterable[int]:
    """Return the numbers of the slices of POOL, a pool of NETWORK, in the order in which this host looks at them.

    :param most: how many of them may be full; those that hosts claim as a whole count, too
    """
    if has_slices(network):
        return _apart(network, pool, most)
    if context.overtaken_often:
        return _apart(network, pool, count(pool.subnet))
    start, size = int(pool.subnet.network_address), part(pool.subnet, 0).num_addresses
    first, last = span(pool)
    return range((first - start) // size, (last - start) // size + 1)


def _apart(network: Network, pool: Pool, most: int) -> Iterator[int]:
    """Yield the numbers of MOST slices of POOL that hosts do not claim, then of as many others.

    Each host of NETWORK begins at another one, so that they seldom choose the same address.
    """
    own, edge, total = network.underlay.member if network.underlay else "", claimable(pool.subnet), count(pool.subnet)
    begin, rest = number(own, None, pool.subnet), total - edge
    for step in range(min(rest, most)):
        yield edge + (begin + step) % rest
    for step in range(min(edge, most)):
        yield (begin + step) % edge


def claims(context: Context, before: SqliteStore, names: Iterable[str]) -> Claims:
    """Return what the run has to take and to give up in etcd for the networks with NAMES.

    What is impossible is added to the problems of CONTEXT.

    :param before: the store as it was before the run
    """
    batches: List[Tuple[str, Batch]] = []
    had: Dict[str, bytes] = {}
    has: Dict[str, bytes] = {}
    for name in sorted(names):
        was = before.network_named(name) if name not in context.rejoining else None
        now = context.store.network_named(name)
        touched = _touched(context, was, now)
        if was is not None and is_shared(was):
            had.update(own_keys(was))
            had.update({key: _value(was, each.endpoint) for key, each in _single(before, was, touched).items()})
        if now is None or now.underlay is None or not is_shared(now):
            continue
        if was is None or not is_shared(was):
            had.update(left_over(context, now))
        joins = joining(context, was, now)
        single = _single(context.store, now, touched)
        claimed = {
            key: each for key, each in single.items() if was is None or had.get(key) != _value(now, each.endpoint)
        }
        own = [*([joins] if joins is not None else []), *_claiming(context, now, claimed)]
        batches += [(now.underlay.member, batch) for batch in own]
        has.update({**own_keys(now), **dict.fromkeys(single, b"")})
    return Claims(batches, {key: text.decode() for key, text in had.items() if key not in has})


def is_wanted(store: SqliteStore, key: str) -> bool:
    """Say whether STORE wants KEY, which this host may have in etcd."""
    words = key.split("/")
    network = store.network_named(words[1]) if len(words) > 1 else None
    if network is None or not is_shared(network):
        return False
    if key in own_keys(network):
        return True
    if not key.startswith(layout.ADDRESSES):
        return False
    try:
        endpoint = store.holder(network.id, address(words[-1]).packed)
    except ValueError:
        return False
    return endpoint is not None and key in _single(store, network, [endpoint.id])


class _Single(NamedTuple):
    """An address that is claimed alone."""

    endpoint: Endpoint
    address: Address
    slice: Subnet
    """The slice that it is in."""


def _single(store: SqliteStore, network: Network, identifiers: Iterable[str]) -> Dict[str, _Single]:
    """Return the addresses of the endpoints with IDENTIFIERS, on NETWORK, that are claimed alone, by their keys."""
    own = {each for pool in network.pools for each in parts(network, pool)}
    singles: Dict[str, _Single] = {}
    for identifier in identifiers:
        endpoint = store.endpoint(identifier)
        if endpoint is None or endpoint.network != network.id:
            continue
        for held in endpoint.held:
            pool = network.pool(held.version)
            whole = part(pool.subnet, index_of(pool.subnet, held)) if pool is not None else None
            if whole is not None and whole not in own:
                key = f"{layout.addresses(network.name, str(whole.network_address))}{held}"
                singles[key] = _Single(endpoint, held, whole)
    return singles


def _touched(context: Context, was: Optional[Network], now: Optional[Network]) -> List[str]:
    """Return the ids of the endpoints whose claims on a network may have changed."""
    identifiers = [identifier for kind, identifier in sorted(context.store.touched) if kind == "endpoint"]
    if now is not None and (own_keys(was) if was is not None else {}) != own_keys(now):
        identifiers += [each.id for each in context.store.endpoints_of_network(now.id)]
    return list(dict.fromkeys(identifiers))


def _value(network: Network, endpoint: Endpoint) -> bytes:
    member = network.underlay.member if network.underlay is not None else ""
    return layout.packed(layout.Holder(member, endpoint.name)._asdict())


def _claiming(context: Context, network: Network, missing: Mapping[str, _Single]) -> List[Batch]:
    """Return what takes the addresses MISSING, by their keys."""
    if not missing:
        return []
    some = next(iter(missing.values()))
    subject = context.subject("endpoint", some.endpoint)
    shared = context.shared(f"{subject}: address {some.address} has to be claimed in etcd")
    slices = {key: layout.slices(network.name) + str(each.slice.network_address) for key, each in missing.items()}
    entries = shared.get([*missing, *dict.fromkeys(slices.values())])
    batches: List[Batch] = []
    conditions: Dict[Condition, None] = {}
    puts: List[Put] = []
    for key, each in missing.items():
        if key in entries and (network.id, each.address) not in context.chosen:
            needed, problem = _taken_over(shared, network, each, entries[key])
        else:
            needed, problem = _in_slice(network, each, slices[key], entries.get(slices[key]))
            needed = [Absent(key), *needed]
        # What was chosen was free a moment ago: the claim fails, and the run chooses something else.
        if problem and (network.id, each.address) not in context.chosen:
            context.problems.add(f"{context.subject('endpoint', each.endpoint)}: address {each.address} {problem}")
            continue
        if len(conditions) + len(needed) > LARGEST - 1:
            batches.append(Batch(list(conditions), puts))
            conditions, puts = {}, []
        conditions.update(dict.fromkeys(needed))
        puts.append(Put(key, _value(network, each.endpoint)))
    return [*batches, Batch(list(conditions), puts)] if puts else batches


def _taken_over(shared: Shared, network: Network, wanted: _Single, entry: Entry) -> Tuple[List[Condition], str]:
    """Return the conditions on which WANTED can have an address that ENTRY gives to somebody, or why it cannot."""
    holder, unchanged = layout.holder(entry.value), Unchanged(entry.key, entry.revision)
    underlay = network.underlay
    if underlay is None or holder.host == underlay.member:
        return [unchanged], ""
    if holder.endpoint != wanted.endpoint.name:
        return [], f"is taken: endpoint '{holder.endpoint}' on host '{holder.host}' has it."
    # It moves here, as the inventory says, or because it no longer runs there.
    if str(wanted.address) in (underlay.known or ()):
        return [unchanged], ""
    running = layout.publication(network.name, holder.host, holder.endpoint)
    if shared.get([running]):
        return (
            [],
            f"is taken: endpoint '{holder.endpoint}' runs on host '{holder.host}'. Stop or remove it there first.",
        )
    return [unchanged, Absent(running)], ""


def _in_slice(network: Network, wanted: _Single, key: str, entry: Optional[Entry]) -> Tuple[List[Condition], str]:
    """Return the conditions on which WANTED can have an address of a slice, or why it cannot.

    :param key: that of the slice
    :param entry: who has the slice; None if nobody has
    """
    if entry is None:
        return [Absent(key)], ""
    if network.underlay is not None and layout.unpacked(entry.value) == network.underlay.member:
        # This run gives the slice up, after it has taken the addresses in it.
        return [Unchanged(key, entry.revision)], ""
    pool = network.pool(wanted.address.version)
    edge, total = (claimable(pool.subnet), count(pool.subnet)) if pool is not None else (0, 0)
    advice = ""
    if pool is not None and edge < total:
        first, last = part(pool.subnet, edge).network_address, pool.subnet.broadcast_address
        advice = f" No host chooses from {first} to {last}."
    return [], f"cannot be used: host '{layout.unpacked(entry.value)}' chooses addresses from {wanted.slice}.{advice}"
