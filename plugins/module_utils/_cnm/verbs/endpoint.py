# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, change, join, leave and remove an endpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..addresses import Address, address, address_of, mac, mac_of
from ..drivers import driver
from ..drivers.bridge_options import parse
from ..endpoint import Endpoint, Port, parse_ports
from ..errors import Problems, every
from ..identity import check_device, check_hostname, check_name
from ..network import Network
from ..resources import Link
from ..sandbox import Sandbox
from ..topology import on_host
from . import Context, listed
from .addressing import address_for, arrived, forget_hints, requested
from .pools import settled
from .ports import assign, taken


class Wishes(NamedTuple):
    """What a user asks of an endpoint; None leaves it as it is, or to be chosen."""

    ipv4: Optional[Address] = None
    ipv6: Optional[Address] = None
    mac: Optional[str] = None
    aliases: Optional[Tuple[str, ...]] = None
    gateway_priority: Optional[int] = None
    interface: Optional[str] = None
    ports: Optional[Tuple[Port, ...]] = None


def read(problems: Problems, item: Mapping[str, Any], subject: str) -> Wishes:
    """Return what ITEM asks of an endpoint; add to PROBLEMS what cannot be read."""
    found: Dict[str, Any] = {"gateway_priority": item.get("gateway_priority")}
    readers = (
        ("ipv4", "ipv4_address", lambda text: address(text, 4)),
        ("ipv6", "ipv6_address", lambda text: address(text, 6)),
        ("mac", "mac_address", mac),
        ("interface", "interface_name", check_device),
        ("aliases", "aliases", lambda names: tuple(listed(every(check_hostname, names)))),
    )
    for field, option, reader in readers:
        if item.get(option) is not None:
            with problems.about(f"{subject}: {option}"):
                found[field] = reader(item[option])
    if item.get("published_ports") is not None:
        found["ports"] = read_ports(problems, item["published_ports"], subject)
    return Wishes(**found)


def read_ports(problems: Problems, specifications: Sequence[Any], subject: str) -> Tuple[Port, ...]:
    """Return the ports that SPECIFICATIONS ask for; add to PROBLEMS what cannot be read."""
    found: List[Port] = []
    for specification in specifications:
        with problems.about(f"{subject}: published port {specification!r}"):
            found += parse_ports(specification)
    return tuple(found)


def ensure(context: Context, item: Mapping[str, Any]) -> Optional[str]:
    """Make the endpoint that ITEM describes as it says; return its id, None if there is none afterwards."""
    name = item["name"]
    subject = f"Endpoint '{name}'"
    state = item.get("state") or ("joined" if item.get("sandbox") else "present")
    network, existing = _find(context, item, state, subject)
    if state == "absent":
        if existing is not None:
            remove(context, existing)
        return None
    if item.get("sandbox") and state != "joined":
        context.problems.add(f"{subject}: a sandbox is only given with state joined, not with state {state}.")
    if state == "joined" and not item.get("sandbox"):
        context.problems.add(f"{subject}: to be joined it needs a sandbox.")
    if existing is None:
        with context.problems.about(subject):
            check_name(name)
    wishes = read(context.problems, item, subject)
    sandbox = context.sandbox(item["sandbox"], subject) if state == "joined" and item.get("sandbox") else None
    if network is None:
        return None
    for key in sorted(item.get("driver_options") or {}):
        context.problems.add(f"{subject}: driver '{network.driver}' has no endpoint option '{key}'.")
    endpoint = write(context, network, existing, name, wishes, subject)
    if endpoint is None:
        return None
    if existing is None:
        endpoint = replace(endpoint, reserved=True)
        context.store.put_endpoint(endpoint)
    if state == "left":
        part(context, replace(endpoint, reserved=True))
    elif sandbox is not None:
        _join_named(context, network, endpoint, sandbox, bool(item.get("force")), wishes, subject)
    elif endpoint.sandbox is not None and wishes.interface is not None:
        present = context.store.sandbox(endpoint.sandbox)
        if present is not None:
            join(context, network, endpoint, present, wishes.interface, subject)
    return endpoint.id


def _find(
    context: Context, item: Mapping[str, Any], state: str, subject: str
) -> Tuple[Optional[Network], Optional[Endpoint]]:
    """Return the network that ITEM names, or that its endpoint is on, and the endpoint if there is one."""
    name = item["name"]
    if item.get("network"):
        if state == "absent":
            network = None
            with context.problems.about(subject):
                network = context.store.find_network(item["network"])
        else:
            network = context.network(item["network"], subject)
        return network, context.store.endpoint_on(network.id, name) if network else None
    candidates = context.store.endpoints_named(name)
    if len(candidates) == 1:
        return context.store.network(candidates[0].network), candidates[0]
    if candidates:
        names = [network.name for network in (context.store.network(one.network) for one in candidates) if network]
        context.problems.add(
            f"{subject}: there are several, on the networks {', '.join(sorted(names))}. Name the network."
        )
    elif state != "absent":
        context.problems.add(f"{subject}: there is none yet, so its network is needed.")
    return None, None


def _join_named(
    context: Context,
    network: Network,
    endpoint: Endpoint,
    sandbox: Sandbox,
    force: bool,
    wishes: Wishes,
    subject: str,
) -> None:
    if endpoint.sandbox not in (None, sandbox.id) and not force:
        other = context.store.sandbox(str(endpoint.sandbox))
        context.problems.add(
            f"{subject}: it is in sandbox '{other.name if other else endpoint.sandbox}'. "
            "Let it leave first, or use force: true to move it."
        )
        return
    if endpoint.sandbox not in (None, sandbox.id):
        # The list of the sandbox that it was in no longer has a say in it.
        endpoint = replace(endpoint, declared=False, reserved=True)
    join(context, network, endpoint, sandbox, wishes.interface, subject)


def write(
    context: Context, network: Network, existing: Optional[Endpoint], name: str, wishes: Wishes, subject: str
) -> Optional[Endpoint]:
    """Write the endpoint NAME on NETWORK with what it has, what WISHES say, and what is chosen for it."""
    found = len(context.problems.found)
    network = settled(context, network)
    identifier = existing.id if existing else context.id_for("endpoint", network.id, name)
    endpoint = existing or Endpoint(identifier, name, network.id)
    if driver(network.driver).has_addresses:
        endpoint = _addressed(context, network, existing, endpoint, wishes, subject)
    else:
        for option in ("ipv4", "ipv6", "mac", "ports", "interface"):
            if getattr(wishes, option):
                context.problems.add(f"{subject}: on network '{network.name}' there is no {option} to choose.")
    if wishes.aliases and network.predefined:
        context.problems.add(
            f"{subject}: on network '{network.name}' nobody is found by a name, so there are no aliases. "
            "Use a network of your own."
        )
    if wishes.aliases is not None:
        endpoint = replace(endpoint, aliases=wishes.aliases)
    if wishes.gateway_priority is not None:
        endpoint = replace(endpoint, gateway_priority=wishes.gateway_priority)
    if len(context.problems.found) > found:
        return None
    if wishes.ports is not None:
        endpoint = replace(endpoint, ports=assign(context, network, endpoint, wishes.ports, subject))
        if len(context.problems.found) > found:
            return None
    arrived(context, network, endpoint)
    context.store.put_endpoint(endpoint)
    return endpoint


def _addressed(
    context: Context,
    network: Network,
    existing: Optional[Endpoint],
    endpoint: Endpoint,
    wishes: Wishes,
    subject: str,
) -> Endpoint:
    chosen: Dict[int, Optional[Address]] = {4: endpoint.ipv4, 6: endpoint.ipv6}
    for version, wish in ((4, wishes.ipv4), (6, wishes.ipv6)):
        with context.problems.about(subject):
            if wish is not None and network.id in context.assumed:
                # Nobody knows what subnet it will have.
                chosen[version] = wish if network.pool(version) else None
            elif wish is not None:
                chosen[version] = requested(context, network, existing, endpoint.name, wish)
            elif chosen[version] is None and network.pool(version) is not None:
                chosen[version] = address_for(context, network, version)
    if existing is not None and (chosen[4], chosen[6]) != (existing.ipv4, existing.ipv6):
        forget_hints(context, network.id)
    first = chosen[4] or chosen[6]
    automatic = existing is None or existing.mac in {mac_of(held) for held in existing.held}
    address_of_link = endpoint.mac
    if wishes.mac is not None:
        address_of_link = wishes.mac
        other_address = address_of(wishes.mac)
        pool = network.pool(4)
        if pool and other_address and other_address in pool.subnet and other_address != chosen[4]:
            context.problems.add(
                f"{subject}: MAC address {wishes.mac} cannot be had: it is that of address {other_address}."
            )
        for other in context.store.endpoints_of_network(network.id):
            if other.mac == wishes.mac and other.id != endpoint.id:
                context.problems.add(f"{subject}: MAC address {wishes.mac} is taken: endpoint '{other.name}' has it.")
    elif automatic and first is not None:
        address_of_link = mac_of(first)
    if (endpoint.ipv4, endpoint.ipv6, endpoint.mac) == (chosen[4], chosen[6], address_of_link):
        return endpoint
    return replace(endpoint, ipv4=chosen[4], ipv6=chosen[6], mac=address_of_link)


def join(
    context: Context, network: Network, endpoint: Endpoint, sandbox: Sandbox, interface: Optional[str], subject: str
) -> None:
    """Put ENDPOINT into SANDBOX, under the name INTERFACE or one that is chosen."""
    others = [one for one in context.store.endpoints_of_sandbox(sandbox.id) if one.id != endpoint.id]
    their_networks = [(context.store.network(one.network), one) for one in others]
    for other_network, other in their_networks:
        if other_network is None:
            continue
        if other_network.id == network.id:
            context.problems.add(
                f"{subject}: sandbox '{sandbox.name}' is on network '{network.name}' already, by endpoint "
                f"'{other.name}'."
            )
            return
        if "host" in (network.driver, other_network.driver) or "null" in (network.driver, other_network.driver):
            context.problems.add(
                f"{subject}: networks 'host' and 'none' cannot be combined with others, "
                f"and sandbox '{sandbox.name}' would be on '{other_network.name}' and '{network.name}'."
            )
            return
    if on_host([(network, endpoint)]) and sandbox.netns is not None:
        context.problems.add(
            f"{subject}: sandbox '{sandbox.name}' has a namespace of its own, so it cannot be on 'host'."
        )
        return
    if on_host([(network, endpoint)]) and endpoint.sandbox != sandbox.id and sandbox.running:
        programs = context.host.programs_in(sandbox.path)
        if programs:
            context.problems.add(
                f"{subject}: sandbox '{sandbox.name}' cannot move to network 'host' while programs run in it, which "
                f"would be left without a network: {', '.join(programs[:5])}. Stop them first."
            )
            return
    kind = driver(network.driver)
    if endpoint.sandbox is None and kind.has_addresses and context.store.joined(network.id) >= kind.ports:
        context.problems.add(
            f"{subject}: a Linux bridge has {kind.ports} ports, and those of network '{network.name}' are all in use. "
            "Put further endpoints on another network."
        )
        return
    if kind.has_addresses:
        used = {one.interface for one in others}
        chosen = _interface(context, network, endpoint, sandbox, interface, used)
        if chosen in used:
            context.problems.add(f"{subject}: sandbox '{sandbox.name}' has an interface '{chosen}' already.")
            return
        if endpoint.interface != chosen:
            endpoint = replace(endpoint, interface=chosen)
    ipv6_off = sandbox.ipv6_off(endpoint.interface or "")
    if (endpoint.sandbox, endpoint.ipv6_off) != (sandbox.id, ipv6_off):
        endpoint = replace(endpoint, sandbox=sandbox.id, ipv6_off=ipv6_off)
    context.store.put_endpoint(endpoint)


def _interface(
    context: Context,
    network: Network,
    endpoint: Endpoint,
    sandbox: Sandbox,
    wish: Optional[str],
    used: "set[Optional[str]]",
) -> str:
    """Return the name of the endpoint's interface: as wished, as before, or the first that is free."""
    if wish is not None:
        return wish
    if endpoint.interface is not None and endpoint.sandbox == sandbox.id:
        return endpoint.interface
    foreign = context.host.link_names(sandbox.path) if sandbox.netns is not None else set()
    # What a run that was killed has left there is not in the way.
    foreign -= {key[2] for key in context.unfinished.keys if key[:2] == (Link.kind, sandbox.path)}
    if endpoint.interface is not None and endpoint.interface not in used and endpoint.interface not in foreign:
        return endpoint.interface
    prefix = parse(network.options).interface_prefix
    number = 0
    while f"{prefix}{number}" in used or f"{prefix}{number}" in foreign:
        number += 1
    return f"{prefix}{number}"


def part(context: Context, endpoint: Endpoint) -> None:
    """Take ENDPOINT out of its sandbox, which no longer asks for it: it goes, unless it was made by itself."""
    if endpoint.reserved:
        context.store.put_endpoint(replace(endpoint, sandbox=None, declared=False, ipv6_off=False))
    else:
        remove(context, endpoint)


def remove(context: Context, endpoint: Endpoint) -> None:
    """Forget ENDPOINT; its addresses and ports are free for others."""
    context.store.delete_endpoint(endpoint)
    forget_hints(context, endpoint.network)


def check_ports(context: Context, endpoints: List[Tuple[Network, Endpoint]], subject: str) -> None:
    """See that no process of the host has come to listen on the ports of ENDPOINTS, which are about to be used."""
    for network, endpoint in endpoints:
        for port in endpoint.ports:
            reason = taken(context, network, endpoint, port, ()) if port.host_port else None
            if reason:
                context.problems.add(f"{subject}: published port '{port}': {reason}")
