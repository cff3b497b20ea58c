# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What gives the endpoints of a network their IPv4 addresses: we, or the DHCP server of its LAN."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterator, Mapping, Optional

from ..drivers import driver
from ..model.endpoint import Endpoint
from ..model.network import DHCP, Network
from .context import Context


def wanted_ipam(
    context: Context, existing: Optional[Network], network: Network, item: Mapping[str, Any], subject: str
) -> Network:
    """Return NETWORK with the IPAM driver of ITEM; add to the problems why it cannot have it.

    :param existing: the network as it was
    """
    if item.get("ipam_driver") is not None:
        network = replace(network, ipam_driver=item["ipam_driver"])
    if existing is not None and network.ipam_driver != existing.ipam_driver:
        context.problems.add(
            f"{subject}: its ipam_driver is '{existing.ipam_driver}' and cannot be changed to '{network.ipam_driver}'. "
            "Remove the network first, or give the new one another name."
        )
    elif network.ipam_driver == DHCP:
        for problem in _problems(context, existing, network, item):
            context.problems.add(f"{subject}: ipam_driver '{DHCP}': {problem}")
    return network


def _problems(
    context: Context, existing: Optional[Network], network: Network, item: Mapping[str, Any]
) -> Iterator[str]:
    """Yield a sentence for each reason why no DHCP server can give the endpoints of NETWORK their addresses."""
    reason = driver(network.driver).no_dhcp(network)
    if reason:
        yield reason
    subnets = [str(entry.get("subnet")) for entry in item.get("ipam_config") or ()]
    if existing is None and all(":" in subnet for subnet in subnets):
        yield "ipam_config needs the IPv4 subnet of the LAN."
    pool = network.pool(4)
    if pool is not None and pool.iprange is not None:
        yield "the server chooses the addresses; leave iprange out."
    if not context.host.has_dhcp_client():
        yield "the DHCP client udhcpc is not installed on this host: apt install busybox"


def leased_mac(endpoint: Endpoint) -> str:
    """Return the MAC address by which DHCP servers recognise ENDPOINT. No other host has an endpoint with its id."""
    return ":".join(("02", *(endpoint.id[start : start + 2] for start in range(0, 10, 2))))
