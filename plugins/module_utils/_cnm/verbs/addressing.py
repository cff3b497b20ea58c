# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which addresses an endpoint gets."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping, Optional

from ..addresses import Address
from ..endpoint import Endpoint
from ..ipam.allocation import check_address, lowest_free, span
from ..network import Network
from . import Context


def address_for(context: Context, network: Network, version: int) -> Address:
    """Return the lowest free address of family VERSION on NETWORK.

    :raises ValueError: if none is free
    """
    pool = network.pool(version)
    if pool is None:
        raise ValueError(f"the network has no IPv{version}.")
    start = context.hints.get((network.id, version), span(pool)[0])
    elsewhere = reserved(network, version) if network.peers else ()
    found = lowest_free(pool, context.store.taken(network.id, version, start), start, elsewhere)
    context.hints[(network.id, version)] = int(found) + 1
    return found


def forget_hints(context: Context, network: str) -> None:
    """Note that addresses of the network with that id have become free."""
    for version in (4, 6):
        context.hints.pop((network, version), None)


def requested(context: Context, network: Network, endpoint: Optional[Endpoint], name: str, address: Address) -> Address:
    """Return ADDRESS if the endpoint NAME, None for one that is not yet there, can have it on NETWORK.

    :raises ValueError: if it cannot
    """
    check_address(network.pool(address.version), address)
    elsewhere = reserved(network, address.version, but=name) if network.peers else {}
    if address in elsewhere:
        raise ValueError(f"address {address} is taken: {elsewhere[address]} has it.")
    holder = context.store.holder(network.id, address.packed)
    if holder is not None and (endpoint is None or holder.id != endpoint.id):
        raise ValueError(f"address {address} is taken: endpoint '{holder.name}' has it.")
    return address


def reserved(network: Network, version: int, but: str = "") -> Mapping[Address, str]:
    """Return the addresses of family VERSION that endpoints of other hosts have, and whose they are.

    :param but: the name of an endpoint that comes from there
    """
    return {
        held: f"endpoint '{remote.name}' on host '{peer.name}'"
        for peer, remote in network.remotes()
        if remote.name != but
        for held in remote.addresses
        if held.version == version
    }


def arrived(context: Context, network: Network, endpoint: Endpoint) -> None:
    """Note that ENDPOINT is on this host now, if another one was known to have it."""
    if network.underlay is None or all(remote.name != endpoint.name for _peer, remote in network.remotes()):
        return
    peers = tuple(
        replace(peer, endpoints=tuple(remote for remote in peer.endpoints if remote.name != endpoint.name))
        for peer in network.peers
    )
    context.store.put_network(replace(network, underlay=replace(network.underlay, peers=peers)))
