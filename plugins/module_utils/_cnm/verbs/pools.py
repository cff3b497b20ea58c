# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pools of a network: those that the user gives, or the first free ones."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import AbstractSet, Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..drivers import ALLOW_HOST_OVERLAP, ENABLE_IPV6, driver
from ..model.addresses import Address, HostBits, Subnet, address, check_family, check_usable, subnet
from ..model.errors import Problems
from ..model.network import Network, Pool
from ..model.subnets import default, first_free, unique_local, untaken
from .context import Context, texts


def wanted_pools(
    context: Context,
    network: Network,
    config: Optional[Sequence[Mapping[str, Any]]],
    ipv6: Optional[bool],
    subject: str,
) -> Tuple[Tuple[Pool, ...], bool]:
    """Return the pools that NETWORK is to have, IPv4 first, and whether it has IPv6.

    :param config: the user's ipam_config; None to leave the pools as they are
    :param ipv6: whether the user wants IPv6; None to leave it as it is
    """
    given = [pool for entry in config or () for pool in _pool(context, network, entry, subject)]
    for version in (4, 6):
        if sum(pool.subnet.version == version for pool in given) > 1:
            context.problems.add(f"{subject}: driver '{network.driver}' allows one IPv{version} subnet per network.")
    option = driver(network.driver).settings(network.options).ipv6
    if option is not None and ipv6 not in (None, option):
        context.problems.add(f"{subject}: enable_ipv6 contradicts driver option '{ENABLE_IPV6}'.")
    if ipv6 is None:
        ipv6 = option
    # No option says so: IPv6 stays, or comes with an IPv6 subnet.
    if ipv6 is None:
        ipv6 = network.ipv6 or any(pool.subnet.version == 6 for pool in given)
    elif not ipv6 and any(pool.subnet.version == 6 for pool in given):
        context.problems.add(f"{subject}: an IPv6 subnet is given, but enable_ipv6 is false.")
    pools: List[Pool] = []
    for version in (4, 6) if ipv6 else (4,):
        chosen = next((pool for pool in given if pool.subnet.version == version), None) or network.pool(version)
        if chosen is None:
            # Chosen once: the next run finds it in the network.
            with context.problems.about(subject):
                chosen = _kept_by_bridge(context, network, version) or Pool(_free(context, network, version))
        if chosen is not None:
            pools.append(_with_gateway(network, chosen, subject, context.problems))
    return tuple(pools), ipv6


def with_usable_pools(context: Context, network: Network) -> Network:
    """Return NETWORK, a predefined one; if it is unused and the host uses its pool elsewhere now, it gets a new one."""
    if not network.pools or context.store.endpoints_of_network(network.id):
        return network
    if not any(_elsewhere(context, network, pool.subnet) for pool in network.pools):
        return network
    pools, _ipv6 = wanted_pools(context, replace(network, pools=()), None, False, f"Network '{network.name}'")
    network = replace(network, pools=pools)
    context.store.put_network(network)
    return network


def _elsewhere(context: Context, network: Network, chosen: Subnet) -> List[Tuple[Subnet, str]]:
    """Return the subnets that overlap CHOSEN and that the host reaches on a device other than NETWORK's, with it."""
    own = driver(network.driver).device(network)
    return [
        (reached, device)
        for reached, device in (*context.host.on_link(), *_by_adopted_bridges(context))
        if device != own and reached.version == chosen.version and reached.overlaps(chosen)
    ]


def _by_adopted_bridges(context: Context) -> Iterator[Tuple[Subnet, str]]:
    """Yield the subnets of adopted bridges that are not those of their networks, with the bridges."""
    for adopting in context.store.adopted_networks():
        for reached in {interface.network for interface in adopting.kept}:
            if not (reached.version == 6 and reached.is_link_local) and reached not in {
                pool.subnet for pool in adopting.pools
            }:
                yield reached, driver(adopting.driver).device(adopting) or ""


def _free(context: Context, network: Network, version: int) -> Subnet:
    nameservers = context.host.nameservers()

    def holder(candidate: Subnet) -> Optional[str]:
        other = context.store.network_over(candidate, but=(network.id,))
        if other is not None:
            return f"network '{other.name}'"
        for overlapping, device in _elsewhere(context, network, candidate):
            return f"route {overlapping} on '{device}'"
        for server in nameservers:
            if server in candidate:
                return f"name server {server}"
        return None

    if version == 6:
        return first_free(unique_local(context.seed, network.id), holder)
    bases = context.host.default_address_pools()
    taken = context.store.pool_ranges(4, but=network.id)
    free = next((pool for pool in untaken(bases, taken) if holder(pool) is None), None)
    # If none is free, first_free() fails, and names what holds each of them.
    return free if free is not None else first_free(default(bases), holder)


def _kept_by_bridge(context: Context, network: Network, version: int) -> Optional[Pool]:
    """Return the pool of an adopted bridge: its subnet, and its address as the gateway."""
    for interface in network.kept:
        if interface.version == version and not interface.is_link_local:
            return Pool(interface.network, interface.ip)
    return None


class Entry(NamedTuple):
    """An entry of ipam_config. What is left out or not valid is None."""

    options: AbstractSet[str]
    """The options that are given."""
    subnet: Optional[Subnet]
    gateway: Optional[Address]
    iprange: Optional[Subnet]
    auxiliary: Mapping[str, Address]


def read_pool(problems: Problems, entry: Mapping[str, Any], subject: str) -> Entry:
    """Return ENTRY of ipam_config with its texts parsed, and add to PROBLEMS what is not valid in it."""
    chosen: Optional[Subnet] = None
    gateway: Optional[Address] = None
    iprange: Optional[Subnet] = None
    auxiliary: Dict[str, Address] = {}
    with problems.about(subject):
        if not entry.get("subnet"):
            raise ValueError("an entry of ipam_config needs a subnet.")
        try:
            chosen = subnet(entry["subnet"])
            check_usable(chosen)
        except HostBits as error:
            # The subnet that was meant is clear, so its other mistakes are reported, too.
            chosen = error.network
            with problems.about(subject):
                check_usable(chosen)
            raise
    with problems.about(f"{subject}: gateway"):
        gateway = address(entry["gateway"]) if entry.get("gateway") is not None else None
    with problems.about(f"{subject}: iprange"):
        iprange = subnet(entry["iprange"]) if entry.get("iprange") else None
    with problems.about(f"{subject}: aux_addresses"):
        for name, text in sorted(texts(entry.get("aux_addresses") or {}).items()):
            with problems.about(f"{subject}: auxiliary address '{name}'"):
                auxiliary[name] = address(text)
    options = {option for option, value in entry.items() if value is not None}
    return Entry(options, chosen, gateway, iprange, auxiliary)


def _pool(context: Context, network: Network, entry: Mapping[str, Any], subject: str) -> Sequence[Pool]:
    """Return the pool that ENTRY of ipam_config describes; empty if its subnet is not valid."""
    given = read_pool(context.problems, entry, subject)
    if given.subnet is None:
        return []
    pool = network.pool(given.subnet.version)
    # A subnet that the network already has stays, even if a route of the host overlaps it now.
    if pool is None or pool.subnet != given.subnet:
        pool = Pool(given.subnet)
        _check_subnet(context, network, given.subnet, subject)
    return [_detailed(network, pool, given, subject, context.problems)]


def _detailed(network: Network, pool: Pool, given: Entry, subject: str, problems: Problems) -> Pool:
    """Return POOL with the gateway, the range and the auxiliary addresses that are GIVEN."""
    gateway, iprange, auxiliary = pool.gateway, pool.iprange, pool.auxiliary
    if "gateway" in given.options:
        with problems.about(f"{subject}: gateway"):
            reason = driver(network.driver).no_gateway(network, pool.subnet.version)
            if reason:
                raise ValueError(reason)
            if given.gateway is not None:
                gateway = _inside(pool, given.gateway)
    if "iprange" in given.options:
        with problems.about(f"{subject}: iprange"):
            iprange = _within(pool, given.iprange) if given.iprange is not None else None
    if "aux_addresses" in given.options:
        names: Dict[Address, str] = {}
        for name, held in given.auxiliary.items():
            with problems.about(f"{subject}: auxiliary address '{name}'"):
                _inside(pool, held)
                if held == gateway:
                    raise ValueError(f"{held} is taken: it is the gateway.")
                if held in names:
                    raise ValueError(f"{held} is already '{names[held]}'.")
                names[held] = name
        auxiliary = {name: held for held, name in names.items()}
    # The gateway of an adopted bridge is the address that it already has.
    kept = [interface.ip for interface in network.kept if interface.network == pool.subnet]
    if kept and gateway is None:
        gateway = kept[0]
    for name, held in auxiliary.items():
        if held == gateway:
            problems.add(f"{subject}: gateway: {held} is taken: it is the auxiliary address '{name}'.")
    return Pool(pool.subnet, gateway, iprange, auxiliary)


def _inside(pool: Pool, asked: Address) -> Address:
    check_family(asked, pool.subnet.version)
    if asked not in pool.subnet:
        raise ValueError(f"{asked} is not in subnet {pool.subnet}.")
    if not pool.usable[0] <= int(asked) <= pool.usable[1]:
        raise ValueError(f"{asked} cannot be used: it is the first or the last address of {pool.subnet}.")
    return asked


def _within(pool: Pool, part: Subnet) -> Subnet:
    if part.version != pool.subnet.version or not part.subnet_of(pool.subnet):  # type: ignore[arg-type]
        raise ValueError(f"{part} is not within subnet {pool.subnet}.")
    return part


def _check_subnet(context: Context, network: Network, chosen: Subnet, subject: str) -> None:
    if chosen.num_addresses == 1:
        context.problems.add(f"{subject}: subnet {chosen} has only one address, which leaves no room for an endpoint.")
    kind = driver(network.driver)
    # If the host is not the gateway, its routes do not matter on the network.
    if kind.settings(network.options).allow_host_overlap or not kind.host_is_gateway(network):
        return
    for overlapping, device in _elsewhere(context, network, chosen):
        context.problems.add(
            f"{subject}: subnet {chosen} overlaps {overlapping}, which the host reaches on '{device}'. "
            f"Choose another, or set driver option '{ALLOW_HOST_OVERLAP}'."
        )


def _with_gateway(network: Network, pool: Pool, subject: str, problems: Problems) -> Pool:
    """Return POOL with a gateway: its own, or the lowest address that is not auxiliary."""
    kind = driver(network.driver)
    if kind.no_gateway(network, pool.subnet.version):
        return Pool(pool.subnet, None, pool.iprange, pool.auxiliary)
    if pool.subnet.num_addresses == 2:
        hint = f" {kind.without_gateway}" if kind.without_gateway else ""
        problems.add(f"{subject}: subnet {pool.subnet} has no room for a gateway.{hint}")
    if pool.gateway is not None:
        return pool
    first, last = pool.usable
    held = [int(address) for address in pool.auxiliary.values()]
    lowest = next((number for number in range(first, last + 1) if number not in held), None)
    if lowest is None:
        problems.add(f"{subject}: no address of subnet {pool.subnet} is left for the gateway.")
        return pool
    make: Callable[[int], Address] = ipaddress.IPv4Address if pool.subnet.version == 4 else ipaddress.IPv6Address
    return Pool(pool.subnet, make(lowest), pool.iprange, pool.auxiliary)
