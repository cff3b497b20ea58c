# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``endpoint create``, ``join``, ``leave`` and ``rm``. Docker has no commands for endpoints."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Callable, Mapping

from _cnm.controller import Groups
from _cnm.store.objects import SqliteStore

from . import changes
from .changes import given
from .errors import Failure


def create(options: Namespace) -> int:
    """Create an endpoint that is in no sandbox, and print its id; return the exit status.

    :raises Failure: if there is no such network, or if it has an endpoint with that name
    """

    def choose(store: SqliteStore) -> Groups:
        network = changes.network(store, options.network)
        if store.endpoint_on(network.id, options.name) is not None:
            raise Failure(f"endpoint with name {options.name} already exists on network {network.name}")
        item = {
            "name": options.name,
            "network": network.id,
            **given(
                ipv4_address=options.ip,
                ipv6_address=options.ip6,
                mac_address=options.mac_address,
                aliases=options.alias,
                published_ports=options.publish,
                gateway_priority=options.gw_priority,
            ),
        }
        return [("endpoint", [item])]

    return changes.create(options, choose)


def join(options: Namespace) -> int:
    """Put an endpoint into a sandbox; return the exit status.

    :raises Failure: if one of them does not exist
    """
    _carry_out(options, options.name, lambda store: {"sandbox": changes.sandbox(store, options.sandbox).name})
    return 0


def leave(options: Namespace) -> int:
    """Take an endpoint out of its sandbox; return the exit status. It keeps its addresses.

    :raises Failure: if it does not exist
    """
    _carry_out(options, options.name, lambda _store: {"state": "left"})
    return 0


def remove(options: Namespace) -> int:
    """Remove endpoints of a network and print their names; return the exit status, 1 if one could not be removed."""
    return changes.one_by_one(options.names, lambda name: _carry_out(options, name, lambda _store: {"state": "absent"}))


def _carry_out(options: Namespace, name: str, change: Callable[[SqliteStore], Mapping[str, Any]]) -> None:
    """Change the endpoint NAME of the network in OPTIONS as CHANGE says.

    :raises Failure: if it does not exist
    """

    def choose(store: SqliteStore) -> Groups:
        network = changes.network(store, options.network)
        endpoint = store.endpoint_on(network.id, name)
        if endpoint is None:
            raise Failure(f"endpoint {name} not found on network {network.name}")
        return [("endpoint", [{"name": endpoint.name, "network": network.id, **change(store)}])]

    changes.carry_out(options, choose)


VERBS: Mapping[str, Callable[[Namespace], int]] = {
    "create": create,
    "join": join,
    "leave": leave,
    "rm": remove,
}
