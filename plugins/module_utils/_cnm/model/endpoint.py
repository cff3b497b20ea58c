# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The noun Endpoint: a service address on exactly one network, and the ports that it publishes."""

from __future__ import annotations

from typing import Optional, Tuple

from .addresses import Address, Subnet
from .value import value


@value
class Port:
    """A port of an endpoint that is reachable through the host."""

    container_port: int
    host_port: Optional[int] = None
    """None for any free port."""
    host_ip: Optional[Address] = None
    """None for the default of the network's options, or else all addresses."""
    protocol: str = "tcp"
    sources: Tuple[Subnet, ...] = ()
    """Who may use it; everybody if empty."""

    def __str__(self) -> str:
        host = "" if self.host_ip is None else f"[{self.host_ip}]:" if self.host_ip.version == 6 else f"{self.host_ip}:"
        port = f"{self.host_port}:" if self.host_port else ""
        return f"{host}{port}{self.container_port}/{self.protocol}"

    def meets(self, wish: "Port") -> bool:
        """Say whether this port, whose host port is chosen, fulfils WISH, which may leave the host port open."""
        return (self.container_port, self.host_ip, self.protocol, self.sources) == (
            wish.container_port,
            wish.host_ip,
            wish.protocol,
            wish.sources,
        ) and wish.host_port in (None, self.host_port)


@value
class Endpoint:
    """A service address on one network. It keeps its addresses from creation to deletion."""

    id: str
    name: str
    network: str
    """The id of its network."""
    sandbox: Optional[str] = None
    """The id of the sandbox that it is joined to."""
    ipv4: Optional[Address] = None
    ipv6: Optional[Address] = None
    mac: str = ""
    aliases: Tuple[str, ...] = ()
    ports: Tuple[Port, ...] = ()
    gateway_priority: int = 0
    interface: Optional[str] = None
    """The interface's name in the sandbox: chosen at the first join, and kept."""
    declared: bool = False
    """Whether its sandbox's list of networks asks for it, so that it leaves when the list or the sandbox does."""
    reserved: bool = False
    """Whether an item of its own made it, so that it stays when its sandbox is removed."""

    leased: bool = False
    """Whether its IPv4 address comes from the DHCP server of the network's LAN, at the first join. The server may give
    another one later."""

    ipv6_off: bool = False
    """Whether its sandbox switches IPv6 off on its interface: then it keeps its IPv6 address, but does not use it."""

    @property
    def held(self) -> Tuple[Address, ...]:
        """The addresses that are reserved for it, IPv4 first."""
        if self.ipv6 is None:
            return () if self.ipv4 is None else (self.ipv4,)
        return (self.ipv6,) if self.ipv4 is None else (self.ipv4, self.ipv6)

    @property
    def addresses(self) -> Tuple[Address, ...]:
        """The addresses that it uses, IPv4 first."""
        return tuple(each for each in self.held if each.version == 4) if self.ipv6_off else self.held

    def address(self, version: int) -> Optional[Address]:
        """Return the address of family VERSION, 4 or 6, that it uses."""
        if version == 6:
            return None if self.ipv6_off else self.ipv6
        return self.ipv4

    @property
    def device(self) -> str:
        """The name of the host's end of its veth pair."""
        return f"veth{self.id[:11]}"

    @property
    def waiting_interface(self) -> str:
        """The name of its interface while that waits on the host for an engine to move it into its sandbox."""
        return f"cnm{self.id[:12]}"

    @property
    def handed_over(self) -> bool:
        """Whether an engine moves its interface into its sandbox, and names, addresses and removes it there."""
        return self.interface == self.waiting_interface
