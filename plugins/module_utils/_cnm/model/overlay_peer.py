# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The noun Peer: another host with the same network, and the endpoints that it is known to have."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .addresses import Address
from .value import value


@value
class Remote:
    """An endpoint of another host."""

    name: str
    ipv4: Optional[Address] = None
    ipv6: Optional[Address] = None
    mac: str = ""
    aliases: Tuple[str, ...] = ()

    @property
    def addresses(self) -> Tuple[Address, ...]:
        """Its addresses, IPv4 first."""
        return tuple(each for each in (self.ipv4, self.ipv6) if each is not None)

    def address(self, version: int) -> Optional[Address]:
        """Return its address of family VERSION, 4 or 6."""
        return self.ipv4 if version == 4 else self.ipv6


@value
class Peer:
    """Another host with the same network."""

    name: str
    address: Address
    """Its tunnel end point, VTEP."""
    endpoints: Tuple[Remote, ...] = ()


@value
class Underlay:
    """How a host reaches the others."""

    address: Address
    """This host's own tunnel end point, VTEP."""
    device: str = ""
    """The device with that address; empty if packets do not leave through it, such as a loopback."""
    mtu: int = 1500
    """The size limit of a packet between hosts, in bytes."""
    peers: Tuple[Peer, ...] = ()
    known: Optional[Tuple[str, ...]] = None
    """Addresses of endpoints here that other hosts know; None if that was not given."""


def pack(hosts: Sequence[Mapping[str, Any]]) -> str:
    """Return HOSTS, items in the form of ``peers``, as one short text, which is the same for all hosts of a network."""
    return base64.b64encode(zlib.compress(json.dumps(hosts, separators=(",", ":")).encode())).decode()


def unpack(text: str, host: str) -> Tuple[List[Dict[str, Any]], List[str]]:
    """Return the items that pack() has written to TEXT, except HOST's own, and the addresses of HOST's endpoints.

    :raises ValueError: if TEXT is not from pack()
    """
    try:
        hosts = json.loads(zlib.decompress(base64.b64decode(text)))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    own = (endpoint for one in hosts if one["name"] == host for endpoint in one["endpoints"])
    known = [one[key] for one in own for key in ("ipv4_address", "ipv6_address") if key in one]
    return [one for one in hosts if one["name"] != host], known
