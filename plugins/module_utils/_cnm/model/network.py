# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The noun Network: address pools, a driver, options; a group of endpoints that reach each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, List, Mapping, Optional, Set, Tuple

from .addresses import Address, Interface, Subnet
from .overlay_peer import Peer, Remote, Underlay
from .static_route import StaticRoute
from .value import field, value

PREDEFINED = ("bridge", "host", "none")
"""The networks that always exist (Docker 1.9)."""

DEFAULT = PREDEFINED[0]
"""The predefined network that has a device."""


DEFAULT_IPAM, DHCP = "default", "dhcp"
"""What can give endpoints their IPv4 addresses."""
IPAM_DRIVERS = (DEFAULT_IPAM, DHCP)


@value
class Pool:
    """The addresses of one family that a network has."""

    subnet: Subnet
    gateway: Optional[Address] = None
    """The host's own address on the network; None where the network has no way out."""
    iprange: Optional[Subnet] = None
    """Where addresses are chosen from; the whole subnet if None."""
    auxiliary: Mapping[str, Address] = field(default_factory=dict)
    """Names and addresses of other machines and devices, which no endpoint may get."""

    @property
    def reserved(self) -> Mapping[Address, str]:
        """Addresses that no endpoint can have, and what they are for."""
        held = {address: f"the auxiliary address '{name}'" for name, address in self.auxiliary.items()}
        if self.gateway is not None:
            held[self.gateway] = "the gateway"
        return held

    @property
    def usable(self) -> Tuple[int, int]:
        """The first and last address that an endpoint may have, as integers (RFC 3021 for /31, RFC 4291 2.6.1)."""
        first, last = int(self.subnet.network_address), int(self.subnet.broadcast_address)
        if self.subnet.num_addresses <= 2:
            return first, last
        return first + 1, last - 1 if self.subnet.version == 4 else last


@value
class Network:
    """A group of endpoints that reach each other."""

    id: str
    name: str
    driver: str
    pools: Tuple[Pool, ...] = ()
    """At most one of each family, IPv4 first."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The driver's options, by Docker's keys."""
    labels: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False
    mtu: int = 1500
    """In bytes; taken from the device of the host's default route when the network is made, and kept."""
    adopted: bool = False
    """Whether its bridge or VLAN was on the host before us, and stays when the network is removed."""
    kept: Tuple[Interface, ...] = ()
    """Addresses, with prefix lengths, that an adopted bridge had before us."""
    dns: bool = False
    """Whether the host's name server answers for its names; chosen when the network is made, and kept."""
    dns_servers: Tuple[str, ...] = ()
    """The servers that resolve external names for its sandboxes without servers of their own; empty for the host's."""
    routes: Tuple[StaticRoute, ...] = ()
    """Routes of its sandboxes, in addition to their default routes or instead of them."""
    no_default_route: bool = False
    """Whether its sandboxes get no default route through its gateway."""
    metric: Optional[int] = None
    """Metric of its default route, and of its other routes without a metric; None for the kernel's default."""
    underlay: Optional[Underlay] = None
    """How its hosts reach each other; None for a network on one host."""

    engines: Tuple[str, ...] = ()
    """The container engines that are to know the network."""
    docker_networks: Mapping[str, str] = field(default_factory=dict)
    """Docker's networks that are this one: the first digits of the id of each, and ``internal`` or ``open``."""

    ipam_driver: str = DEFAULT_IPAM
    """What gives its endpoints their IPv4 addresses: ``default`` for us, ``dhcp`` for the DHCP server of its LAN."""

    @property
    def peers(self) -> Tuple[Peer, ...]:
        """The other hosts that have the network."""
        return self.underlay.peers if self.underlay is not None else ()

    @property
    def unreported(self) -> "Network":
        """This network without what other hosts have reported."""
        if self.underlay is None or not any(peer.reported for peer in self.peers):
            return self
        peers = tuple(replace(peer, reported=()) for peer in self.peers)
        return replace(self, underlay=replace(self.underlay, peers=peers))

    def declared_remotes(self) -> Iterator[Tuple[Peer, Remote]]:
        """Yield each endpoint that another host is declared to have, with that host."""
        for peer in self.peers:
            for remote in peer.endpoints:
                yield peer, remote

    def remotes(self) -> Iterator[Tuple[Peer, Remote]]:
        """Yield each known endpoint on another host, with that host.

        What is declared holds. What a host has reported may be out of date: where it has addresses of another endpoint,
        it is left out.
        """
        if not any(peer.reported for peer in self.peers):
            yield from self.declared_remotes()
            return
        held: Set[object] = set()
        for _peer, remote in self.declared_remotes():
            held.update((*remote.addresses, remote.mac))
        more: List[Tuple[Peer, Remote]] = []
        for peer in self.peers:
            reported = {remote.name: remote for remote in peer.reported}
            for remote in peer.endpoints:
                report = reported.pop(remote.name, None)
                yield peer, remote.completed(report) if report is not None else remote
            more += [(peer, remote) for remote in reported.values()]
        for peer, remote in more:
            if held.isdisjoint((*remote.addresses, remote.mac)) and all(map(self._has, remote.addresses)):
                held.update((*remote.addresses, remote.mac))
                yield peer, remote

    def _has(self, address: Address) -> bool:
        """Say whether ADDRESS is one of this network."""
        pool = self.pool(address.version)
        return pool is not None and address in pool.subnet

    @property
    def predefined(self) -> bool:
        """Whether this is one of the networks that always exist."""
        return self.name in PREDEFINED

    @property
    def has_dns(self) -> bool:
        """Whether its endpoints query the host's name server. An internal network has none."""
        return self.dns and not self.internal and any(self.gateways())

    @property
    def ipv6(self) -> bool:
        """Whether the network has IPv6."""
        return self.pool(6) is not None

    def leases(self, version: int) -> bool:
        """Say whether a DHCP server gives its endpoints their addresses of family VERSION."""
        return version == 4 and self.ipam_driver == DHCP

    def pool(self, version: int) -> Optional[Pool]:
        """Return the pool of family VERSION, 4 or 6."""
        return next((pool for pool in self.pools if pool.subnet.version == version), None)

    def gateways(self) -> Iterator[Tuple[Pool, Address]]:
        """Yield each pool that has a gateway, and the gateway."""
        for pool in self.pools:
            if pool.gateway is not None:
                yield pool, pool.gateway
