# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of a sandbox: its own, those of its networks, and the default routes through their gateways."""

from __future__ import annotations

from typing import Container, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from ..model.addresses import Address
from ..model.endpoint import Endpoint
from ..model.network import Network
from ..model.sandbox import Sandbox
from ..model.static_route import StaticRoute
from .kinds import Route
from .resource import Key

Attachment = Tuple[Network, Endpoint]
"""An endpoint of a sandbox, with its network."""
KERNEL_METRIC = {4: 0, 6: 1024}
"""The metric of a route without one, by IP version (net/ipv6/route.c: IP6_RT_PRIO_USER)."""
_DEFAULTS = {4: "0.0.0.0/0", 6: "::/0"}


def gateway_order(attachments: Iterable[Attachment]) -> List[Attachment]:
    """Return ATTACHMENTS in the order in which they give default routes.

    By gateway priority, the highest first, then networks that are not internal, then by the network's name.
    """
    return sorted(attachments, key=lambda pair: (-pair[1].gateway_priority, pair[0].internal, pair[0].name))


def gateway_owner(
    sandbox: Sandbox, attachments: Sequence[Attachment], version: int, direct: Container[str] = ()
) -> Optional[Attachment]:
    """Return the first of ATTACHMENTS that gives SANDBOX the default route of family VERSION.

    :param direct: the ids of networks whose links lead everywhere without a gateway
    """
    if sandbox.no_default_route or _default_routes(sandbox.routes, version):
        return None
    for network, endpoint in attachments:
        if endpoint.address(version) is None:
            continue
        declared = _default_routes(network.routes, version)
        if declared:
            own = {address for _network, each in attachments for address in each.addresses}
            if any(route.gateway not in own for route in declared):
                return None
        pool = network.pool(version)
        leads = pool is not None and (pool.gateway is not None or network.id in direct)
        if leads and not network.internal and not network.no_default_route:
            return network, endpoint
    return None


def _default_routes(declared: Sequence[StaticRoute], version: int) -> Sequence[StaticRoute]:
    return [route for route in declared if str(route.destination) == _DEFAULTS[version]] if declared else ()


def answering(sandbox: Sandbox, attachments: Sequence[Attachment], direct: Container[str] = ()) -> Dict[int, Address]:
    """Return, by family, the address with which SANDBOX answers through its default route."""
    addresses: Dict[int, Address] = {}
    for version in _DEFAULTS:
        owner = gateway_owner(sandbox, attachments, version, direct)
        address = owner[1].address(version) if owner is not None else None
        if address is not None:
            addresses[version] = address
    return addresses


def routes(sandbox: Sandbox, attachments: Sequence[Attachment], direct: Container[str] = ()) -> List[Route]:
    """Return the routes of SANDBOX with ATTACHMENTS, in their order. The first of several to one destination counts.

    There is at most one default route of each family; in an adopted namespace, in addition to the owner's.

    :param direct: the ids of networks whose links lead everywhere without a gateway
    """
    chosen: Dict[Key, Route] = {}
    for route, link, metric in _declared(sandbox, attachments):
        made = _resource(sandbox, route, link, metric)
        chosen.setdefault(made.key, made)
    for version, destination in _DEFAULTS.items():
        owner = gateway_owner(sandbox, attachments, version, direct)
        if owner is not None:
            network, endpoint = owner
            pool = network.pool(version)
            gateway, link = str(pool.gateway or "" if pool else ""), endpoint.interface or ""
            made = _default(sandbox, destination, gateway, link, network.metric, "unicast")
            chosen.setdefault(made.key, made)
    return list(chosen.values())


def way(attachments: Iterable[Attachment], route: StaticRoute) -> Optional[str]:
    """Return the interface that leads to the gateway of ROUTE; empty if it needs none, None if there is none."""
    if route.gateway is None:
        return ""
    for network, endpoint in attachments:
        pool = network.pool(route.gateway.version)
        if pool is not None and endpoint.address(route.gateway.version) is not None and route.gateway in pool.subnet:
            return endpoint.interface or ""
    return None


def _declared(sandbox: Sandbox, attachments: Sequence[Attachment]) -> Iterator[Tuple[StaticRoute, str, Optional[int]]]:
    """Yield the declared routes that are possible, each with its interface and its metric."""
    if not sandbox.routes and not any(network.routes for network, _endpoint in attachments):
        return
    own = {address for _network, endpoint in attachments for address in endpoint.addresses}
    connected = {pool.subnet for network, _endpoint in attachments for pool in network.pools}
    for route in sandbox.routes:
        link = way(attachments, route)
        if link is not None and not (route.destination.version == 6 and sandbox.ipv6_off("lo")):
            yield route, link, route.metric
    for network, endpoint in attachments:
        for route in network.routes:
            # Not for the router itself, and not for sandboxes in the destination.
            if route.gateway in own or route.destination in connected:
                continue
            if endpoint.address(route.destination.version) is not None:
                link = "" if route.gateway is None else endpoint.interface or ""
                yield route, link, network.metric if route.metric is None else route.metric


def _resource(sandbox: Sandbox, route: StaticRoute, link: str, metric: Optional[int]) -> Route:
    destination, gateway = str(route.destination), str(route.gateway or "")
    version = route.destination.version
    if destination == _DEFAULTS[version]:
        return _default(sandbox, destination, gateway, link, metric, route.type)
    return Route(
        sandbox.path, destination, gateway, link, metric=metric or KERNEL_METRIC[version], type=route.type, static=True
    )


def _default(sandbox: Sandbox, destination: str, gateway: str, link: str, metric: Optional[int], kind: str) -> Route:
    if sandbox.netns is not None:
        # The route that takes precedence has a metric of its own.
        return Route(sandbox.path, destination, gateway, link, foremost=True, type=kind)
    if metric is not None:
        metric = metric or KERNEL_METRIC[6 if ":" in destination else 4]
    return Route(sandbox.path, destination, gateway, link, metric=metric, type=kind)
