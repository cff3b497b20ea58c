# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of links."""

from __future__ import annotations

import errno
import ipaddress
import socket
from functools import cache, lru_cache
from typing import Dict, Iterable, List, Sequence

from ...resources.kinds import Address
from ..refusals import Change
from . import uapi
from .interface import Interface
from .query import ADDRESS, query
from .request import IPV4, IPV6, NUMBER, encode, shape
from .socket import Socket, attributes

_NO_DUPLICATE_DETECTION = 0x2
"""IFA_F_NODAD in linux/if_addr.h."""
_IN_IPV6 = query(uapi.RTM_GETADDR, uapi.NLM_F_DUMP, ADDRESS.pack(socket.AF_INET6, 0, 0, 0, 0))
_GONE = (errno.EADDRNOTAVAIL, errno.ENODEV)


@lru_cache(maxsize=1024)
def _of_link(index: int) -> bytes:
    return query(uapi.RTM_GETADDR, uapi.NLM_F_DUMP, ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, index))


def of_link(kernel: Socket, index: int) -> List[str]:
    """Return the addresses of the link with number INDEX, with prefix lengths, IPv4 first, the oldest first."""
    texts: List[str] = []
    for message in kernel.dump(_of_link(index)):
        _family, prefix, _flags, _scope, owner = ADDRESS.unpack_from(message, 16)
        if owner == index:
            values = attributes(message, 24)
            texts.append(_text(values.get(uapi.IFA_LOCAL) or values[uapi.IFA_ADDRESS], prefix))
    # The kernel puts a new IPv6 address before the others (ipv6_link_dev_addr() in net/ipv6/addrconf.c).
    return [text for text in texts if ":" not in text] + [text for text in reversed(texts) if ":" in text]


@lru_cache(maxsize=1024)
def _text(packed: bytes, prefix: int) -> str:
    return f"{ipaddress.ip_address(packed)}/{prefix}"


def present(kernel: Socket, addresses: Sequence[str]) -> List[str]:
    """Return those of the IPv6 ADDRESSES, without prefix lengths, that a link in the namespace of KERNEL has."""
    packed = {attributes(message, 24).get(uapi.IFA_ADDRESS) for message in kernel.dump(_IN_IPV6)}
    return [address for address in addresses if IPV6.pack(address) in packed]


def read(kernel: Socket, wanted: Iterable[Address], interfaces: Dict[str, Interface]) -> List[Address]:
    """Return those of the addresses WANTED, all in one namespace, that exist; INTERFACES are those there, by name."""
    on_links: Dict[str, List[str]] = {}
    there = []
    for address in wanted:
        if address.link in interfaces:
            if address.link not in on_links:
                on_links[address.link] = of_link(kernel, interfaces[address.link].index)
            if address.interface in on_links[address.link]:
                there.append(address)
    return there


def addition(address: Address, index: int) -> Change:
    """Return the change that gives ADDRESS to the link with number INDEX.

    Another ipvlan on the same interface of the host may still have it, in a namespace that was just removed.
    """
    text, _slash, length = address.interface.partition("/")
    version, prefix = 6 if ":" in text else 4, int(length)
    packed = (IPV6 if version == 6 else IPV4).pack(text)
    values = [NUMBER.pack(index), packed, packed]
    if _has_broadcast(version, prefix):
        broadcast = int.from_bytes(packed, "big") | (1 << 32 - prefix) - 1
        values.append(broadcast.to_bytes(4, "big"))
    return Change(
        f"set {address}", _addition(version, prefix) % tuple(values), about=address.key, passing=(errno.EADDRINUSE,)
    )


def _has_broadcast(version: int, prefix: int) -> bool:
    return version == 4 and prefix < 31


@cache
def _addition(version: int, prefix: int) -> bytes:
    slot = IPV6 if version == 6 else IPV4
    wanted = [("IFA_LOCAL", slot), ("IFA_ADDRESS", slot)]
    if _has_broadcast(version, prefix):
        wanted.append(("IFA_BROADCAST", slot))
    return shape(
        "address",
        uapi.RTM_NEWADDR,
        uapi.NLM_F_ACK | uapi.NLM_F_CREATE | uapi.NLM_F_REPLACE,
        tuple(wanted),
        family=socket.AF_INET if version == 4 else socket.AF_INET6,
        prefixlen=prefix,
        flags=0 if version == 4 else _NO_DUPLICATE_DETECTION,
        index=NUMBER,
    )


def removal(address: Address, index: int) -> Change:
    """Return the change that takes ADDRESS from the link with number INDEX."""
    interface = ipaddress.ip_interface(address.interface)
    message = encode(
        "address",
        uapi.RTM_DELADDR,
        uapi.NLM_F_ACK,
        [("IFA_LOCAL", str(interface.ip)), ("IFA_ADDRESS", str(interface.ip))],
        family=socket.AF_INET if interface.version == 4 else socket.AF_INET6,
        prefixlen=interface.network.prefixlen,
        index=index,
    )
    return Change(f"remove {address}", message, _GONE, address.key)
