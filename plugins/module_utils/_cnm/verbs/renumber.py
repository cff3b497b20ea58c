# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a change of a network renumbers its endpoints, and publishes their ports again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Tuple

from ..model.allocation import check_address
from ..model.endpoint import Endpoint
from ..model.network import Network
from ..store.journal import Unit
from .addresses import has_own_mac
from .context import Context
from .ports import assign


def readdress(context: Context, existing: Network, wanted: Network, force: bool, subject: str) -> None:
    """Take from the endpoints of a network the addresses that WANTED does not allow; new ones are chosen later."""
    displaced: List[Tuple[str, int]] = []
    for endpoint in context.store.endpoints_of_network(existing.id):
        after = _fitting(endpoint, wanted)
        # On a network that gets IPv6, each endpoint needs an IPv6 address.
        if after.held == endpoint.held and not (wanted.ipv6 and after.ipv6 is None):
            continue
        displaced += [(endpoint.id, lost.version) for lost in endpoint.held if lost not in after.held]
        context.subjects[Unit("endpoint", endpoint.id)] = f"{subject}: endpoint '{endpoint.name}'"
        context.store.put_endpoint(after if has_own_mac(endpoint) else replace(after, mac=""))
    if displaced and not force:
        # Other items may give these endpoints new addresses; check_displaced() looks at the end of the run.
        context.displaced[existing.id] = displaced


def _fitting(endpoint: Endpoint, network: Network) -> Endpoint:
    """Return ENDPOINT without the addresses that NETWORK does not allow."""
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
    """Publish the ports of the endpoints of NETWORK again, or add problems: the changed network may not allow them."""
    for endpoint in context.store.endpoints_of_network(network.id):
        if endpoint.ports:
            about = f"{subject}: endpoint '{endpoint.name}'"
            # Without the ports that it has, all are checked against the changed network.
            ports = assign(context, network, replace(endpoint, ports=()), endpoint.ports, about)
            context.store.put_endpoint(replace(endpoint, ports=ports))
