# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which addresses endpoints get: first those that are asked for, then the lowest that are free."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Tuple

from ..drivers import driver
from ..model.addresses import mac_of
from ..model.endpoint import Endpoint
from ..model.network import Network
from .context import Context, quoted
from .free_addresses import FreeAddresses
from .ipam import leased_mac


def has_own_mac(endpoint: Endpoint) -> bool:
    """Say whether the user gave ENDPOINT a MAC address that is not derived from one of its addresses."""
    return bool(endpoint.mac) and endpoint.mac not in {leased_mac(endpoint), *map(mac_of, endpoint.held)}


def claim_addresses(context: Context) -> None:
    """Give endpoints the addresses that items ask for. Other items may have released them in the meantime."""
    for endpoint, address, holder in context.store.claim():
        subject = context.subject("endpoint", endpoint)
        context.problems.add(f"{subject}: address {address} is taken: endpoint '{holder.name}' has it.")


def addressed(
    context: Context, network: Network, endpoint: Endpoint, free: Dict[Tuple[str, int], FreeAddresses]
) -> Endpoint:
    """Return ENDPOINT with its missing addresses chosen, and with the MAC address derived from them.

    What a DHCP server gives is missing until ENDPOINT is in a sandbox. Its MAC address is then derived from its id.

    :param free: by network and family, what is left for the endpoints of the run
    :raises ValueError: if no address is free
    """
    chosen: Dict[str, Any] = {}
    for pool in network.pools:
        version = pool.subnet.version
        if getattr(endpoint, f"ipv{version}") is None and network.leases(version):
            chosen["leased"] = True
            if not endpoint.mac:
                chosen["mac"] = leased_mac(endpoint)
        elif getattr(endpoint, f"ipv{version}") is None:
            left = free.get((network.id, version))
            if left is None:
                left = free[(network.id, version)] = FreeAddresses(context, network, pool)
            chosen[f"ipv{version}"] = left.take()
    first = chosen.get("ipv4", endpoint.ipv4) or chosen.get("ipv6", endpoint.ipv6)
    if not (endpoint.mac or "mac" in chosen) and first is not None and driver(network.driver).has_mac_addresses:
        chosen["mac"] = mac_of(first)
    return replace(endpoint, **chosen) if chosen else endpoint


def check_remotes(context: Context, network: Network, endpoint: Endpoint, subject: str) -> None:
    """Check that no endpoint on another host has the address that an item asks for."""
    asked = {held for held in endpoint.held if (endpoint.id, held.version) in context.asked}
    for peer, remote in network.declared_remotes() if asked else ():
        # One of the same name moves here.
        for held in asked.intersection(remote.addresses) if remote.name != endpoint.name else ():
            context.problems.add(
                f"{subject}: address {held} is taken: endpoint '{remote.name}' on host '{peer.name}' has it."
            )


def check_displaced(context: Context) -> None:
    """Check that a change of a network takes no endpoint's address, except with force or if an item gives a new one."""
    for identifier, pairs in context.displaced.items():
        network = context.store.network(identifier)
        losers: Dict[str, Endpoint] = {}
        for held_by, version in pairs:
            endpoint = context.store.endpoint(held_by)
            if endpoint is not None and (held_by, version) not in context.asked:
                losers[held_by] = endpoint
        if losers and network is not None:
            context.problems.add(
                f"Network '{network.name}': the change would take away the addresses of endpoints "
                f"{quoted(list(losers.values()))}. Remove them first, or use force: true, which gives them new "
                "addresses."
            )


def remove_from_peers(context: Context, network: Network, endpoint: Endpoint) -> None:
    """Remove ENDPOINT, which is on this host now, from the peers that are declared to have it."""
    if network.underlay is None or all(remote.name != endpoint.name for _peer, remote in network.declared_remotes()):
        return
    peers = tuple(
        replace(peer, endpoints=tuple(remote for remote in peer.endpoints if remote.name != endpoint.name))
        for peer in network.peers
    )
    context.store.put_network(replace(network, underlay=replace(network.underlay, peers=peers)))


def forget_reported(context: Context, network: Network, endpoint: Endpoint) -> None:
    """Forget what peers have reported to have the addresses of ENDPOINT, which is on this host."""
    own = set(endpoint.held)
    reported = (remote for peer in network.peers for remote in peer.reported)
    if network.underlay is None or all(own.isdisjoint(remote.addresses) for remote in reported):
        return
    peers = tuple(
        replace(peer, reported=tuple(remote for remote in peer.reported if own.isdisjoint(remote.addresses)))
        for peer in network.peers
    )
    context.store.put_network(replace(network, underlay=replace(network.underlay, peers=peers)))
