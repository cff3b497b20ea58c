# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``network create``, ``rm``, ``connect``, ``disconnect`` and ``prune``, with what Docker's options mean."""

from __future__ import annotations

import ipaddress
import sys
from argparse import Namespace
from typing import Any, Callable, Dict, List, Mapping, Sequence

from _cnm.controller import Groups
from _cnm.store.objects import SqliteStore

from . import changes
from .access import controller
from .changes import given, pairs
from .errors import Failure
from .filters import keep

_QUESTION = """WARNING! This will remove all networks that have no endpoints, except for the predefined ones.
Are you sure you want to continue? [y/N] """


def create(options: Namespace) -> int:
    """Create a network and print its id; return the exit status.

    :raises Failure: if there is one with that name, or if a gateway, range or address is in none of the subnets
    """
    item = {
        "name": options.name,
        **given(
            driver=options.driver,
            driver_options=pairs(options.opt, "--opt"),
            ipam_driver=options.ipam_driver,
            ipam_config=_pools(options),
            enable_ipv6=options.ipv6 or None,
            internal=options.internal or None,
            labels=pairs(options.label, "--label"),
        ),
    }

    def choose(store: SqliteStore) -> Groups:
        if store.network_named(options.name) is not None:
            raise Failure(f"network with name {options.name} already exists")
        return [("network", [item])]

    return changes.create(options, choose)


def _pools(options: Namespace) -> Sequence[Dict[str, Any]]:
    """Return the pools that OPTIONS describe, each with the gateway, the range and the addresses in its subnet."""
    pools: List[Dict[str, Any]] = [{"subnet": subnet} for subnet in options.subnet]
    for gateway in options.gateway:
        _pool_with(pools, gateway, "--gateway")["gateway"] = gateway
    for part in options.ip_range:
        _pool_with(pools, part, "--ip-range")["iprange"] = part
    for name, address in pairs(options.aux_address, "--aux-address").items():
        _pool_with(pools, address, "--aux-address").setdefault("aux_addresses", {})[name] = address
    return pools


def _pool_with(pools: Sequence[Dict[str, Any]], text: str, option: str) -> Dict[str, Any]:
    """Return the one of POOLS whose subnet contains TEXT, an address or a part of a subnet.

    :raises Failure: if there is none
    """
    try:
        wanted = ipaddress.ip_network(text, strict=False)
        for pool in pools:
            subnet = ipaddress.ip_network(pool["subnet"], strict=False)
            if subnet.version == wanted.version and wanted.network_address in subnet:
                return pool
    except ValueError as error:
        raise Failure(f"invalid value for {option}: {error}") from error
    raise Failure(f"no matching subnet for {option} {text}")


def remove(options: Namespace) -> int:
    """Remove networks and print their names; return the exit status, 1 if one could not be removed."""

    def remove_one(name: str) -> None:
        def choose(store: SqliteStore) -> Groups:
            if options.force and store.find_network(name) is None:
                return []
            network = changes.network(store, name)
            endpoints = store.endpoints_of_network(network.id)
            if endpoints:
                names = ", ".join(sorted(f"'{each.name}'" for each in endpoints))
                raise Failure(
                    f"network {network.name} has active endpoints: {names}. "
                    "Remove them first, with cnm network disconnect or cnm endpoint rm."
                )
            return [("network", [{"name": network.name, "state": "absent"}])]

        changes.carry_out(options, choose)

    return changes.one_by_one(options.names, remove_one)


def connect(options: Namespace) -> int:
    """Put a sandbox on a network; return the exit status.

    :raises Failure: if one of them does not exist, or if the sandbox is on the network already
    """

    def choose(store: SqliteStore) -> Groups:
        network, sandbox = changes.network(store, options.network), changes.sandbox(store, options.sandbox)
        if any(each.network == network.id for each in store.endpoints_of_sandbox(sandbox.id)):
            raise Failure(f"sandbox {sandbox.name} is already on network {network.name}")
        item = {
            "name": sandbox.name,
            "network": network.id,
            "sandbox": sandbox.name,
            **given(
                ipv4_address=options.ip,
                ipv6_address=options.ip6,
                aliases=options.alias,
                gateway_priority=options.gw_priority,
            ),
        }
        return [("endpoint", [item])]

    changes.carry_out(options, choose)
    return 0


def disconnect(options: Namespace) -> int:
    """Take a sandbox off a network; return the exit status.

    :raises Failure: if one of them does not exist, or if the sandbox is not on the network
    """

    def choose(store: SqliteStore) -> Groups:
        network, sandbox = changes.network(store, options.network), changes.sandbox(store, options.sandbox)
        endpoints = [each for each in store.endpoints_of_sandbox(sandbox.id) if each.network == network.id]
        if not endpoints:
            raise Failure(f"sandbox {sandbox.name} is not on network {network.name}")
        return [("endpoint", [{"name": each.name, "network": network.id, "state": "absent"} for each in endpoints])]

    changes.carry_out(options, choose)
    return 0


def prune(options: Namespace) -> int:
    """Remove the networks without endpoints, after a question, and print their names; return the exit status.

    :raises Failure: if a filter is not valid
    """
    unused, wanted = keep("network", ["dangling=true"]), keep("network", options.filter)
    if not (options.force or options.dry_run):
        sys.stdout.write(_QUESTION)
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            return 0
    with controller(check=True) as core:
        objects = core.describe("network", lambda store, item: unused(store, item) and wanted(store, item))
    if objects:
        print("Deleted Networks:")

    def remove_one(name: str) -> None:
        # If it has got an endpoint since, it is refused.
        changes.carry_out(options, lambda _store: [("network", [{"name": name, "state": "absent"}])])

    return changes.one_by_one([shown["Name"] for shown in objects], remove_one)


VERBS: Mapping[str, Callable[[Namespace], int]] = {
    "create": create,
    "rm": remove,
    "connect": connect,
    "disconnect": disconnect,
    "prune": prune,
}
