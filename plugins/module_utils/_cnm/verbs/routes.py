# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes that a user declares for a network or a sandbox."""

from __future__ import annotations

import ipaddress
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from ..model.addresses import Address, Subnet, address, subnet
from ..model.errors import Problems
from ..model.network import Network
from ..model.static_route import TYPES, StaticRoute

METRICS = 1 << 32
"""The number of metrics: rtnetlink has 32 bits for them."""


def read_routes(problems: Problems, entries: Sequence[Mapping[str, Any]], subject: str) -> Tuple[StaticRoute, ...]:
    """Return the routes that ENTRIES describe; add to PROBLEMS what is not valid."""
    routes: List[StaticRoute] = []
    for entry in entries:
        about = f"{subject}: route '{entry.get('destination')}'"
        with problems.about(about):
            route = _route(entry)
            if any((one.destination, one.metric) == (route.destination, route.metric) for one in routes):
                raise ValueError("it is listed twice. Give the routes different metrics.")
            routes.append(route)
    return tuple(routes)


def check_metric(metric: int) -> int:
    """Return METRIC if it is valid.

    :raises ValueError: if it is not
    """
    if not 0 <= metric < METRICS:
        raise ValueError(f"metric {metric} is not from 0 to {METRICS - 1}.")
    return metric


def check_ways(problems: Problems, network: Network, subject: str) -> None:
    """Add to PROBLEMS the routes of NETWORK that do not fit its subnets."""
    for route in network.routes:
        with problems.about(f"{subject}: route '{route.destination}'"):
            pool = network.pool(route.destination.version)
            if pool is None:
                raise ValueError(f"the network has no IPv{route.destination.version}.")
            if route.destination == pool.subnet:
                raise ValueError("it is the subnet of the network itself, which needs no route.")
            if route.gateway is not None and route.gateway not in pool.subnet:
                raise ValueError(f"its gateway {route.gateway} is not in subnet {pool.subnet} of the network.")


def _route(entry: Mapping[str, Any]) -> StaticRoute:
    destination = _destination(str(entry.get("destination") or ""))
    kind, metric = entry.get("type") or "unicast", entry.get("metric")
    if kind not in TYPES:
        raise ValueError(f"type '{kind}' is not one of {', '.join(TYPES)}.")
    gateway: Optional[Address] = None
    if entry.get("gateway"):
        gateway = address(entry["gateway"], destination.version)
    if kind == "unicast" and gateway is None:
        raise ValueError(f"it needs a gateway, or a type that needs none: {', '.join(TYPES[1:])}.")
    if kind != "unicast" and gateway is not None:
        raise ValueError(f"a route of type {kind} has no gateway.")
    if gateway is not None and (gateway.is_unspecified or gateway.is_multicast or gateway.is_loopback):
        raise ValueError(f"{gateway} cannot be a gateway.")
    return StaticRoute(destination, gateway, None if metric is None else check_metric(metric), kind)


def _destination(text: str) -> Subnet:
    parsed = subnet(text) if "/" in text else ipaddress.ip_network(address(text))
    if parsed.is_multicast or (parsed.is_loopback and parsed.prefixlen):
        raise ValueError("multicast and loopback addresses are not routed.")
    return parsed
