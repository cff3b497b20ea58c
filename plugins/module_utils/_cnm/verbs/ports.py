# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host ports of an endpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import Container, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..drivers import driver
from ..model.addresses import Address
from ..model.endpoint import Endpoint, Port
from ..model.network import Network
from ..resources.kinds import Listener
from .context import Context

FIRST, LAST = 49153, 65535
"""Where ports are chosen from, as in Docker 1.9's portallocator: IANA's dynamic ports but the first."""


def assign(
    context: Context, network: Network, endpoint: Endpoint, wishes: Sequence[Port], subject: str
) -> Tuple[Port, ...]:
    """Return the ports of ENDPOINT that fulfil its WISHES: it keeps ports that fit, and gets others.

    Open host ports are chosen when all items have been read.
    """
    assigned: List[Port] = []
    spare = list(endpoint.ports)
    reason = driver(network.driver).unpublishable(network)
    for wish in particular_first(wishes):
        present = next((port for port in spare if port.meets(wish)), None)
        if present is not None:
            spare.remove(present)
            assigned.append(present)
        elif reason:
            context.problems.add(f"{subject}: published port '{wish}': {reason}")
        elif wish.host_port is None or wish not in assigned:
            assigned.append(wish)
            context.published.append((endpoint.id, wish, subject))
    return tuple(assigned)


def assign_host_ports(context: Context) -> None:
    """Give endpoints the host ports that items ask for; then choose free ones for the others."""
    chosen = [one for one in context.published if one[1].host_port is None]
    given = [one for one in context.published if one[1].host_port is not None]
    later = {(identifier, port) for identifier, port, _subject in given}
    hints: Dict[str, int] = {}
    for identifier, port, subject in given + chosen:
        later.discard((identifier, port))
        endpoint = context.store.endpoint(identifier)
        network = context.store.network(endpoint.network) if endpoint is not None else None
        if endpoint is None or network is None or port not in endpoint.ports:
            continue
        with context.problems.about(f"{subject}: published port '{port}'"):
            assigned = _with_host_port(context, network, endpoint, port, later, hints)
            place = endpoint.ports.index(port)
            others = endpoint.ports[:place], endpoint.ports[place + 1 :]
            new = () if assigned in others[0] + others[1] else (assigned,)
            context.store.put_endpoint(replace(endpoint, ports=others[0] + new + others[1]))


def _with_host_port(
    context: Context,
    network: Network,
    endpoint: Endpoint,
    port: Port,
    later: Container[Tuple[str, Port]],
    hints: Dict[str, int],
) -> Port:
    """Return PORT of ENDPOINT with its host port.

    :param later: ports, with their endpoint's id, that are assigned later and do not count yet
    :param hints: by protocol, the number below which no port is free
    :raises ValueError: if no host port is possible
    """
    targets = list(driver(network.driver).targets(network, endpoint, port))
    if not targets:
        raise ValueError(f"the endpoint has no address of the same family on network '{network.name}'.")
    if not any(translated for _address, _host_ip, translated in targets):
        return replace(port, host_port=None)
    if port.host_port is not None:
        reason = taken(context, network, endpoint, port, later)
        if reason:
            raise ValueError(reason)
        return port
    for number in range(hints.get(port.protocol, FIRST), LAST + 1):
        candidate = replace(port, host_port=number)
        reserved = any(number in ports for ports in context.host.reserved_ports())
        if not reserved and not taken(context, network, endpoint, candidate, later):
            hints[port.protocol] = number
            return candidate
    raise ValueError(f"no port of the host is free between {FIRST} and {LAST}.")


def taken(
    context: Context, network: Network, endpoint: Endpoint, port: Port, later: Container[Tuple[str, Port]]
) -> Optional[str]:
    """Return why the host port of PORT of ENDPOINT is not available, in a sentence; None if it is.

    :param later: ports, with their endpoint's id, that are assigned later and do not count yet
    """
    where = driver(network.driver).bindings(network, port)
    for holder, other in context.store.ports(port.protocol, port.host_port or 0):
        its_network = context.store.network(holder.network)
        if (holder.id, other) == (endpoint.id, port) or (holder.id, other) in later or its_network is None:
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


def resume(context: Context, endpoint: Endpoint, subject: str) -> None:
    """Have the ports of ENDPOINT checked again, because a process on the host may have taken them in the meantime."""
    context.published += [(endpoint.id, port, subject) for port in endpoint.ports if port.host_port is not None]


def listeners(context: Context, port: Port) -> Iterator[Listener]:
    """Yield the sockets that listen on the host's port that PORT asks for."""
    for listener in context.host.listening():
        if (listener.protocol, listener.port) == (port.protocol, port.host_port):
            yield listener


def overlap(one: Mapping[int, Optional[Address]], other: Mapping[int, Optional[Address]]) -> bool:
    """Say whether two ports, given as results of bindings(), share an address of the host."""
    return any(one[version] is None or other[version] in (None, one[version]) for version in one.keys() & other.keys())


def particular_first(wishes: Iterable[Port]) -> List[Port]:
    """Return WISHES, those for a certain host port first: a wish for any port must not use up that port."""
    return sorted(wishes, key=lambda wish: wish.host_port is None)
