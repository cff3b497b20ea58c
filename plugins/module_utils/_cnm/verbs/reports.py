# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the hosts of an overlay tell each other: which endpoints they have, beyond what the inventory declares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Container, Dict, List, Mapping, Sequence, Tuple

from ..composition.elsewhere import has_agents
from ..model.addresses import address, mac, mac_of
from ..model.errors import every
from ..model.ids import check_alias, check_name
from ..model.network import Network
from ..model.overlay_peer import Peer, Remote, digest, is_reported
from ..store.objects import SqliteStore
from .context import listed

Reports = Mapping[str, Sequence[Remote]]
"""The endpoints of hosts, by the name of the peer."""


def is_exchanged(network: Network) -> bool:
    """Say whether the reports of NETWORK come from the exchange of ``topology``; otherwise agents bring them."""
    return not has_agents(network)


def remembering(
    network: Network, peers: Sequence[Peer], earlier: Sequence[Peer], item: Mapping[str, Any]
) -> Tuple[Peer, ...]:
    """Return PEERS with what they have reported before, as EARLIER has it.

    What ITEM declares otherwise is left out. What agents report is stored apart.
    """
    if not is_exchanged(network):
        return tuple(peers)
    reports = {peer.name: peer.reported for peer in earlier}
    declared = item.get("declared", ())
    return tuple(
        replace(
            peer,
            reported=tuple(
                remote for remote in reports.get(peer.name, ()) if is_reported(remote.name, peer.chosen, declared)
            ),
        )
        for peer in peers
    )


def remotes(reports: Mapping[str, Sequence[Mapping[str, Any]]]) -> Reports:
    """Return REPORTS, items by host, as endpoints.

    :raises ValueError: if one is not valid
    """
    return {name: [remote_of(one) for one in items] for name, items in reports.items()}


def informed(store: SqliteStore, network: str, peers: Sequence[Peer], reports: Reports) -> Tuple[Peer, ...]:
    """Return PEERS with the new REPORTS. Older ones of other peers give way where they have the same address.

    What has an address of an endpoint here, on the network with the id NETWORK, is left out.
    """
    new: Dict[str, Tuple[Remote, ...]] = {
        name: tuple(
            remote
            for remote in endpoints
            if all(store.holder(network, held.packed) is None for held in remote.addresses)
        )
        for name, endpoints in reports.items()
    }
    held = {each for endpoints in new.values() for remote in endpoints for each in remote.addresses}
    return tuple(
        replace(
            peer,
            reported=new[peer.name]
            if peer.name in new
            else tuple(remote for remote in peer.reported if held.isdisjoint(remote.addresses)),
        )
        for peer in peers
    )


def running(store: SqliteStore, network: Network, given_way: Container[str] = ()) -> List[Remote]:
    """Return the running endpoints of NETWORK here, by name, as other hosts see them.

    :param given_way: the ids of endpoints that are not made, because they are on other hosts
    """
    return [
        Remote(one.name, one.ipv4, one.ipv6, one.mac, one.aliases)
        for one in store.running_endpoints(network.id)
        if one.id not in given_way
    ]


def report(store: SqliteStore, network: Network, chosen: Container[str], declared: Container[str]) -> Dict[str, Any]:
    """Return what this host reports to the others of NETWORK, and which of their reports it has.

    :param chosen: the declared endpoints of this host of which not all addresses are declared
    :param declared: the declared endpoints of all hosts
    """
    own = [each for each in running(store, network) if is_reported(each.name, chosen, declared)]
    return {
        "endpoints": [remote.item for remote in own],
        "digest": digest(own),
        "known": {peer.name: digest(peer.reported) for peer in network.peers if peer.reported},
    }


def remote_of(one: Mapping[str, Any]) -> Remote:
    """Return the endpoint of another host that ONE, in the form of ``peers[].endpoints``, describes.

    :raises ValueError: if it is not valid
    """
    four = address(one["ipv4_address"], 4) if one.get("ipv4_address") else None
    six = address(one["ipv6_address"], 6) if one.get("ipv6_address") else None
    first = four or six
    if first is None:
        raise ValueError("it needs an ipv4_address or an ipv6_address.")
    own = mac(one["mac_address"]) if one.get("mac_address") else mac_of(first)
    aliases = tuple(listed(every(check_alias, one.get("aliases") or ())))
    return Remote(check_name(one["name"]), four, six, own, aliases)
