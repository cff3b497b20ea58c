# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An endpoint on its network and in its sandbox: what users ask of it; how it joins, leaves and is removed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..drivers import driver
from ..model.addresses import Address, address, mac
from ..model.allocation import check_address
from ..model.endpoint import Endpoint, Port
from ..model.errors import Problems, every
from ..model.ids import check_alias, check_device
from ..model.network import Network
from ..model.sandbox import Sandbox
from ..store.journal import Unit
from .addresses import has_own_mac, remove_from_peers
from .context import Context, listed
from .ports import assign

_CHOICES = {
    "ipv4": "ipv4_address",
    "ipv6": "ipv6_address",
    "mac": "mac_address",
    "ports": "published_ports",
    "interface": "interface_name",
}
"""Fields of Wishes that a network without addresses does not take, and the options that give them."""


class Wishes(NamedTuple):
    """What a user asks of an endpoint; None means that it stays as it is, or is chosen."""

    ipv4: Optional[Address] = None
    ipv6: Optional[Address] = None
    mac: Optional[str] = None
    aliases: Optional[Tuple[str, ...]] = None
    gateway_priority: Optional[int] = None
    interface: Optional[str] = None
    ports: Optional[Tuple[Port, ...]] = None


def read(problems: Problems, item: Mapping[str, Any], subject: str) -> Wishes:
    """Return what ITEM asks of an endpoint; add to PROBLEMS what cannot be read."""
    wishes: Dict[str, Any] = {"gateway_priority": item.get("gateway_priority")}
    readers = (
        ("ipv4", "ipv4_address", lambda text: address(text, 4)),
        ("ipv6", "ipv6_address", lambda text: address(text, 6)),
        ("mac", "mac_address", mac),
        ("interface", "interface_name", check_device),
        ("aliases", "aliases", lambda names: tuple(listed(every(check_alias, names)))),
    )
    for field, option, reader in readers:
        if item.get(option) is not None:
            with problems.about(f"{subject}: {option}"):
                wishes[field] = reader(item[option])
    if item.get("published_ports") is not None:
        wishes["ports"] = read_ports(problems, item["published_ports"], subject)
    return Wishes(**wishes)


def read_ports(problems: Problems, specifications: Sequence[Any], subject: str) -> Tuple[Port, ...]:
    """Return the ports that SPECIFICATIONS ask for; add to PROBLEMS what cannot be read."""
    ports: List[Port] = []
    if specifications:
        from ..model.ports import parse_ports
    for specification in specifications:
        with problems.about(f"{subject}: published port {specification!r}"):
            ports += parse_ports(specification)
    return tuple(ports)


def wanted(
    context: Context, network: Network, existing: Optional[Endpoint], name: str, wishes: Wishes, subject: str
) -> Tuple[Endpoint, bool]:
    """Return the endpoint NAME on NETWORK, changed as WISHES say, and whether that is possible.

    Addresses and ports that are left open are chosen when all items have been read. Conflicts are found then, too.
    """
    problems_before = len(context.problems.found)
    # Its pool was chosen when the store was made; the host may use that subnet by now.
    if network.predefined:
        from .pools import with_usable_pools

        network = with_usable_pools(context, network)
    identifier = existing.id if existing else context.id_for("endpoint", network.id, name)
    endpoint = existing or Endpoint(identifier, name, network.id)
    context.subjects[Unit("endpoint", endpoint.id)] = subject
    if driver(network.driver).has_addresses:
        endpoint = _addressed(context, network, endpoint, wishes, subject)
    else:
        # Its sandbox has the host's network stack, or none: there is nothing to address or to name.
        for wish, option in _CHOICES.items():
            if getattr(wishes, wish):
                context.problems.add(f"{subject}: {option} cannot be chosen on network '{network.name}'.")
    # On predefined networks, names are not looked up.
    if existing is None and not network.predefined:
        away = (remote.name for _peer, remote in network.declared_remotes() if _alike(remote.name, name))
        alike = context.store.endpoint_alike(network.id, name) or next(away, None)
        if alike is not None:
            context.problems.add(
                f"{subject}: network '{network.name}' already has an endpoint '{alike}', and DNS does not distinguish "
                "upper and lower case. Choose another name."
            )
    if wishes.aliases and network.predefined:
        context.problems.add(
            f"{subject}: network '{network.name}' does not resolve names, so its endpoints cannot have aliases. Use a "
            "network that you created."
        )
    chosen: Dict[str, Any] = {}
    if wishes.aliases is not None:
        chosen["aliases"] = wishes.aliases
    if wishes.gateway_priority is not None:
        chosen["gateway_priority"] = wishes.gateway_priority
    if wishes.ports is not None:
        chosen["ports"] = assign(context, network, endpoint, wishes.ports, subject)
    remove_from_peers(context, network, endpoint)
    return replace(endpoint, **chosen) if chosen else endpoint, len(context.problems.found) == problems_before


def _alike(one: str, other: str) -> bool:
    """Say whether two names differ, but are the same name to DNS."""
    return one != other and one.lower() == other.lower()


def _addressed(context: Context, network: Network, endpoint: Endpoint, wishes: Wishes, subject: str) -> Endpoint:
    """Return ENDPOINT with the addresses of WISHES; without a MAC address if it is to be derived from them."""
    chosen: Dict[str, Any] = {}
    for wish in (wishes.ipv4, wishes.ipv6):
        if wish is None:
            continue
        with context.problems.about(subject):
            if network.id not in context.assumed:
                check_address(network.pool(wish.version), wish)
            elif network.pool(wish.version) is None:
                # Check mode assumes this network, and its subnets are not known.
                continue
            chosen[f"ipv{wish.version}"] = wish
            if network.leases(wish.version):
                # It is the user's from now on, even if the server has given the same one.
                chosen["leased"] = False
            context.asked.add((endpoint.id, wish.version))
    if wishes.mac is not None and not driver(network.driver).has_mac_addresses:
        context.problems.add(
            f"{subject}: mac_address: the endpoints of driver '{network.driver}' have the MAC address of the parent of "
            "their network. Leave it out."
        )
    elif wishes.mac is not None:
        chosen["mac"] = wishes.mac
        if endpoint.leased and wishes.mac != endpoint.mac and wishes.ipv4 is None:
            # To the server, this is another machine.
            chosen["ipv4"] = None
    # A derived MAC address changes with the address.
    elif any(getattr(endpoint, name) != value for name, value in chosen.items()) and not has_own_mac(endpoint):
        chosen["mac"] = ""
    return replace(endpoint, **chosen) if chosen else endpoint


def joined(
    context: Context, endpoint: Endpoint, sandbox: Sandbox, interface: Optional[str], declared: bool = False
) -> Endpoint:
    """Return ENDPOINT joined to SANDBOX, with the interface name INTERFACE or one that is chosen later.

    :param declared: whether the sandbox's list of networks asks for it
    """
    if interface is not None:
        context.nameless.discard(endpoint.id)
    # In another sandbox, the name may be taken.
    elif endpoint.interface is None or endpoint.sandbox != sandbox.id:
        context.nameless.add(endpoint.id)
    return replace(
        endpoint,
        sandbox=sandbox.id,
        interface=interface if interface is not None else endpoint.interface,
        declared=declared or endpoint.declared,
    )


def left(endpoint: Endpoint) -> Endpoint:
    """Return ENDPOINT without a sandbox."""
    return replace(endpoint, sandbox=None, declared=False, ipv6_off=False)


def leave(context: Context, endpoint: Endpoint) -> None:
    """Take ENDPOINT out of its sandbox, which no longer asks for it: remove it, unless its own item made it."""
    if endpoint.reserved:
        context.store.put_endpoint(left(endpoint))
    else:
        remove(context, endpoint)


def remove(context: Context, endpoint: Endpoint) -> None:
    """Delete ENDPOINT; its addresses and ports become free."""
    context.store.delete_endpoint(endpoint)
