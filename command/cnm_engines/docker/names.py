# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the Engine API tells: the names of containers, and that they run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Collection, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from _cnm.controller import Groups
from _cnm.engines import SHORT_ID
from _cnm.model.endpoint import Endpoint
from _cnm.model.ids import check_alias
from _cnm.model.sandbox import Sandbox
from _cnm.store.objects import SqliteStore
from _cnm.verbs.context import Host

from ..container import CONTAINER
from ..container import ENGINE as ENGINE_LABEL
from . import ids
from .ids import ENGINE

NAME = "cnm.container.name"


class Container(NamedTuple):
    """A container of Docker."""

    id: str
    name: str
    aliases: Mapping[str, Sequence[str]]
    """The aliases that it has on a network, by Docker's id of its endpoint there."""


class OnNetwork(NamedTuple):
    """What Docker has on one of its networks."""

    id: str
    containers: Sequence[str]
    """Their ids."""
    endpoints: Collection[str]
    """The names that we give them."""
    auxiliary: Collection[str]
    """Addresses that Docker reserves as long as it has the network."""


@contextmanager
def _expected() -> Iterator[None]:
    """Turn what the block raises if Docker's JSON has another form into a ValueError."""
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"Docker's answer is not as expected: {error!r}.") from error


def concerned(event: Mapping[str, Any]) -> str:
    """Return the id of the container that EVENT is about; empty if it is about none.

    :raises ValueError: if it is not described as expected
    """
    with _expected():
        if event["Type"] != "network":
            return str(event["Actor"]["ID"])
        return str(event["Actor"]["Attributes"].get("container") or "")


def container(inspected: Mapping[str, Any]) -> Container:
    """Return the container that Docker has INSPECTED.

    :raises ValueError: if it is not described as expected
    """
    with _expected():
        on = inspected["NetworkSettings"]["Networks"].values()
        aliases = {each["EndpointID"]: list(map(str, each["Aliases"] or ())) for each in on if each["EndpointID"]}
        return Container(inspected["Id"], inspected["Name"].lstrip("/"), aliases)


def network_ids(listed: Sequence[Mapping[str, Any]]) -> List[str]:
    """Return the ids of the networks that Docker has LISTED.

    :raises ValueError: if they are not described as expected
    """
    with _expected():
        return [str(each["Id"]) for each in listed]


def on_network(inspected: Mapping[str, Any]) -> OnNetwork:
    """Return what is on the network that Docker has INSPECTED.

    :raises ValueError: if it is not described as expected
    """
    with _expected():
        # An endpoint without a container has a key that begins so (buildContainerAttachments in moby's API).
        containers = [key for key in inspected["Containers"] if not key.startswith("ep-")]
        endpoints = [ids.endpoint_name(each["EndpointID"]) for each in inspected["Containers"].values()]
        pools = inspected["IPAM"]["Config"] or []
        held = [text for pool in pools for text in (pool.get("AuxiliaryAddresses") or {}).values()]
        return OnNetwork(inspected["Id"], containers, endpoints, held)


def told(store: SqliteStore, host: Host, running: Sequence[Container]) -> Groups:
    """Return the items that give the endpoints of RUNNING their names and aliases, and adopt those that have started.

    Docker names an interface when it moves it into the container. From then on runs repair it.
    """
    sandboxes: Dict[str, Mapping[str, Any]] = {}
    endpoints: List[Mapping[str, Any]] = []
    for container in running:
        for endpoint, names, sandbox in _of(store, container):
            item = {"name": endpoint.name, "network": endpoint.network, "aliases": names}
            if sandbox is not None:
                namespace = {"netns": sandbox.path, "netns_awaited": True}
                sandboxes[sandbox.name] = {"name": sandbox.name, "labels": _labels(sandbox, container), **namespace}
                inner = host.inner_end(sandbox.path, endpoint.device) if endpoint.handed_over else ""
                if inner:
                    item.update(state="joined", sandbox=sandbox.name, interface_name=inner)
            endpoints.append(item)
    return [("sandbox", list(sandboxes.values())), ("endpoint", endpoints)]


def is_told(store: SqliteStore, running: Container) -> bool:
    """Say whether all of RUNNING is as told() has it."""
    return all(
        endpoint.aliases == tuple(names)
        and not endpoint.handed_over
        and (sandbox is None or sandbox.labels == _labels(sandbox, running))
        for endpoint, names, sandbox in _of(store, running)
    )


def _of(store: SqliteStore, running: Container) -> Iterator[Tuple[Endpoint, List[str], Optional[Sandbox]]]:
    """Yield the endpoints of RUNNING, each with its names and its sandbox."""
    for identifier, aliases in running.aliases.items():
        for endpoint in store.endpoints_named(ids.endpoint_name(identifier)):
            sandbox = store.sandbox(endpoint.sandbox) if endpoint.sandbox is not None else None
            yield endpoint, _valid([running.name, *aliases, running.id[:SHORT_ID]]), sandbox


def _labels(sandbox: Sandbox, running: Container) -> Dict[str, str]:
    """Return the labels that SANDBOX is to have, which is RUNNING."""
    return {**sandbox.labels, ENGINE_LABEL: ENGINE, CONTAINER: running.id, NAME: running.name}


def _valid(names: Sequence[str]) -> List[str]:
    """Return those of NAMES that can be looked up."""
    valid: Dict[str, None] = {}
    for name in names:
        try:
            valid[check_alias(name)] = None
        except ValueError:
            continue
    return list(valid)


def networks(store: SqliteStore) -> Set[str]:
    """Return the first digits of the ids of all networks that Docker has of us."""
    return {identifier for network in store.networks() for identifier in network.docker_networks}


def stale(store: SqliteStore, present: Sequence[OnNetwork]) -> Set[str]:
    """Return the ids of our endpoints that Docker no longer has on its networks PRESENT."""
    by_id = {each.id[:SHORT_ID]: each for each in present}
    lost_endpoints: Set[str] = set()
    for network in store.networks():
        known = network.docker_networks
        if not known or not by_id.keys() >= known.keys():
            # It may be a network of another dockerd.
            continue
        endpoints = {name for each in known for name in by_id[each].endpoints}
        auxiliary = {text for each in known for text in by_id[each].auxiliary}
        for endpoint in store.endpoints_of_network(network.id):
            lost = ids.is_of_docker(endpoint) and endpoint.name not in endpoints
            if lost or (ids.reserves_address(endpoint) and auxiliary.isdisjoint(map(str, endpoint.held))):
                lost_endpoints.add(endpoint.id)
    return lost_endpoints
