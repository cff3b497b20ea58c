# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IPAM driver: pools are the subnets of our networks, and an address is reserved by an endpoint.

Docker asks for pools and addresses before it creates a network. So if no network of ours has the subnet yet, any
address that is asked for is accepted, and the network is checked when it is created.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Mapping, NamedTuple, Optional

from _cnm.controller import Groups
from _cnm.engines import OPTION
from _cnm.model.addresses import Address, Subnet, address, subnet, with_prefix
from _cnm.model.network import Network, Pool
from _cnm.store.objects import SqliteStore
from _cnm.verbs.context import Host

from ..fields import Fields
from ..runs import Core, Warn, carry_out
from . import ids
from .endpoints import is_lost, removal
from .networks import named, with_subnet
from .runs import endpoint, refusal

_TYPE, _GATEWAY = "RequestAddressType", "com.docker.network.gateway"


class PoolId(NamedTuple):
    """What Docker remembers of a pool."""

    network: str
    """The name of our network; empty if it did not exist, and none was given."""
    subnet: Subnet

    def __str__(self) -> str:
        return f"{self.network}={self.subnet}"

    def find(self, store: SqliteStore, strict: bool = True) -> Optional[Network]:
        """Return our network; None if it does not exist.

        :raises EngineError: if it no longer has the subnet, and STRICT
        """
        network = named(store, self.network) if self.network else with_subnet(store, self.subnet)
        if strict and network is not None and self.pool(network) is None:
            raise refusal(
                f"Network '{network.name}' no longer has the subnet {self.subnet}. Remove Docker's network "
                "with 'docker network rm' and create it again."
            )
        return network

    def pool(self, network: Network) -> Optional[Pool]:
        """Return the pool of NETWORK; None if it does not have it."""
        return next((pool for pool in network.pools if pool.subnet == self.subnet), None)


def _pool_id(request: Fields) -> PoolId:
    """Return the pool of REQUEST.

    :raises EngineError: if we did not make it
    """
    text = request.text("PoolID")
    name, _equals, written = text.rpartition("=")
    try:
        return PoolId(name, subnet(written))
    except ValueError as error:
        raise refusal(f"'{text[:100]}' is not a pool of cnm.") from error


def request_pool(core: Core, request: Fields, _warn: Warn) -> Mapping[str, Any]:
    """Return the pool with the subnet that Docker asks for.

    There must be one: Docker would refuse a subnet to which the host has a route, as to those of our networks, and ask
    again, for ever (requestPoolHelper in moby's libnetwork/network.go).

    :raises CnmError: if the request is not valid
    """
    options = request.object("Options")
    name, written, part = options.text(OPTION), request.text("Pool"), request.text("SubPool")
    for key in options.values:
        if key != OPTION:
            request.problems.add(f"cnm has no IPAM option '{key}'.")
    wanted: Optional[Subnet] = None
    with request.problems.about("Subnet"):
        wanted = subnet(written) if written else None
    request.problems.check()
    with core(True) as controller:
        network: Optional[Network] = controller.look(lambda store: _wanted_network(store, name, wanted))
    version = 6 if request.flag("V6") else 4
    if wanted is None:
        pool = network.pool(version) if network is not None else None
        example = str(pool.subnet) if pool is not None else "fd00:10::/64" if version == 6 else "10.20.0.0/24"
        raise refusal(f"Give the subnet of the network, such as --subnet {example}.")
    if network is None and part:
        raise refusal("Docker cannot create a network of cnm with --ip-range. Create it with cnm_network first.")
    if network is not None:
        pool = network.pool(wanted.version)
        if pool is None or pool.subnet != wanted:
            held = ", ".join(str(each.subnet) for each in network.pools)
            raise refusal(f"Network '{network.name}' exists, and its subnets are {held}, not {wanted}.")
        if part and part != str(pool.iprange):
            raise refusal(f"Network '{network.name}' exists, and its iprange is {pool.iprange}, not {part}.")
    identifier = PoolId(network.name if network is not None else name, wanted)
    return {"PoolID": str(identifier), "Pool": str(wanted), "Data": {}}


def _wanted_network(store: SqliteStore, name: str, wanted: Optional[Subnet]) -> Optional[Network]:
    if not name:
        return with_subnet(store, wanted) if wanted is not None else None
    network = named(store, name)
    if network is None and wanted is None:
        raise refusal(f"There is no network '{name}'. Create it first, or give the subnet with which to create it.")
    return network


def request_address(core: Core, request: Fields, warn: Warn) -> Mapping[str, Any]:
    """Reserve an address, or return the gateway of the network.

    :raises CnmError: if the address is taken or not valid, or if none is free
    """
    identifier, options = _pool_id(request), request.object("Options")
    asked: Optional[Address] = None
    with request.problems.about("Address"):
        asked = address(request.text("Address")) if request.text("Address") else None
    is_gateway = options.text(_TYPE) == _GATEWAY
    request.problems.check()
    if is_gateway or asked is not None:
        # It may need no lock, for which other runs may have Docker wait.
        with core(True) as controller:
            known = controller.look(lambda store: _known(identifier, identifier.find(store), asked, is_gateway))
        if known is not None:
            return {"Address": with_prefix(known, identifier.subnet), "Data": {}}

    def choose(store: SqliteStore, host: Host) -> Groups:
        network = identifier.find(store)
        if network is None:
            raise refusal(
                f"No network of cnm has the subnet {identifier.subnet}. --ipam-driver cnm works with --driver cnm only."
            )
        item: Dict[str, Any] = {"name": ids.new_address_name(), "network": network.id}
        if asked is None:
            return [("endpoint", [item])]
        item[f"ipv{identifier.subnet.version}_address"] = str(asked)
        holder = store.holder(network.id, asked.packed)
        # Docker asks before the watcher has compared, as for containers that it starts at boot.
        lost = [holder] if holder is not None and is_lost(store, host, holder) else []
        return [*removal(store, lost, "absent"), ("endpoint", [item])]

    shown = endpoint(core, choose, warn)
    return {"Address": shown[f"IPv{identifier.subnet.version}Address"], "Data": {}}


def _known(
    identifier: PoolId, network: Optional[Network], asked: Optional[Address], is_gateway: bool
) -> Optional[Address]:
    """Return the address if nothing has to be reserved for it; None if it has.

    :raises EngineError: if it is to be the gateway, and cannot be
    """
    if network is None:
        return asked or next(identifier.subnet.hosts(), identifier.subnet.network_address)
    pool = identifier.pool(network)
    if pool is None or not is_gateway:
        return asked if pool is not None and asked in pool.auxiliary.values() else None
    if asked is not None and asked != pool.gateway:
        raise refusal(f"Network '{network.name}' exists, and its gateway is {pool.gateway}, not {asked}.")
    return pool.gateway


def release_address(core: Core, request: Fields, warn: Warn) -> Mapping[str, Any]:
    """Free an address, unless it is in use or free already.

    :raises CnmError: if the host refuses a change
    """
    text = request.text("Address")
    if not request.text("PoolID"):
        # An address that Docker did not get from us: CreateEndpoint returned it.
        return {}
    identifier = _pool_id(request)
    with request.problems.about("Address"):
        released = ipaddress.ip_address(text)
    request.problems.check()

    def choose(store: SqliteStore, _host: Host) -> Optional[Groups]:
        network = identifier.find(store, strict=False)
        holder = store.holder(network.id, released.packed) if network is not None else None
        if holder is None or holder.sandbox is not None:
            return None
        if not ids.reserves_address(holder) and not ids.is_of_docker(holder):
            return None
        return [("endpoint", [{"name": holder.name, "network": holder.network, "state": "absent"}])]

    carry_out(core, choose, warn)
    return {}
