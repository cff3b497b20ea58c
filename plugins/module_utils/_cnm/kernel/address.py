# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of links."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from functools import cache
from typing import Dict, Iterable, List, Set

from ..addresses import Subnet
from ..resources import Address
from .interface import Interface
from .message import ACK, CREATE, DELADDR, DUMP, GETADDR, NEWADDR, REPLACE, encode
from .netlink import Socket, attributes
from .refusals import Change

# linux/if_addr.h
_ADDRESS, _LOCAL = 1, 2
_NO_DUPLICATE_DETECTION = 0x2
_FIRST_VALUE = 28
"""Offset, after struct nlmsghdr, struct ifaddrmsg and the header of an attribute."""
_GONE = (errno.EADDRNOTAVAIL, errno.ENODEV)


@cache
def _of_link(index: int) -> bytes:
    return encode("address", GETADDR, DUMP, [], family=socket.AF_UNSPEC, index=index)


def of_link(kernel: Socket, index: int) -> Set[str]:
    """Return the addresses of the link with number INDEX, with their prefix lengths."""
    found = set()
    for message in kernel.dump(_of_link(index)):
        _family, prefix, _flags, _scope, owner = struct.unpack_from("=BBBBI", message, 16)
        if owner == index:
            values = attributes(message, 24)
            found.add(f"{ipaddress.ip_address(values.get(_LOCAL) or values[_ADDRESS])}/{prefix}")
    return found


def read(kernel: Socket, wanted: Iterable[Address], interfaces: Dict[str, Interface]) -> List[Address]:
    """Return those of the addresses WANTED, all of one namespace, that are there."""
    present: Dict[str, Set[str]] = {}
    found = []
    for address in wanted:
        if address.link in interfaces:
            if address.link not in present:
                present[address.link] = of_link(kernel, interfaces[address.link].index)
            if address.interface in present[address.link]:
                found.append(address)
    return found


def addition(address: Address, index: int) -> Change:
    """Return the change that gives ADDRESS to the link with number INDEX."""
    interface = ipaddress.ip_interface(address.interface)
    packed = interface.ip.packed
    message = bytearray(_addition_template(interface.network, index))
    for start in (_FIRST_VALUE, _FIRST_VALUE + len(packed) + 4):
        message[start : start + len(packed)] = packed
    return Change(f"set {address}", bytes(message))


@cache
def _addition_template(network: Subnet, index: int) -> bytes:
    """Return the request that gives a link the address of NETWORK itself, with IFA_LOCAL and IFA_ADDRESS in front."""
    values = [("IFA_LOCAL", str(network.network_address)), ("IFA_ADDRESS", str(network.network_address))]
    if network.version == 4 and network.prefixlen < 31:
        values.append(("IFA_BROADCAST", str(network.broadcast_address)))
    return encode(
        "address",
        NEWADDR,
        ACK | CREATE | REPLACE,
        values,
        family=socket.AF_INET if network.version == 4 else socket.AF_INET6,
        prefixlen=network.prefixlen,
        flags=0 if network.version == 4 else _NO_DUPLICATE_DETECTION,
        index=index,
    )


def removal(address: Address, index: int) -> Change:
    """Return the change that takes ADDRESS from the link with number INDEX."""
    interface = ipaddress.ip_interface(address.interface)
    message = encode(
        "address",
        DELADDR,
        ACK,
        [("IFA_LOCAL", str(interface.ip)), ("IFA_ADDRESS", str(interface.ip))],
        family=socket.AF_INET if interface.version == 4 else socket.AF_INET6,
        prefixlen=interface.network.prefixlen,
        index=index,
    )
    return Change(f"remove {address}", message, _GONE)
