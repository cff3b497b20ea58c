# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which addresses an endpoint gets."""

from __future__ import annotations

from typing import Optional

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
    found = lowest_free(pool, context.store.taken(network.id, version, start), start)
    context.hints[(network.id, version)] = int(found) + 1
    return found


def forget_hints(context: Context, network: str) -> None:
    """Note that addresses of the network with that id have become free."""
    for version in (4, 6):
        context.hints.pop((network, version), None)


def requested(context: Context, network: Network, endpoint: Optional[Endpoint], address: Address) -> Address:
    """Return ADDRESS if the endpoint, None for one that is not yet there, can have it on NETWORK.

    :raises ValueError: if it cannot
    """
    check_address(network.pool(address.version), address)
    holder = context.store.holder(network.id, address.packed)
    if holder is not None and (endpoint is None or holder.id != endpoint.id):
        raise ValueError(f"address {address} is taken: endpoint '{holder.name}' has it.")
    return address
