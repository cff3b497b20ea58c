# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes of the main table."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from functools import cache, lru_cache
from typing import Any, Collection, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ...resources.kinds import Route
from ...resources.link import GROUP
from ...resources.plan import Step
from ..refusals import Change
from . import interface, uapi
from .interface import Interface
from .query import ROUTE, query
from .request import encode
from .socket import Socket, attributes, number

# linux/rtnetlink.h
_MAIN_TABLE = 254
_LOCAL = 2
_TYPES = {1: "unicast", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_NUMBERS = {name: number for number, name in _TYPES.items()}
FROM_KERNEL, FROM_ADMINISTRATOR, FROM_ADVERTISEMENT = 2, 4, 9
"""Protocols, which say who made a route: RTPROT_KERNEL, RTPROT_STATIC, RTPROT_RA."""
_FROM_US = 99
"""The protocol of our static routes, as ``ip route`` shows it; nobody else has this number
(include/uapi/linux/rtnetlink.h)."""
_TYPE_OFFSET = 23
"""Where an answer has the type of a route: in the eighth byte of struct rtmsg, after a header of 16 bytes."""
SCOPE_LINK = 253
_SCOPE_SITE, _SCOPE_NOWHERE = 200, 255
_FOREMOST = {4: (0, _SCOPE_SITE), 6: (1, 0)}
"""Metric and scope, by IP version, of a route that takes precedence over those of others.

Among IPv4 routes with the same metric and scope, the kernel switches to another one when it has not heard from a
gateway for half a minute (fib_select_default in net/ipv4/fib_semantics.c). A lower metric is impossible, because most
routes have metric 0. IPv6 routes with the same metric become one route with several gateways. The lowest IPv6 metric is
1, because 0 means 1024 (net/ipv6/route.c).
"""
_GONE = (errno.ESRCH, errno.ENODEV, errno.ENETDOWN)


class Entry(NamedTuple):
    """A route of the main table."""

    destination: str
    gateway: str
    """Empty for an on-link route, and for a route with several gateways."""
    link: int
    """Index of the link; 0 if there are several or none."""
    metric: int
    origin: int
    scope: int
    narrow: bool
    """Whether it applies only to packets from some sources or with one type of service."""
    type: str


@cache
def _main_table() -> bytes:
    return query(uapi.RTM_GETROUTE, uapi.NLM_F_DUMP, ROUTE.pack(socket.AF_UNSPEC, 0, 0, 0, _MAIN_TABLE, 0, 0, 0, 0))


def dump(kernel: Socket, skip_own: bool = False, nowhere_too: bool = False) -> List[Entry]:
    """Return the unicast routes of the main table, IPv4 and IPv6.

    :param skip_own: whether to leave out the routes that the kernel made itself
    :param nowhere_too: whether to return the routes that drop or refuse packets, too
    """
    entries = []
    for message in kernel.dump(_main_table()):
        family, length, sources, service, table, origin, scope, kind = struct.unpack_from("=8B", message, 16)
        if table != _MAIN_TABLE or kind not in _TYPES or (skip_own and origin == FROM_KERNEL):
            continue
        leads = _TYPES[kind] == "unicast"
        if not leads and not nowhere_too:
            continue
        values = attributes(message, 28)
        nowhere = bytes(4 if family == socket.AF_INET else 16)
        entries.append(
            Entry(
                f"{ipaddress.ip_address(values.get(uapi.RTA_DST, nowhere))}/{length}",
                str(ipaddress.ip_address(values[uapi.RTA_GATEWAY])) if uapi.RTA_GATEWAY in values else "",
                # The kernel gives IPv6 routes that lead nowhere the loopback as their link.
                number(values.get(uapi.RTA_OIF, b"")) if leads else 0,
                number(values.get(uapi.RTA_PRIORITY, b"")),
                origin,
                scope,
                bool(sources or service),
                _TYPES[kind],
            )
        )
    return entries


def not_local(kernel: Socket, addresses: Sequence[str]) -> List[str]:
    """Return those of ADDRESSES that the namespace of the socket KERNEL does not treat as its own."""
    replies = kernel.exchange([_lookup(address) for address in addresses])
    return [
        address
        for address, reply in zip(addresses, replies)
        if not isinstance(reply, bytes) or reply[_TYPE_OFFSET] != _LOCAL
    ]


def _lookup(address: str) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    return query(uapi.RTM_GETROUTE, 0, ROUTE.pack(family, 8 * len(packed), 0, 0, 0, 0, 0, 0, 0), (uapi.RTA_DST, packed))


def read(
    kernel: Socket,
    namespace: str,
    wanted: Collection[Tuple[str, Optional[int]]],
    links: Dict[int, Interface],
    shared: bool,
) -> List[Route]:
    """Return our routes in NAMESPACE to the destinations WANTED.

    Routes that the kernel or a router advertisement made are not ours. In a namespace of our own, all others are ours.

    :param wanted: destinations, each with the metric of a static route, or None for the one with the lowest
    :param links: interfaces that have already been read, by index
    :param shared: whether the namespace has an owner; then ours are static routes with our protocol, and other routes
        through our links
    """
    listed: Dict[str, List[Entry]] = {}
    destinations = {destination for destination, _metric in wanted}
    for entry in dump(kernel, skip_own=True, nowhere_too=True):
        if entry.destination in destinations and entry.origin != FROM_ADVERTISEMENT and not entry.narrow:
            # The kernel lists the routes to a destination in the order of their metrics.
            listed.setdefault(entry.destination, []).append(entry)
    unknown = {entry.link for entries in listed.values() for entry in entries} - set(links) - {0}
    if unknown:
        links = {**links, **interface.find_indices(kernel, unknown)}
    present = []
    for destination, metric in wanted:
        entries = listed.get(destination, [])
        if metric is not None:
            ours = [each for each in entries if each.metric == metric and (not shared or each.origin == _FROM_US)]
        else:
            ours = [each for each in entries if not shared or _is_ours(links.get(each.link))]
        if ours:
            best, static = ours[0], metric is not None
            name = links[best.link].name if best.link in links else ""
            foremost = True if not static and best is entries[0] and _has_precedence(best) else None
            present.append(
                Route(namespace, destination, best.gateway, name, foremost, best.metric, best.type, static=static)
            )
    return present


def _is_ours(link: Optional[Interface]) -> bool:
    return link is not None and link.group == GROUP


def _has_precedence(entry: Entry) -> bool:
    return (entry.metric, entry.scope) == _FOREMOST[ipaddress.ip_network(entry.destination).version]


def changes(step: Step, indices: Dict[str, int]) -> List[Change]:
    """Return the changes that create or replace a route, as STEP says; INDICES are those of links, by name."""
    before, after = step.before, step.after
    if not isinstance(after, Route):
        raise TypeError(f"not a route: {after!r}")
    wanted = [Change(f"set {after}", _creation(after, indices[after.link] if after.link else None), about=after.key)]
    if not isinstance(before, Route):
        return wanted
    # The kernel replaces only a route with the same metric. Another one may take precedence over ours, so remove it.
    old = removal(before, indices.get(before.link))
    # If the new route does not have to wait for that, it comes first, so that there is always one.
    in_place = before.gateway and after.gateway and not after.foremost and not after.static
    return wanted + [old] if in_place else [old] + wanted


def _creation(route: Route, index: Optional[int]) -> bytes:
    if route.static:
        # If somebody else has this route, the kernel must refuse ours, not replace theirs.
        mode = uapi.NLM_F_ACK | uapi.NLM_F_CREATE | uapi.NLM_F_EXCL
        return _request(
            uapi.RTM_NEWROUTE, mode, route.destination, route.gateway, index, route.metric or 0, 0, route.type, _FROM_US
        )
    if not route.foremost:
        mode = uapi.NLM_F_ACK | uapi.NLM_F_CREATE | uapi.NLM_F_REPLACE
        scope = SCOPE_LINK if route.link and not route.gateway and ":" not in route.destination else 0
        return _request(
            uapi.RTM_NEWROUTE, mode, route.destination, route.gateway, index, route.metric or 0, scope, route.type
        )
    version = ipaddress.ip_network(route.destination).version
    # Nothing is replaced. The kernel puts a new IPv4 route before those with its metric, but it would merge a new IPv6
    # route with one that has its metric.
    mode = uapi.NLM_F_ACK | uapi.NLM_F_CREATE | (uapi.NLM_F_EXCL if version == 6 else 0)
    return _request(uapi.RTM_NEWROUTE, mode, route.destination, route.gateway, index, *_FOREMOST[version], route.type)


def removal(route: Route, index: Optional[int]) -> Change:
    """Return the change that removes ROUTE through the link with number INDEX."""
    scope = _SCOPE_NOWHERE if ipaddress.ip_network(route.destination).version == 4 else 0
    message = _request(
        uapi.RTM_DELROUTE, uapi.NLM_F_ACK, route.destination, route.gateway, index, route.metric or 0, scope, route.type
    )
    return Change(f"remove {route}", message, _GONE, route.key)


@lru_cache(maxsize=1024)
def _request(
    command: int,
    flags: int,
    destination: str,
    gateway: str,
    index: Optional[int],
    metric: int,
    scope: int,
    kind: str,
    origin: int = FROM_ADMINISTRATOR,
) -> bytes:
    network = ipaddress.ip_network(destination)
    values: List[Tuple[str, Any]] = []
    if network.prefixlen:
        values.append(("RTA_DST", str(network.network_address)))
    if gateway:
        values.append(("RTA_GATEWAY", gateway))
    if index:
        values.append(("RTA_OIF", index))
    if metric:
        values.append(("RTA_PRIORITY", metric))
    creating = command == uapi.RTM_NEWROUTE
    return encode(
        "route",
        command,
        flags,
        values,
        family=socket.AF_INET if network.version == 4 else socket.AF_INET6,
        dst_len=network.prefixlen,
        table=_MAIN_TABLE,
        proto=origin if creating else 0,
        scope=scope,
        type=_NUMBERS[kind] if creating or kind != "unicast" else 0,
    )
