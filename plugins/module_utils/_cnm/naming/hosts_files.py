# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts and resolv.conf files of a sandbox, as in Docker 1.9.

On each network that users created, every running endpoint is known by its name and its aliases, and by each of them
with the name of the network, as in ``name.network`` (sandbox.go of libnetwork). On the predefined ``bridge``, names are
not resolved.
"""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import replace
from functools import lru_cache
from typing import Collection, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from ..model.endpoint import Endpoint
from ..model.network import Network
from ..model.overlay_peer import Remote
from ..model.sandbox import HOST_GATEWAY, Sandbox
from ..resources.kinds import File

_SERVERS = 3
"""The number of name servers that resolv.conf can have (MAXNS in resolv.h)."""
_WAITED, _LONGEST = 5, 30
"""Seconds that aardvark-dns waits for each server, and the C library's maximum (RES_MAXRETRANS)."""
_LOCAL = """\
127.0.0.1\tlocalhost
"""
_LOCAL6 = """\
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


def lines(network: Network, endpoints: Iterable[Union[Endpoint, Remote]]) -> str:
    """Return the part of a hosts file that is the same for all on NETWORK: a line for each address of ENDPOINTS."""
    if network.predefined:
        return ""
    return "".join(
        f"{address!s}\t{' '.join(names(network, endpoint))}\n"
        for endpoint in sorted(endpoints, key=lambda one: one.name)
        for address in endpoint.addresses
    )


def names(network: Network, endpoint: Union[Endpoint, Remote]) -> Sequence[str]:
    """Return the names of ENDPOINT on NETWORK, without duplicates."""
    if not endpoint.aliases:
        return [endpoint.name, f"{endpoint.name}.{network.name}"]
    short = dict.fromkeys((endpoint.name, *endpoint.aliases))
    return list(dict.fromkeys(each for name in short for each in (name, f"{name}.{network.name}")))


def hosts(
    sandbox: Sandbox, own: Sequence[Endpoint], parts: Iterable[str], ipv6: bool, gateways: Sequence[str] = ()
) -> File:
    """Return the hosts file of SANDBOX.

    :param own: its endpoints, the one with the default route first
    :param parts: the result of lines() for each of its networks
    :param ipv6: whether the host has IPv6
    :param gateways: the host's addresses that it can reach
    """
    text = [_LOCAL, _LOCAL6 if ipv6 and not sandbox.ipv6_off("lo") else ""]
    called = " ".join(_called(sandbox))
    text += [f"{address!s}\t{called}\n" for endpoint in own for address in endpoint.addresses]
    for name, addresses in sorted(sandbox.etc_hosts.items()):
        for one in addresses.split(","):
            text += [f"{address}\t{name}\n" for address in (gateways if one == HOST_GATEWAY else (one,))]
    text += parts
    return File(_path(sandbox, "hosts"), sys.intern("".join(text)))


def empty(sandbox: Sandbox) -> List[File]:
    """Return both files of SANDBOX, without contents."""
    return [File(_path(sandbox, name), "") for name in ("hosts", "resolv.conf")]


def _path(sandbox: Sandbox, name: str) -> str:
    return f"{sandbox.configuration}/{name}"


def _called(sandbox: Sandbox) -> Sequence[str]:
    """Return SANDBOX's names for itself: the full name first, then the part before the domain."""
    hostname = sandbox.hostname or sandbox.name
    whole = f"{hostname}.{sandbox.domainname}" if sandbox.domainname else hostname
    return list(dict.fromkeys((whole, hostname, hostname.partition(".")[0])))


def resolv_conf(sandbox: Sandbox, host: str, reaches: Collection[int], gateways: Sequence[str] = ()) -> File:
    """Return the resolv.conf of SANDBOX.

    :param host: the host's file, whose settings are used where the sandbox has none
    :param reaches: the families of its networks that are not internal; it cannot reach the host's servers of others
    :param gateways: where the host's name server answers it; the server knows all its networks, and forwards queries
        for other names to the sandbox's own servers, or to the host's
    """
    settings = _parse(host)
    servers = [server for server in settings["nameserver"] if _version(server) in reaches]
    if gateways:
        asked = [server for server in sandbox.dns_servers or () if not is_local(server)] or settings["asked"]
        options = _for_name_server(settings["options"], sandbox.dns_opts, len(asked))
        sandbox = replace(sandbox, dns_servers=tuple(gateways[:_SERVERS]), dns_opts=options)
    chosen: List[Tuple[str, Optional[Sequence[str]], Sequence[str]]] = [
        ("nameserver", sandbox.dns_servers, servers),
        ("search", sandbox.dns_search_domains, settings["search"]),
        ("options", sandbox.dns_opts, settings["options"]),
    ]
    text = ""
    for keyword, wanted, inherited in chosen:
        values = inherited if wanted is None else wanted
        if keyword == "nameserver":
            text += "".join(f"nameserver {value}\n" for value in values)
        elif values:
            text += f"{keyword} {' '.join(values)}\n"
    return File(_path(sandbox, "resolv.conf"), text)


def _for_name_server(host: Sequence[str], own: Optional[Sequence[str]], servers: int) -> Tuple[str, ...]:
    """Return the options for a sandbox that queries the host's name server: its OWN, or the HOST's.

    :param servers: how many servers the name server asks in turn for other names
    """
    needed = {
        # Otherwise a name without a dot would be searched in all search domains first (resolv.conf(5)).
        "ndots": "ndots:0",
        # Up to version 1.11 the server does not answer over TCP; without this, UDP answers have 512 bytes at most.
        "edns0": "edns0",
    }
    if servers > 1:
        # It waits 5 s for a server before it asks the next one, so clients must not give up earlier.
        needed["timeout"] = f"timeout:{min(_WAITED * servers, _LONGEST)}"
    given = {option.partition(":")[0] for option in own or ()}
    kept = own if own is not None else [option for option in host if option.partition(":")[0] not in needed]
    return (*kept, *(option for key, option in needed.items() if key not in given))


@lru_cache(maxsize=8)
def _version(server: str) -> int:
    return ipaddress.ip_address(server).version


@lru_cache(maxsize=2)
def _parse(text: str) -> Mapping[str, List[str]]:
    """Return the settings in TEXT by keyword; name servers that only the host can reach are only under ``asked``."""
    settings: Mapping[str, List[str]] = {"nameserver": [], "asked": [], "search": [], "options": []}
    for line in text.splitlines():
        keyword, *values = line.split() or [""]
        if keyword == "nameserver" and values:
            settings["asked"] += values[:1]
            settings["nameserver"] += [] if is_local(values[0]) else values[:1]
        elif keyword in ("search", "domain") and values:
            settings["search"][:] = values
        elif keyword == "options":
            settings["options"].extend(values)
    return settings


def is_local(server: str) -> bool:
    """Say whether only the host can reach the name server SERVER: at a loopback address, or on one of its links."""
    try:
        parsed = ipaddress.ip_address(server.partition("%")[0])
    except ValueError:
        return True
    return parsed.is_loopback or (parsed.version == 6 and parsed.is_link_local)
