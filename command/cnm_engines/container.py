# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container as a sandbox: which items one request of an engine consists of. Reads the store, changes nothing.

Labels of the sandbox say whose it is: ``cnm.engine``, ``cnm.container`` (the engine's id), and for each interface that
the engine has asked for ``cnm.network.INTERFACE`` (the engine's name of the network).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Collection, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from _cnm.adopted import is_of_host, lost_namespace
from _cnm.controller import Groups
from _cnm.drivers import driver
from _cnm.model.endpoint import Endpoint, Port
from _cnm.model.network import Network
from _cnm.model.ports import parse_ports
from _cnm.model.sandbox import Sandbox
from _cnm.store.objects import SqliteStore
from _cnm.verbs.context import Host

from .attachment import Attachment, Joining, adopting
from .errors import ATTACHED, INVALID_NAMESPACE, UNKNOWN_CONTAINER, EngineError

ENGINE, CONTAINER, NETWORK = "cnm.engine", "cnm.container", "cnm.network."


def find(store: SqliteStore, engine: str, container: str, name: str) -> Optional[Sandbox]:
    """Return the sandbox that is the container with the id CONTAINER; it is probably called NAME."""
    likely = store.sandbox_named(name)
    if likely is not None and belongs(likely, engine, container):
        return likely
    candidates = store.sandboxes_of_container(container)
    return next((sandbox for sandbox in candidates if belongs(sandbox, engine, container)), None)


def belongs(sandbox: Sandbox, engine: str, container: str) -> bool:
    """Say whether SANDBOX is the container with the id CONTAINER."""
    return (sandbox.labels.get(ENGINE), sandbox.labels.get(CONTAINER)) == (engine, container)


def join(store: SqliteStore, host: Host, wish: Joining, warn: Callable[[str], None]) -> Groups:
    """Return the items that put a container on a network.

    :param warn: called with each warning for the user
    :raises EngineError: if it is attached already, if another sandbox has its name, or if its namespace cannot be used
    """
    attachment = wish.attachment
    _check_namespace(host, wish.namespace)
    former = find(store, attachment.engine, attachment.container, wish.name)
    groups: List[Tuple[str, Sequence[Mapping[str, Any]]]] = []
    present: Optional[Sandbox] = None
    if former is not None and not lost_namespace(former, host):
        if wish.repeated and _is_attached(host, former, wish):
            return [("sandbox", [{"name": former.name}])]
        _check_attachable(host, former, wish)
        present = former
    elif former is not None and former.name != wish.name:
        groups.append(("sandbox", [{"name": former.name, "state": "absent"}]))
    if present is None:
        _check_name(store, host, wish, former)
    name = present.name if present is not None else wish.name
    staying = _declared(store, present) if present is not None else []
    labels = {ENGINE: attachment.engine, CONTAINER: attachment.container}
    labels = {**(present.labels if present is not None else {}), **labels}
    item = {
        "name": name,
        **adopting(wish.namespace),
        "labels": {**labels, f"{NETWORK}{attachment.interface}": attachment.network},
        "networks": [{"name": network.id} for network, _endpoint in staying] + [_entry(store, wish)],
        "published_ports": _ports(store, wish, staying, present is None, warn),
        **wish.settings,
    }
    return [*groups, ("sandbox", [item])]


def _check_namespace(host: Host, path: str) -> None:
    identity = host.namespace_id(path) if path.startswith("/") else None
    if identity is None:
        raise EngineError(UNKNOWN_CONTAINER, f"There is no network namespace at '{path}'.")
    if is_of_host(identity, host):
        raise EngineError(INVALID_NAMESPACE, f"'{path}' is the host's own network namespace.")


def _is_attached(host: Host, sandbox: Sandbox, wish: Joining) -> bool:
    """Say whether SANDBOX, whose namespace exists, has what WISH asks for."""
    return sandbox.labels.get(f"{NETWORK}{wish.attachment.interface}") == wish.attachment.network and (
        host.namespace_id(sandbox.path) == host.namespace_id(wish.namespace)
    )


def _check_attachable(host: Host, sandbox: Sandbox, wish: Joining) -> None:
    """Check that SANDBOX, whose namespace exists, is in the namespace of WISH and does not have its interface."""
    attachment = wish.attachment
    subject = f"Container '{attachment.container}' (sandbox '{sandbox.name}')"
    network = sandbox.labels.get(f"{NETWORK}{attachment.interface}")
    if network is not None:
        raise EngineError(
            ATTACHED,
            f"{subject} is already on network '{network}', through interface '{attachment.interface}'. Detach it "
            "first.",
        )
    if host.namespace_id(sandbox.path) != host.namespace_id(wish.namespace):
        raise EngineError(
            ATTACHED,
            f"{subject} is already attached, in the namespace '{sandbox.path}', not '{wish.namespace}'. Detach it "
            "first.",
        )


def _check_name(store: SqliteStore, host: Host, wish: Joining, former: Optional[Sandbox]) -> None:
    """Check that no other sandbox has the name of WISH, except for a container that is gone."""
    holder = store.sandbox_named(wish.name)
    if holder is None or (former is not None and holder.id == former.id):
        return
    if ENGINE not in holder.labels:
        raise EngineError(
            ATTACHED, f"There is a sandbox '{wish.name}', which is not a container. Give the container another name."
        )
    if not lost_namespace(holder, host):
        raise EngineError(
            ATTACHED,
            f"Container '{holder.labels.get(CONTAINER)}' is already called '{wish.name}'. Give one of them another "
            "name.",
        )


def _entry(store: SqliteStore, wish: Joining) -> Dict[str, Any]:
    network = network_of(store, wish.network)
    options = dict(wish.options)
    if network is not None and network.predefined:
        # Names are not resolved there, and some engines give each container an alias.
        options["aliases"] = []
    return {"name": network.id if network is not None else wish.network, **options}


def network_of(store: SqliteStore, reference: str) -> Optional[Network]:
    """Return our network with that name or id; None if there is none, or more than one."""
    try:
        return store.find_network(reference)
    except ValueError:  # The verb reports that the reference is ambiguous.
        return None


def _ports(
    store: SqliteStore,
    wish: Joining,
    staying: Sequence[Tuple[Network, Endpoint]],
    alone: bool,
    warn: Callable[[str], None],
) -> Optional[List[Mapping[str, Any]]]:
    """Return the ports that the container is to publish; None if they stay as they are.

    Engines ask for all ports of a container on each of its networks. It publishes them once, on the first that can.

    :param staying: the endpoints that it keeps
    :param alone: whether it has no others, so that what a former container published ends
    """
    present = [port for _network, endpoint in staying for port in endpoint.ports]
    wanted = [each for each in wish.ports if not _is_published(each, present)]
    network = network_of(store, wish.network)
    reason = driver(network.driver).unpublishable(network) if network is not None else ""
    if wanted and reason and not any(_can_publish(other) for other, _endpoint in staying):
        warn(f"Container '{wish.name}': its ports are not published: {reason}")
        wanted = []
    if not wanted and not alone:
        return None
    return [*map(_specification, present), *wanted]


def _is_published(specification: Mapping[str, Any], present: Sequence[Port]) -> bool:
    """Say whether PRESENT has all ports of SPECIFICATION."""
    try:
        return all(any(port.meets(wish) for port in present) for wish in parse_ports(specification))
    except ValueError:  # The verb reports what is wrong.
        return False


def _specification(port: Port) -> Mapping[str, Any]:
    return {
        "container_port": port.container_port,
        "host_port": port.host_port,
        "host_ip": str(port.host_ip or ""),
        "protocol": port.protocol,
        "allowed_sources": [str(source) for source in port.sources] or None,
    }


def _can_publish(network: Network) -> bool:
    return not driver(network.driver).unpublishable(network)


def _declared(store: SqliteStore, sandbox: Sandbox) -> List[Tuple[Network, Endpoint]]:
    """Return the endpoints of SANDBOX that engines have asked for, with their networks."""
    pairs = ((store.network(one.network), one) for one in store.endpoints_of_sandbox(sandbox.id) if one.declared)
    return [(network, endpoint) for network, endpoint in pairs if network is not None]


def leave(store: SqliteStore, host: Host, attachment: Attachment, name: str) -> Groups:
    """Return the items that take a container off a network; none if it is not on the network.

    :param name: what the container is probably called
    """
    sandbox = find(store, attachment.engine, attachment.container, name)
    if sandbox is None or sandbox.labels.get(f"{NETWORK}{attachment.interface}") != attachment.network:
        return []
    return [("sandbox", [_without(store, host, sandbox, {attachment.interface})])]


def collect(store: SqliteStore, host: Host, engine: str, network: str, valid: Collection[Tuple[str, str]]) -> Groups:
    """Return the items that remove the attachments to the engine's NETWORK that are not VALID.

    :param valid: container ids with interface names
    """
    items = []
    for sandbox in store.sandboxes():
        if sandbox.labels.get(ENGINE) == engine:
            container = sandbox.labels.get(CONTAINER, "")
            gone = {one for one, its in interfaces(sandbox) if its == network and (container, one) not in valid}
            if gone:
                items.append(_without(store, host, sandbox, gone))
    return [("sandbox", items)]


def interfaces(sandbox: Sandbox) -> Iterator[Tuple[str, str]]:
    """Yield the interfaces of SANDBOX that engines have asked for, each with the engine's name of the network."""
    for key, network in sandbox.labels.items():
        if key.startswith(NETWORK):
            yield key[len(NETWORK) :], network


def _without(store: SqliteStore, host: Host, sandbox: Sandbox, gone: Collection[str]) -> Dict[str, Any]:
    """Return the item that takes the interfaces GONE from SANDBOX; without others, it ends."""
    labels = {key: text for key, text in sandbox.labels.items() if key not in {f"{NETWORK}{one}" for one in gone}}
    if lost_namespace(sandbox, host) or not any(interfaces(replace(sandbox, labels=labels))):
        return {"name": sandbox.name, "state": "absent"}
    staying = [pair for pair in _declared(store, sandbox) if pair[1].interface not in gone]
    return {
        "name": sandbox.name,
        "labels": labels,
        "networks": [{"name": network.id} for network, _endpoint in staying],
        # Ports of the endpoint that goes move to another one, if there is one that can publish.
        "published_ports": None if any(_can_publish(network) for network, _endpoint in staying) else [],
    }
