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
from typing import Any, Collection, Dict, List, NamedTuple, Optional, Tuple

from ..reconcile import Step
from ..resources import Route
from . import interface
from .message import ACK, CREATE, DELROUTE, DUMP, GETROUTE, NEWROUTE, REPLACE, encode
from .netlink import Socket, attributes, number
from .refusals import Change

# linux/rtnetlink.h
_DESTINATION, _LINK, _GATEWAY, _METRIC = 1, 4, 5, 6
_MAIN_TABLE = 254
_UNICAST = 1
FROM_KERNEL, FROM_ADMINISTRATOR, FROM_ADVERTISEMENT = 2, 4, 9
"""Who made a route: RTPROT_KERNEL, RTPROT_STATIC, RTPROT_RA."""
SCOPE_LINK = 253
_GONE = (errno.ESRCH, errno.ENODEV, errno.ENETDOWN)


class Entry(NamedTuple):
    """A unicast route of the main table."""

    destination: str
    gateway: str
    """Empty for an on-link route and for one with several gateways."""
    link: int
    """Index of the link; 0 for several."""
    metric: int
    origin: int
    scope: int


@cache
def _main_table() -> bytes:
    return encode("route", GETROUTE, DUMP, [], family=socket.AF_UNSPEC, table=_MAIN_TABLE)


def dump(kernel: Socket, skip_own: bool = False) -> List[Entry]:
    """Return the unicast routes of the main table, IPv4 and IPv6; SKIP_OWN leaves out those that the kernel made."""
    found = []
    for message in kernel.dump(_main_table()):
        family, length, table, origin, scope, kind = struct.unpack_from("=BBxxBBBB", message, 16)
        if table != _MAIN_TABLE or kind != _UNICAST or (skip_own and origin == FROM_KERNEL):
            continue
        values = attributes(message, 28)
        nowhere = bytes(4 if family == socket.AF_INET else 16)
        found.append(
            Entry(
                f"{ipaddress.ip_address(values.get(_DESTINATION, nowhere))}/{length}",
                str(ipaddress.ip_address(values[_GATEWAY])) if _GATEWAY in values else "",
                number(values.get(_LINK, b"")),
                number(values.get(_METRIC, b"")),
                origin,
                scope,
            )
        )
    return found


def read(kernel: Socket, namespace: str, wanted: Collection[str], names: Dict[int, str]) -> List[Route]:
    """Return the routes to the destinations WANTED that NAMESPACE has, of several the one that counts.

    Routes that the kernel or a router advertisement made are none of ours. NAMES are those of links, by index.
    """
    best: Dict[str, Entry] = {}
    for entry in dump(kernel, skip_own=True):
        if entry.destination in wanted and entry.origin != FROM_ADVERTISEMENT:
            # The kernel lists the routes to one destination by metric.
            best.setdefault(entry.destination, entry)
    unknown = {entry.link for entry in best.values()} - set(names) - {0}
    found = {index: link.name for index, link in interface.find_indices(kernel, unknown).items()} if unknown else {}
    return [
        Route(namespace, entry.destination, entry.gateway, names.get(entry.link) or found.get(entry.link, ""))
        for entry in best.values()
    ]


def changes(step: Step, indices: Dict[str, int]) -> List[Change]:
    """Return the changes that make or replace a route; INDICES are those of links, by name."""
    before, after = step.before, step.after
    if not isinstance(after, Route):
        raise TypeError(f"not a route: {after!r}")
    message = _request(NEWROUTE, ACK | CREATE | REPLACE, after.destination, after.gateway, indices[after.link])
    wanted = [Change(f"set {after}", message)]
    if not isinstance(before, Route):
        return wanted
    # A route with another metric is not replaced by ours and may come before it.
    old = removal(before, indices.get(before.link))
    return wanted + [old] if before.gateway else [old] + wanted


def removal(route: Route, index: Optional[int]) -> Change:
    """Return the change that removes ROUTE by way of the link with number INDEX."""
    return Change(f"remove {route}", _request(DELROUTE, ACK, route.destination, route.gateway, index), _GONE)


@lru_cache(maxsize=1024)
def _request(command: int, flags: int, destination: str, gateway: str, index: Optional[int]) -> bytes:
    network = ipaddress.ip_network(destination)
    values: List[Tuple[str, Any]] = []
    if network.prefixlen:
        values.append(("RTA_DST", str(network.network_address)))
    if gateway:
        values.append(("RTA_GATEWAY", gateway))
    if index:
        values.append(("RTA_OIF", index))
    creating = command == NEWROUTE
    return encode(
        "route",
        command,
        flags,
        values,
        family=socket.AF_INET if network.version == 4 else socket.AF_INET6,
        dst_len=network.prefixlen,
        table=_MAIN_TABLE,
        proto=FROM_ADMINISTRATOR if creating else 0,
        scope=0 if creating or network.version == 6 else 255,
        type=_UNICAST if creating else 0,
    )
