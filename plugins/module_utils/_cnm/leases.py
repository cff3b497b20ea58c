# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses that DHCP servers give to endpoints: how they come into the store."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Callable, Collection, Container, Dict, Iterable, List, Mapping, Sequence

from .model.allocation import check_address
from .model.endpoint import Endpoint
from .model.errors import CnmError, KernelRefused
from .resources.dhcp import DhcpClient
from .resources.plan import Step
from .resources.resource import Resource, only
from .store.objects import SqliteStore


def take_over(store: SqliteStore, given: Mapping[str, str], lost: Container[str], warn: Callable[[str], None]) -> None:
    """Write to STORE the addresses GIVEN by servers, by endpoint, that differ from what it has; warn of each.

    :param lost: the endpoints whose leases have ended, of which it warns as well
    """
    for identifier, address in sorted(given.items()):
        endpoint = store.endpoint(identifier)
        if endpoint is None or not endpoint.leased or endpoint.ipv4 is None:
            continue
        on = f"on network '{_network(store, endpoint)}'"
        if identifier in lost:
            warn(
                f"Endpoint '{endpoint.name}' {on}: the time for which it was given {address} is over, and no DHCP "
                "server answers. It has no IPv4 address until one does."
            )
        if str(endpoint.ipv4) == address:
            continue
        error = _recorded(store, endpoint, address)
        if error:
            warn(f"Endpoint '{endpoint.name}' {on}: {error} Until then it is known by {endpoint.ipv4}.")
        else:
            warn(f"Endpoint '{endpoint.name}' {on}: the DHCP server has given it {address} instead of {endpoint.ipv4}.")


def waiting(store: SqliteStore, wanted: Iterable[Resource]) -> List[DhcpClient]:
    """Return those of the clients in WANTED whose endpoints have no address yet."""
    endpoints = ((client, store.endpoint(client.endpoint)) for client in only(DhcpClient, wanted))
    clients = [client for client, endpoint in endpoints if endpoint is not None and endpoint.ipv4 is None]
    return sorted(clients, key=lambda client: client.name)


def record(store: SqliteStore, clients: Collection[DhcpClient], given: Mapping[str, str]) -> List[CnmError]:
    """Write to STORE the addresses GIVEN by servers to the endpoints of CLIENTS; return why some have none."""
    errors: List[CnmError] = []
    silent: Dict[str, List[DhcpClient]] = {}
    for client in clients:
        endpoint = store.endpoint(client.endpoint)
        if endpoint is None:
            continue
        if client.endpoint not in given:
            silent.setdefault(_network(store, endpoint), []).append(client)
            continue
        error = _recorded(store, endpoint, given[client.endpoint])
        if error:
            text = f"Endpoint '{endpoint.name}' on network '{_network(store, endpoint)}': {error}"
            errors.append(KernelRefused(text, client.key))
    for network, group in silent.items():
        names = ", ".join(f"'{client.name}'" for client in group)
        what = f"endpoint{'s' if len(group) > 1 else ''} {names}"
        text = (
            f"No DHCP server on network '{network}' has given {what} an address within 15 seconds. Start it, or give "
            "them fixed addresses by ipv4_address."
        )
        errors += [KernelRefused(text, client.key) for client in group]
    return errors


def ending(store: SqliteStore, steps: Sequence[Step]) -> List[Step]:
    """Return STEPS; those that end a client tell the server, if its endpoint no longer needs the address."""

    def told(step: Step) -> Step:
        client = step.before
        if step.after is None and isinstance(client, DhcpClient):
            endpoint = store.endpoint(client.endpoint)
            return Step(replace(client, releases=endpoint is None or not endpoint.leased), None)
        return step

    return [told(step) for step in steps]


def _network(store: SqliteStore, endpoint: Endpoint) -> str:
    network = store.network(endpoint.network)
    return network.name if network is not None else endpoint.network


def _recorded(store: SqliteStore, endpoint: Endpoint, text: str) -> str:
    """Write the address TEXT of ENDPOINT to STORE; return why this is not possible, in a sentence."""
    network = store.network(endpoint.network)
    try:
        address = ipaddress.IPv4Address(text)
        check_address(network.pool(4) if network is not None else None, address)
    except ValueError as error:
        return f"the DHCP server has given it {text}. {str(error)[0].upper()}{str(error)[1:]}"
    holder = store.holder(endpoint.network, address.packed)
    if holder is not None and holder.id != endpoint.id:
        return (
            f"the DHCP server has given it {text}, which endpoint '{holder.name}' has. Keep fixed addresses out of the "
            "range of the server."
        )
    store.put_endpoint(replace(endpoint, ipv4=address))
    return ""
