# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The noun Endpoint: a service address on exactly one network, and the ports that it publishes."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple

from .addresses import Address, Subnet, address, subnet

PROTOCOLS = ("tcp", "udp", "sctp")


@dataclass(frozen=True)
class Port:
    """A port of an endpoint that is reachable by way of the host."""

    container_port: int
    host_port: Optional[int] = None
    """None for any free one."""
    host_ip: Optional[Address] = None
    """None for what the network's ``host_binding_ipv4`` says, all addresses if it says nothing."""
    protocol: str = "tcp"
    sources: Tuple[Subnet, ...] = ()
    """Who may use it; everybody if empty."""

    def __str__(self) -> str:
        host = "" if self.host_ip is None else f"[{self.host_ip}]:" if self.host_ip.version == 6 else f"{self.host_ip}:"
        port = f"{self.host_port}:" if self.host_port else ""
        return f"{host}{port}{self.container_port}/{self.protocol}"

    def meets(self, wish: "Port") -> bool:
        """Whether this port, which has its host port, is what WISH, which may leave it open, asks for."""
        return (self.container_port, self.host_ip, self.protocol, self.sources) == (
            wish.container_port,
            wish.host_ip,
            wish.protocol,
            wish.sources,
        ) and wish.host_port in (None, self.host_port)

    def to_json(self) -> Dict[str, Any]:
        """Return this as JSON can hold it."""
        return {
            "container_port": self.container_port,
            "host_port": self.host_port,
            "host_ip": str(self.host_ip) if self.host_ip is not None else None,
            "protocol": self.protocol,
            "sources": [str(source) for source in self.sources],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Port":
        """Return what to_json made DATA of."""
        return cls(
            data["container_port"],
            data["host_port"],
            ipaddress.ip_address(data["host_ip"]) if data["host_ip"] else None,
            data["protocol"],
            tuple(ipaddress.ip_network(source) for source in data["sources"]),
        )


def parse_ports(specification: Any) -> Sequence[Port]:
    """Return the ports that SPECIFICATION asks for: Docker's text form or a mapping, ranges told apart.

    :raises ValueError: if it cannot be read, with the reason
    """
    if isinstance(specification, Mapping):
        return _from_mapping(specification)
    if isinstance(specification, (int, str)) and not isinstance(specification, bool):
        return _from_text(str(specification))
    raise ValueError(f"published port {specification!r} is neither text such as '8080:80' nor a mapping.")


def _from_text(text: str) -> Sequence[Port]:
    rest, slash, protocol = text.partition("/")
    host_ip, host_port = "", ""
    rest, colon, container_port = rest.rpartition(":")
    if colon:
        host_ip, _colon, host_port = rest.rpartition(":")
        if not host_ip and ":" not in rest and "." in rest:
            host_ip, host_port = rest, ""
    if host_ip.startswith("[") and host_ip.endswith("]"):
        host_ip = host_ip[1:-1]
    return _ports(f"'{text}'", container_port, host_port, host_ip, protocol if slash else "tcp", ())


def _from_mapping(data: Mapping[str, Any]) -> Sequence[Port]:
    unknown = sorted(set(data) - {"container_port", "host_port", "host_ip", "protocol", "allowed_sources"})
    if unknown:
        raise ValueError(f"published port has an unknown key '{unknown[0]}'.")
    if data.get("container_port") is None:
        raise ValueError("published port needs a container_port.")
    sources = data.get("allowed_sources") or ()
    if isinstance(sources, str) or not isinstance(sources, Sequence):
        raise ValueError("allowed_sources is a list of subnets or addresses.")
    return _ports(
        f"'{data['container_port']}'",
        str(data["container_port"]),
        str(data.get("host_port") or ""),
        str(data.get("host_ip") or ""),
        str(data.get("protocol") or "tcp"),
        sources,
    )


def _ports(
    what: str, container_port: str, host_port: str, host_ip: str, protocol: str, sources: Iterable[Any]
) -> Sequence[Port]:
    if protocol not in PROTOCOLS:
        raise ValueError(f"published port {what}: protocol '{protocol}' is not one of {', '.join(PROTOCOLS)}.")
    inner = _range(what, container_port)
    outer: Sequence[Optional[int]] = _range(what, host_port) if host_port else [None] * len(inner)
    if len(inner) != len(outer):
        raise ValueError(f"published port {what}: the two ranges have {len(outer)} and {len(inner)} ports.")
    bound = address(host_ip) if host_ip else None
    if bound is not None and bound.version == 6 and bound.is_loopback:
        raise ValueError(f"published port {what}: IPv6 has no way from {bound} into a sandbox; publish on 127.0.0.1.")
    if bound is not None and bound.is_unspecified:
        bound = bound if bound.version == 6 else None
    allowed = tuple(sorted(ipaddress.collapse_addresses(_of_family(sources, 4)))) + tuple(
        sorted(ipaddress.collapse_addresses(_of_family(sources, 6)))
    )
    return [Port(inside, outside, bound, protocol, allowed) for inside, outside in zip(inner, outer)]


def _of_family(sources: Iterable[Any], version: int) -> Iterable[Any]:
    nets = [
        subnet(str(source)) if "/" in str(source) else ipaddress.ip_network(address(str(source))) for source in sources
    ]
    return [net for net in nets if net.version == version]


def _range(what: str, text: str) -> Sequence[int]:
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise ValueError(f"published port {what}: '{text}' is neither a port nor a range of ports.")
    low, high = int(first), int(last or first)
    if not 1 <= low <= high <= 65535:
        raise ValueError(f"published port {what}: '{text}' is not within 1 to 65535, the lower first.")
    return range(low, high + 1)


@dataclass(frozen=True)
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
    """Whether its sandbox's own list of networks asks for it, so that it leaves when the list or the sandbox goes."""
    reserved: bool = False
    """Whether it was made by itself, so that it stays when its sandbox goes."""

    @property
    def addresses(self) -> Tuple[Address, ...]:
        """Its addresses, IPv4 first."""
        return tuple(found for found in (self.ipv4, self.ipv6) if found is not None)

    def address(self, version: int) -> Optional[Address]:
        """Return its address of family VERSION, 4 or 6."""
        return self.ipv4 if version == 4 else self.ipv6

    @property
    def device(self) -> str:
        """The name of the host's end of its veth pair."""
        return f"veth{self.id[:11]}"

    def to_json(self) -> Dict[str, Any]:
        """Return this as JSON can hold it."""
        return {
            "id": self.id,
            "name": self.name,
            "network": self.network,
            "sandbox": self.sandbox,
            "ipv4": str(self.ipv4) if self.ipv4 is not None else None,
            "ipv6": str(self.ipv6) if self.ipv6 is not None else None,
            "mac": self.mac,
            "aliases": list(self.aliases),
            "ports": [port.to_json() for port in self.ports],
            "gateway_priority": self.gateway_priority,
            "interface": self.interface,
            "declared": self.declared,
            "reserved": self.reserved,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Endpoint":
        """Return what to_json made DATA of."""
        return cls(
            **{
                **data,
                "ipv4": ipaddress.ip_address(data["ipv4"]) if data["ipv4"] else None,
                "ipv6": ipaddress.ip_address(data["ipv6"]) if data["ipv6"] else None,
                "aliases": tuple(data["aliases"]),
                "ports": tuple(Port.from_json(port) for port in data["ports"]),
            }
        )
