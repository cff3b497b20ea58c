# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ports of the host at which endpoints publish theirs: those that users ask for, or the first free ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterator, List, Mapping, Optional, Set, Tuple

from ..drivers import driver
from ..model.addresses import Address
from ..model.endpoint import Endpoint, Port
from ..model.network import Network
from ..resources.kinds import Listener
from .context import Context

FIRST, LAST = 49153, 65535
"""Where ports are chosen from, as in Docker 1.9's portallocator: IANA's dynamic ports but the first."""


class _HostPorts:
    """The host ports of a run: an endpoint is written when all its ports have theirs."""

    def __init__(self, context: Context) -> None:
        self.later = {(identifier, port) for identifier, port, _subject in context.published if port.host_port}
        """Ports, with their endpoint's id, that are assigned later and do not count yet."""
        self.hints: Dict[str, int] = {}
        """By protocol, the number below which no port is free."""
        self._exhausted: Set[Tuple[str, str, Optional[Address]]] = set()
        """For which networks, protocols and addresses of the host no port is free; that is said once."""
        self._context = context
        self._ports: Dict[str, List[Port]] = {}
        """The ports of the endpoints that are not written yet, by id."""
        self._places: Dict[str, Dict[Port, List[int]]] = {}
        """Where in these lists a port is that has not been assigned yet."""
        self._chosen: Dict[Tuple[str, int], List[Tuple[Endpoint, Port]]] = {}
        """Ports with a host port that this run has chosen, by protocol and host port."""

    def place(self, endpoint: Endpoint, port: Port) -> Optional[int]:
        """Return the place of PORT among those of ENDPOINT, once; None if it no longer asks for it."""
        if endpoint.id not in self._ports:
            self._ports[endpoint.id] = list(endpoint.ports)
            places = self._places[endpoint.id] = {}
            for place, each in reversed(list(enumerate(endpoint.ports))):
                places.setdefault(each, []).append(place)
        left = self._places[endpoint.id].get(port)
        return left.pop() if left else None

    def assign(self, endpoint: Endpoint, place: int, port: Port) -> None:
        """Let ENDPOINT have PORT at PLACE."""
        before, self._ports[endpoint.id][place] = self._ports[endpoint.id][place], port
        if port != before and port.host_port is not None:
            self._chosen.setdefault((port.protocol, port.host_port), []).append((endpoint, port))

    def exhaust(self, network: Network, port: Port) -> None:
        """Note that no port of the host is free for an open PORT on NETWORK."""
        self._exhausted.add((network.id, port.protocol, port.host_ip))

    def hopeless(self, network: Network, port: Port) -> bool:
        """Say whether PORT on NETWORK is open, and an earlier one like it did not get a port of the host."""
        return port.host_port is None and (network.id, port.protocol, port.host_ip) in self._exhausted

    def holders(self, port: Port) -> Iterator[Tuple[Endpoint, Port]]:
        """Yield the ports that have the host's port of PORT, with their endpoints."""
        yield from self._context.store.ports(port.protocol, port.host_port or 0)
        yield from self._chosen.get((port.protocol, port.host_port or 0), ())

    def write(self) -> None:
        """Write the endpoints."""
        for identifier, ports in self._ports.items():
            endpoint = self._context.store.endpoint(identifier)
            if endpoint is not None:
                self._context.store.put_endpoint(replace(endpoint, ports=tuple(dict.fromkeys(ports))))


def assign_host_ports(context: Context) -> None:
    """Give endpoints the host ports that items ask for; then choose free ones for the others."""
    host_ports = _HostPorts(context)
    for identifier, port, subject in sorted(context.published, key=lambda one: one[1].host_port is None):
        host_ports.later.discard((identifier, port))
        endpoint = context.store.endpoint(identifier)
        network = context.store.network(endpoint.network) if endpoint is not None else None
        place = host_ports.place(endpoint, port) if endpoint is not None else None
        if endpoint is None or network is None or place is None or host_ports.hopeless(network, port):
            continue
        with context.problems.about(f"{subject}: published port '{port}'"):
            host_ports.assign(endpoint, place, _with_host_port(context, network, endpoint, port, host_ports))
    host_ports.write()


def _with_host_port(context: Context, network: Network, endpoint: Endpoint, port: Port, host_ports: _HostPorts) -> Port:
    """Return PORT of ENDPOINT with its host port.

    :raises ValueError: if no host port is possible
    """
    targets = list(driver(network.driver).targets(network, endpoint, port))
    if not targets:
        raise ValueError(f"the endpoint has no address of the same family on network '{network.name}'.")
    if not any(translated for _address, _host_ip, translated in targets):
        return replace(port, host_port=None)
    if port.host_port is not None:
        reason = _taken(context, network, endpoint, port, host_ports)
        if reason:
            raise ValueError(reason)
        return port
    reserved = context.host.reserved_ports()
    for number in range(host_ports.hints.get(port.protocol, FIRST), LAST + 1):
        candidate = replace(port, host_port=number)
        if any(number in ports for ports in reserved):
            continue
        if not _taken(context, network, endpoint, candidate, host_ports):
            # The next search does not look again at what is taken.
            host_ports.hints[port.protocol] = number
            return candidate
    host_ports.exhaust(network, port)
    raise ValueError(f"no port of the host is free between {FIRST} and {LAST}.")


def _taken(context: Context, network: Network, endpoint: Endpoint, port: Port, host_ports: _HostPorts) -> Optional[str]:
    """Return why the host port of PORT of ENDPOINT is not available, in a sentence; None if it is."""
    where = driver(network.driver).bindings(network, port)
    for holder, other in host_ports.holders(port):
        its_network = context.store.network(holder.network)
        if (holder.id, other) == (endpoint.id, port) or (holder.id, other) in host_ports.later or its_network is None:
            continue
        if overlap(where, driver(its_network.driver).bindings(its_network, other)):
            return f"endpoint '{holder.name}' on network '{its_network.name}' has it."
    targets = driver(network.driver).targets(network, endpoint, port)
    published_at = [(address.version, host_ip) for address, host_ip, translated in targets if translated]
    for listener in listeners(context, port):
        if any(listener.hears(version, host_ip) for version, host_ip in published_at):
            process = context.host.process(listener.inode)
            return f"{f'process {process}' if process else 'a process of the host'} listens on it."
    return None


def listeners(context: Context, port: Port) -> Iterator[Listener]:
    """Yield the sockets that listen on the host's port that PORT asks for."""
    for listener in context.host.listening():
        if (listener.protocol, listener.port) == (port.protocol, port.host_port):
            yield listener


def overlap(one: Mapping[int, Optional[Address]], other: Mapping[int, Optional[Address]]) -> bool:
    """Say whether two ports, given as results of bindings(), share an address of the host."""
    return any(one[version] is None or other[version] in (None, one[version]) for version in one.keys() & other.keys())
