# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The noun Peer: another host with the same network, and the endpoints that it is known to have."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import replace
from typing import AbstractSet, Any, Container, Dict, List, NamedTuple, Optional, Sequence, Tuple

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

    def completed(self, reported: Remote) -> Remote:
        """Return this declared endpoint with the addresses that its host has chosen for it, as REPORTED.

        If the report has another address than the declaration, the report is older.
        """
        if not set(self.addresses) <= set(reported.addresses):
            return self
        return replace(reported, aliases=self.aliases)

    @property
    def item(self) -> Dict[str, Any]:
        """It in the form of ``peers[].endpoints``."""
        item: Dict[str, Any] = {"name": self.name}
        if self.ipv4 is not None:
            item["ipv4_address"] = str(self.ipv4)
        if self.ipv6 is not None:
            item["ipv6_address"] = str(self.ipv6)
        item["mac_address"] = self.mac
        if self.aliases:
            item["aliases"] = list(self.aliases)
        return item


@value
class Peer:
    """Another host with the same network."""

    name: str
    address: Address
    """Its tunnel end point, VTEP."""
    endpoints: Tuple[Remote, ...] = ()
    """The endpoints that it is declared to have."""
    reported: Tuple[Remote, ...] = ()
    """The endpoints that it has reported, because not all their addresses are declared; kept until its next report."""
    chosen: Tuple[str, ...] = ()
    """The names of its declared endpoints of which not all addresses are declared."""
    joined: bool = False
    """Whether it is known only because it has joined the network in etcd."""


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
    chosen: Tuple[str, ...] = ()
    """The names of declared endpoints here of which not all addresses are declared."""
    learning: bool = True
    """Whether this host learns from the packets of other hosts where their endpoints are."""
    member: str = ""
    """This host's name among those that have joined the network in etcd; empty if it has not joined."""


class Members(NamedTuple):
    """What a host is told about an overlay's hosts, by the keys of an item of ``networks``."""

    peers: List[Dict[str, Any]]
    """The other hosts. ``chosen`` has the names of their declared endpoints of which not all addresses are declared."""
    known: List[str]
    """The declared addresses of the host's own endpoints."""
    chosen: AbstractSet[str]
    """The names of the host's own declared endpoints of which not all addresses are declared."""
    declared: AbstractSet[str]
    """The names of all declared endpoints."""


def pack(content: Any) -> str:
    """Return CONTENT, which JSON can represent, as one short text."""
    return base64.b64encode(zlib.compress(json.dumps(content, separators=(",", ":")).encode())).decode()


def unpack(text: str) -> Any:
    """Return the content that pack() has written to TEXT.

    :raises ValueError: if TEXT is not from pack()
    """
    try:
        return json.loads(zlib.decompress(base64.b64decode(text)))
    except zlib.error as error:
        raise ValueError(str(error)) from error


def members(text: str, host: str) -> Members:
    """Return what HOST is told of the hosts that pack() has written to TEXT: items of ``peers``, each with ``chosen``.

    :raises ValueError: if TEXT is not from pack()
    """
    hosts: List[Dict[str, Any]] = unpack(text)
    own = [one for one in hosts if one["name"] == host]
    endpoints = (endpoint for one in own for endpoint in one["endpoints"])
    known = [one[key] for one in endpoints for key in ("ipv4_address", "ipv6_address") if key in one]
    chosen = {name for one in own for name in one["chosen"]}
    declared = {endpoint["name"] for one in hosts for endpoint in one["endpoints"]}
    declared.update(name for one in hosts for name in one["chosen"])
    # Hosts without an address find each other in etcd.
    peers = [one for one in hosts if one["name"] != host and one["address"] is not None]
    return Members(peers, known, chosen, declared)


def is_reported(name: str, chosen: Container[str], declared: Container[str]) -> bool:
    """Say whether a host reports its endpoint NAME: what is declared in full need not be, and is where it is declared.

    :param chosen: the declared endpoints of this host of which not all addresses are declared
    :param declared: the declared endpoints of all hosts
    """
    return name in chosen or name not in declared


def digest(endpoints: Sequence[Remote]) -> str:
    """Return a digest of the report of a host with ENDPOINTS; empty if there are none."""
    if not endpoints:
        return ""
    text = json.dumps([one.item for one in endpoints], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
