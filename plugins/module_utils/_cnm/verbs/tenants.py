# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change of a network does to its endpoints: other addresses, other ports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Tuple

from ..addresses import mac_of
from ..endpoint import Endpoint
from ..ipam.allocation import check_address
from ..network import Network
from . import Context, quoted
from .addressing import address_for, forget_hints
from .ports import assign


def readdress(context: Context, existing: Network, wanted: Network, force: bool, subject: str) -> None:
    """Give the endpoints of a network addresses that they can have on WANTED."""
    moved: List[Tuple[Endpoint, Endpoint]] = []
    endpoints = context.store.endpoints_of_network(existing.id)
    for endpoint in endpoints:
        after = _fitting(endpoint, wanted)
        if after.held != endpoint.held or (wanted.ipv6 and after.ipv6 is None):
            moved.append((endpoint, after))
    losers = [before for before, after in moved if set(before.held) - set(after.held)]
    if losers and not force:
        context.problems.add(
            f"{subject}: the change would take the addresses of endpoints {quoted(losers)} away. "
            "Remove them first, or use force: true, which gives them new ones."
        )
        return
    for _before, after in moved:
        context.store.put_endpoint(after)
    forget_hints(context, existing.id)
    for before, after in moved:
        _completed(context, wanted, before, after, subject)


def _completed(context: Context, network: Network, before: Endpoint, after: Endpoint, subject: str) -> None:
    """Write AFTER, which has lost addresses that BEFORE had, with new ones, and the MAC that follows from them."""
    with context.problems.about(f"{subject}: endpoint '{before.name}'"):
        if after.ipv4 is None and network.pool(4) is not None:
            after = replace(after, ipv4=address_for(context, network, 4))
        if after.ipv6 is None and network.pool(6) is not None:
            after = replace(after, ipv6=address_for(context, network, 6))
        if before.mac in {mac_of(address) for address in before.held}:
            after = replace(after, mac=mac_of(after.held[0]))
    context.store.put_endpoint(after)


def _fitting(endpoint: Endpoint, network: Network) -> Endpoint:
    """Return ENDPOINT without the addresses that it cannot have on NETWORK."""
    keep: Dict[str, Any] = {}
    for version in (4, 6):
        address = endpoint.ipv4 if version == 4 else endpoint.ipv6
        try:
            if address is not None:
                check_address(network.pool(version), address)
        except ValueError:
            address = None
        keep[f"ipv{version}"] = address
    return replace(endpoint, **keep)


def republish(context: Context, network: Network, subject: str) -> None:
    """See that the endpoints of NETWORK, which has changed, can publish their ports on it as it is now."""
    for endpoint in context.store.endpoints_of_network(network.id):
        if endpoint.ports:
            about = f"{subject}: endpoint '{endpoint.name}'"
            ports = assign(context, network, replace(endpoint, ports=()), endpoint.ports, about)
            context.store.put_endpoint(replace(endpoint, ports=ports))
