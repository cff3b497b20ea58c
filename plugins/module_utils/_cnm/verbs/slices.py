# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The slices of subnets from which this host chooses addresses, as hosts claim them in etcd."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Set

from ..etcd import layout
from ..model.addresses import Subnet, address
from ..model.network import Network, Pool
from ..model.slices import claimable, index_of, number, part, usable
from .context import Context, Shared
from .overlay import has_slices

LARGEST_RANGE = 30
"""How many slices a host can claim: each takes two of the 128 conditions of a transaction."""


def parts(network: Network, pool: Pool) -> List[Subnet]:
    """Return the slices from which this host chooses addresses of POOL, a pool of NETWORK with this host's range.

    They are one more than LARGEST_RANGE if there are even more. There are none if hosts have no slices.
    """
    if pool.iprange is None or not has_slices(network):
        return []
    first = index_of(pool.subnet, pool.iprange.network_address)
    last = index_of(pool.subnet, pool.iprange.broadcast_address)
    return [part(pool.subnet, each) for each in range(first, min(last, first + LARGEST_RANGE) + 1)]


def without_slice(pool: Pool, earlier: Network, item: Mapping[str, Any]) -> Pool:
    """Return POOL without the range that its hosts no longer have: the slice of EARLIER, unless ITEM gives a range."""
    was = earlier.pool(pool.subnet.version)
    given = {str(entry.get("subnet")) for entry in item.get("ipam_config") or () if entry.get("iprange")}
    is_slice = was is not None and has_slices(earlier) and was.iprange == pool.iprange
    return replace(pool, iprange=None) if is_slice and str(pool.subnet) not in given else pool


def sliced(context: Context, shared: Shared, network: Network, pool: Pool, own: str, subject: str) -> Pool:
    """Return POOL with the range of this host, which is called OWN. None is left if all slices are taken."""
    taken = _slices(shared, network.name)
    if pool.iprange is None:
        return replace(pool, iprange=_free_slice(shared, network, pool, own, taken))
    wanted = parts(network, pool)
    if len(wanted) > LARGEST_RANGE:
        context.problems.add(
            f"{subject}: iprange {pool.iprange} is larger than {LARGEST_RANGE} slices of {wanted[0].num_addresses} "
            "addresses, the most that one host can claim in etcd."
        )
        return pool
    for each in wanted:
        holder = taken.get(str(each.network_address), own)
        if holder != own:
            context.problems.add(f"{subject}: iprange {pool.iprange}: host '{holder}' chooses addresses from {each}.")
    for key, entry in shared.below(layout.addresses(network.name)).items():
        first, _slash, held = key[len(layout.addresses(network.name)) :].partition("/")
        if first in {str(each.network_address) for each in wanted} and first not in taken:
            holder_of_it = layout.holder(entry.value)
            context.problems.add(
                f"{subject}: iprange {pool.iprange}: {held} in it is taken: endpoint '{holder_of_it.endpoint}' on host "
                f"'{holder_of_it.host}' has it."
            )
    return pool


def _slices(shared: Shared, name: str) -> Dict[str, str]:
    """Return which host has each slice of the network NAME, by its first address."""
    prefix = layout.slices(name)
    return {key[len(prefix) :]: str(layout.unpacked(entry.value)) for key, entry in shared.below(prefix).items()}


def _free_slice(shared: Shared, network: Network, pool: Pool, own: str, taken: Mapping[str, str]) -> Optional[Subnet]:
    """Return the slice of POOL that this host has already, or else one that nobody has; None if there is none.

    None of its addresses may be claimed, or declared for another host.
    """
    for first, holder in taken.items():
        with suppress(ValueError):
            if holder == own and address(first) in pool.subnet:
                return part(pool.subnet, index_of(pool.subnet, address(first)))
    used: Set[str] = set(taken)
    prefix = layout.addresses(network.name)
    used.update(key[len(prefix) :].partition("/")[0] for key in shared.below(prefix))
    for _peer, remote in network.declared_remotes():
        for held in remote.addresses:
            if held in pool.subnet:
                used.add(str(part(pool.subnet, index_of(pool.subnet, held)).network_address))
    slices = claimable(pool.subnet)
    begin = number(own, None, pool.subnet)
    for step in range(min(slices, len(used) + 2)):
        index = (begin + step) % slices
        if usable(pool.subnet, index) > 0 and str(part(pool.subnet, index).network_address) not in used:
            return part(pool.subnet, index)
    return None
