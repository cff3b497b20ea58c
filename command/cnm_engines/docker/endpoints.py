# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints: create, join, leave, remove. A container is a sandbox with the namespace that Docker makes for it."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from _cnm.adopted import lost_namespace
from _cnm.controller import Groups
from _cnm.drivers import driver
from _cnm.model.addresses import Address, address
from _cnm.model.endpoint import Endpoint
from _cnm.model.network import Network
from _cnm.store.objects import SqliteStore
from _cnm.verbs.context import Host

from ..container import ENGINE as ENGINE_LABEL
from ..fields import Fields
from ..runs import Core, Warn, carry_out
from . import ids
from .ids import ENGINE
from .networks import is_closed, known
from .runs import endpoint, refusal

_OWN = "cnm."
_PUBLISHED = "com.docker.network.portmap"
"""The ports that a container publishes (libnetwork/netlabel/labels.go in moby)."""


class _Asked:
    """The endpoint that a request is about."""

    def __init__(self, request: Fields) -> None:
        self._request = request
        self.network_id = ids.read(request, "NetworkID")
        self.endpoint_id = ids.read(request, "EndpointID")

    @property
    def name(self) -> str:
        return ids.endpoint_name(self.endpoint_id)

    def network(self, store: SqliteStore) -> Network:
        return known(store, self.network_id)

    def present(self, store: SqliteStore) -> Optional[Endpoint]:
        """Return the endpoint; None if it does not exist."""
        network = ids.network_of(store, self.network_id)
        return store.endpoint_on(network.id, self.name) if network is not None else None


def create(core: Core, request: Fields, warn: Warn) -> Mapping[str, Any]:
    """Create an endpoint with the addresses that Docker has reserved, or has chosen itself.

    :raises CnmError: if an address is taken or not valid
    """
    asked, interface = _Asked(request), request.object("Interface")
    given: List[Address] = []
    for key in ("Address", "AddressIPv6"):
        with request.problems.about(interface.name(key)):
            given += [address(interface.text(key).partition("/")[0])] if interface.text(key) else []
    mac = interface.text("MacAddress")
    for option in request.object("Options").values:
        if option.startswith(_OWN):
            request.problems.add(f"cnm has no endpoint option '{option}'.")
    request.problems.check()

    def choose(store: SqliteStore, _host: Host) -> Groups:
        network = asked.network(store)
        item: Dict[str, Any] = {"name": asked.name, "network": network.id}
        item.update({f"ipv{one.version}_address": str(one) for one in given})
        if mac:
            item["mac_address"] = mac
        holders = {one.id: one for one in (store.holder(network.id, held.packed) for held in given) if one is not None}
        # Their addresses pass to the endpoint.
        reserved = [
            {"name": one.name, "network": network.id, "state": "absent"}
            for one in holders.values()
            if ids.reserves_address(one)
        ]
        return [("endpoint", [*reserved, item])]

    shown = endpoint(core, choose, warn)
    answers = {"Address": "IPv4Address", "AddressIPv6": "IPv6Address", "MacAddress": "MacAddress"}
    return {
        "Interface": {
            key: shown[answer] for key, answer in answers.items() if shown[answer] and not interface.text(key)
        }
    }


def delete(core: Core, request: Fields, warn: Warn) -> Mapping[str, Any]:
    """Remove an endpoint; do nothing if it does not exist.

    :raises CnmError: if the host refuses a change
    """
    return _end(core, request, warn, "absent")


def leave(core: Core, request: Fields, warn: Warn) -> Mapping[str, Any]:
    """Take an endpoint out of its container; do nothing if it is in none.

    :raises CnmError: if the host refuses a change
    """
    return _end(core, request, warn, "left")


def _end(core: Core, request: Fields, warn: Warn, state: str) -> Mapping[str, Any]:
    asked = _Asked(request)
    request.problems.check()
    carry_out(core, lambda store, _host: removal(store, [asked.present(store)], state), warn)
    return {}


def is_lost(store: SqliteStore, host: Host, one: Endpoint) -> bool:
    """Say whether Docker no longer has ONE: it is of a container whose namespace is gone, as after a reboot."""
    # While an interface waits to be moved, the namespace of its container may not exist yet.
    if one.sandbox is None or one.handed_over or not ids.is_of_docker(one):
        return False
    sandbox = store.sandbox(one.sandbox)
    return sandbox is not None and bool(lost_namespace(sandbox, host))


def removal(store: SqliteStore, gone: Sequence[Optional[Endpoint]], state: str) -> Groups:
    """Return the items that bring those of GONE that exist into STATE, and remove the sandboxes that have no others."""
    present = {one.id: one for one in gone if one is not None and (state == "absent" or one.sandbox is not None)}
    sandboxes = [store.sandbox(each) for each in sorted({one.sandbox for one in present.values() if one.sandbox})]
    ended = [
        each.name
        for each in sandboxes
        if each is not None and all(one.id in present for one in store.endpoints_of_sandbox(each.id))
    ]
    return [
        ("endpoint", [{"name": one.name, "network": one.network, "state": state} for one in present.values()]),
        ("sandbox", [{"name": name, "state": "absent"} for name in ended]),
    ]


def join(core: Core, request: Fields, warn: Warn) -> Mapping[str, Any]:
    """Let Docker move the interface of an endpoint into a container, whose namespace may not exist yet.

    A container that publishes ports gets no gateway. So Docker gives it a second interface, through which it publishes
    them, and leads to the outside: it shows no ports that others publish.

    :raises CnmError: if the endpoint does not exist, or if the host refuses a change
    """
    asked, key = _Asked(request), request.required("SandboxKey")
    publishes = bool(request.object("Options").objects(_PUBLISHED))
    request.problems.check()
    answer: Dict[str, Any] = {}

    def choose(store: SqliteStore, _host: Host) -> Groups:
        network, present = asked.network(store), asked.present(store)
        if present is None:
            raise refusal(f"There is no endpoint '{asked.name}' on network '{network.name}'.")
        name = ids.sandbox_name(key)
        prefix = driver(network.driver).settings(network.options).interface_prefix
        answer["InterfaceName"] = {"SrcName": present.waiting_interface, "DstPrefix": prefix}
        if is_closed(network, asked.network_id):
            answer["DisableGatewayService"] = True
        elif not publishes and not network.no_default_route:
            answer.update(_gateways(network, present))
        sandbox: Dict[str, Any] = {"name": name, "netns": key, "netns_awaited": True, "no_default_route": True}
        if store.sandbox_named(name) is None:
            sandbox["labels"] = {ENGINE_LABEL: ENGINE}
        joining = {
            "name": asked.name,
            "network": network.id,
            "state": "joined",
            "sandbox": name,
            "interface_name": present.waiting_interface,
        }
        return [("sandbox", [sandbox]), ("endpoint", [joining])]

    carry_out(core, choose, warn)
    return answer


def _gateways(network: Network, endpoint: Endpoint) -> Mapping[str, str]:
    """Return the gateways of NETWORK, of the families that ENDPOINT has addresses of."""
    families = {each.version for each in endpoint.addresses}
    names = {4: "Gateway", 6: "GatewayIPv6"}
    return {names[each.version]: str(each) for _pool, each in network.gateways() if each.version in families}
