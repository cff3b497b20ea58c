# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one normal form of addresses, subnets and MACs.

Subnets are ``ipaddress`` networks without host bits, addresses are ``ipaddress`` addresses, MACs are
lower-case and separated by colons. Every function raises ValueError with a sentence for the user.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import Optional, Tuple, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
"""An address with the prefix length of its subnet."""

_UNUSABLE: Tuple[Tuple[Subnet, str], ...] = tuple(
    (ipaddress.ip_network(text), what)
    for text, what in (
        ("0.0.0.0/8", "unspecified"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/96", "unspecified, loopback or IPv4-compatible"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
    )
)
"""Subnets whose addresses no endpoint can have (RFC 6890, RFC 1112, RFC 4291), and what the addresses are."""

_MAC = r"[0-9a-f]{2}(:[0-9a-f]{2}){5}"


class HostBits(ValueError):
    """A subnet was written with host bits set; ``network`` is the subnet without them."""

    def __init__(self, text: str, network: Subnet) -> None:
        super().__init__(f"subnet '{text}' has host bits set; write '{network}'.")
        self.network = network


def subnet(text: str) -> Subnet:
    """Return the subnet in TEXT, such as ``10.1.0.0/16``."""
    if "/" not in text:
        raise ValueError(f"'{text}' is not a subnet: it has no prefix length, such as '/24'.")
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a subnet in CIDR form, such as '10.1.0.0/16'.") from None
    _check_zone(text)
    if interface.ip != interface.network.network_address:
        raise HostBits(text, interface.network)
    return interface.network


def check_usable(chosen: Subnet) -> None:
    """Check that endpoints can have addresses of subnet CHOSEN.

    :raises ValueError: if they cannot
    """
    for unusable, what in _UNUSABLE:
        if chosen.version == unusable.version and chosen.overlaps(unusable):
            raise ValueError(
                f"subnet {chosen} cannot be used: the addresses of {unusable} are {what}. Choose a private subnet, "
                f"such as {'10.0.0.0/24' if chosen.version == 4 else 'fd00::/64'}."
            )


def address(text: str, version: int = 0) -> Address:
    """Return the address in TEXT; VERSION 4 or 6 restricts the family."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"'{text}' is not an IP address.") from None
    _check_zone(text)
    if version:
        check_family(parsed, version)
    return parsed


def check_family(ip: Address, version: int) -> None:
    """Check that IP is of family VERSION, 4 or 6.

    :raises ValueError: if it is not
    """
    if ip.version != version:
        raise ValueError(f"'{ip}' is an IPv{ip.version} address; an IPv{version} address is needed.")


def _check_zone(text: str) -> None:
    """Refuse a zone: it is not part of an address, and Python accepts anything as one, even line ends."""
    if "%" in text:
        raise ValueError(f"'{text}' is an IP address with a zone; leave out '%' and what follows it.")


def mac(text: str) -> str:
    """Return TEXT as a lower-case unicast MAC address."""
    normal = text.strip().lower().replace("-", ":")
    if not re.fullmatch(_MAC, normal):
        raise ValueError(f"'{text}' is not a MAC address, such as '02:42:ac:12:00:02'.")
    if int(normal[:2], 16) & 1:
        raise ValueError(f"'{text}' is a multicast MAC address; an interface needs a unicast one.")
    if normal == "00:00:00:00:00:00":
        raise ValueError(f"'{text}' cannot be the address of an interface.")
    return normal


def mac_of(ip: Address) -> str:
    """Return the MAC that an endpoint with address IP gets.

    ``02:42`` and the four bytes of an IPv4 address, as in Docker 1.9. For IPv6 alone, the four bytes are a
    hash of the address.
    """
    four = ip.packed if ip.version == 4 else hashlib.sha256(ip.packed).digest()[:4]
    return (b"\x02\x42" + four).hex(":")


def address_of(mac_address: str) -> Optional[ipaddress.IPv4Address]:
    """Return the IPv4 address from which mac_of() derives MAC_ADDRESS; None if there is none."""
    octets = bytes.fromhex(mac_address.replace(":", ""))
    return ipaddress.IPv4Address(octets[2:]) if octets[:2] == b"\x02\x42" else None


def with_prefix(ip: Address, network: Subnet) -> str:
    """Return IP with the prefix length of NETWORK, such as ``172.18.0.2/16``."""
    return f"{ip!s}/{network.prefixlen}"
