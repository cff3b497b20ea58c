# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``events``: what runs change in the store, as it happens. Runs know nothing of it."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from datetime import datetime
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple

from _cnm.model.endpoint import Endpoint
from _cnm.model.errors import printable
from _cnm.model.network import Network
from _cnm.model.sandbox import Sandbox
from _cnm.store import FOLDER
from _cnm.store.objects import SqliteStore
from cnm_agent.store_changes import StoreChanges

from .access import controller
from .changes import pairs
from .errors import Failure

_PAUSE = 0.1
"""Seconds between looks at the files of the store."""
_KEYS = ("type", "event", "network", "sandbox")


class Snapshot(NamedTuple):
    """The objects of a store, by id."""

    networks: Mapping[str, Network]
    sandboxes: Mapping[str, Sandbox]
    endpoints: Mapping[str, Endpoint]


class Event(NamedTuple):
    """One thing that has happened, in Docker's words."""

    kind: str
    action: str
    id: str
    """Of the object."""
    attributes: Mapping[str, str]


def show(options: Namespace) -> int:
    """Print events that match the filters in OPTIONS until it is interrupted.

    :raises Failure: if a filter is not valid
    """
    wanted = _filters(options.filter)
    written = _format(options.format)
    changes = StoreChanges(FOLDER)
    with controller(check=True) as core:
        before = core.look(snapshot)
        while True:
            if changes.happened():
                after = core.look(snapshot)
                for event in events(before, after):
                    if matches(event, wanted):
                        print(written(event), flush=True)
                before = after
            time.sleep(_PAUSE)


def _filters(texts: List[str]) -> Dict[str, List[str]]:
    wanted: Dict[str, List[str]] = {}
    for text in texts:
        for key, value in pairs([text], "--filter").items():
            if key not in _KEYS:
                raise Failure(f"invalid filter '{key}': use one of {', '.join(_KEYS)}.")
            wanted.setdefault(key, []).append(value)
    return wanted


def matches(event: Event, wanted: Mapping[str, List[str]]) -> bool:
    """Say whether EVENT meets the filters WANTED: one of those with the same key, for each key."""
    given = {"type": [event.kind], "event": [event.action]}
    for kind in ("network", "sandbox"):
        itself = [event.id, event.attributes["name"]] if event.kind == kind else []
        given[kind] = [*itself, event.attributes.get(kind, "")]
    return all(set(given[key]) & set(values) for key, values in wanted.items())


def snapshot(store: SqliteStore) -> Snapshot:
    """Return what is in STORE."""
    return Snapshot(
        {each.id: each for each in store.networks()},
        {each.id: each for each in store.sandboxes()},
        {each.id: each for each in store.endpoints()},
    )


def events(before: Snapshot, after: Snapshot) -> Iterator[Event]:
    """Yield what has happened between two snapshots: first what is gone, then what is new.

    What other hosts report of a network does not count.
    """
    gone, new = _placed(before.endpoints), _placed(after.endpoints)
    for identifier, place in gone.items():
        if new.get(identifier) != place:
            yield _on_network("disconnect", before, identifier)
    for identifier in before.endpoints.keys() - after.endpoints.keys():
        yield _of_endpoint("destroy", before, identifier)
    for identifier, sandbox in before.sandboxes.items():
        later = after.sandboxes.get(identifier)
        if sandbox.running and not (later and later.running):
            yield _of_sandbox("stop", sandbox)
        if later is None:
            yield _of_sandbox("destroy", sandbox)
    for identifier in before.networks.keys() - after.networks.keys():
        yield _of_network("destroy", before.networks[identifier])
    for identifier, network in after.networks.items():
        if identifier not in before.networks:
            yield _of_network("create", network)
        elif network.unreported != before.networks[identifier].unreported:
            yield _of_network("update", network)
    for identifier, sandbox in after.sandboxes.items():
        earlier = before.sandboxes.get(identifier)
        if earlier is None:
            yield _of_sandbox("create", sandbox)
        if sandbox.running and not (earlier and earlier.running):
            yield _of_sandbox("start", sandbox)
        elif earlier is not None and earlier.running == sandbox.running and earlier != sandbox:
            yield _of_sandbox("update", sandbox)
    for identifier, each in after.endpoints.items():
        known = before.endpoints.get(identifier)
        if known is None:
            yield _of_endpoint("create", after, identifier)
        elif known != each and known.sandbox == each.sandbox:
            yield _of_endpoint("update", after, identifier)
    for identifier, place in new.items():
        if gone.get(identifier) != place:
            yield _on_network("connect", after, identifier)


def _placed(endpoints: Mapping[str, Endpoint]) -> Dict[str, str]:
    """Return the ids of the endpoints in sandboxes, each with the sandbox's."""
    return {identifier: each.sandbox for identifier, each in endpoints.items() if each.sandbox}


def _of_network(action: str, network: Network) -> Event:
    return Event("network", action, network.id, {"name": network.name, "type": network.driver})


def _of_sandbox(action: str, sandbox: Sandbox) -> Event:
    return Event("sandbox", action, sandbox.id, {"name": sandbox.name})


def _of_endpoint(action: str, state: Snapshot, identifier: str) -> Event:
    endpoint = state.endpoints[identifier]
    network = state.networks[endpoint.network].name
    return Event("endpoint", action, identifier, {"name": endpoint.name, "network": network})


def _on_network(action: str, state: Snapshot, identifier: str) -> Event:
    endpoint = state.endpoints[identifier]
    network, sandbox = state.networks[endpoint.network].name, state.sandboxes[str(endpoint.sandbox)].name
    attributes = {"name": network, "sandbox": sandbox, "endpoint": endpoint.name}
    return Event("network", action, endpoint.network, attributes)


def _format(format_: str) -> Callable[[Event], str]:
    """Return what writes an event in FORMAT_: ``text``, ``json`` or a template.

    :raises Failure: if the template is not valid
    """
    if format_ in ("text", "json"):
        return lambda event: line(event, format_)
    from .template import Template

    template = Template(format_)
    return lambda event: printable(template.write(_as_docker(event)))


def line(event: Event, format_: str) -> str:
    """Return how EVENT, which has happened now, is shown in FORMAT_, ``text`` or ``json``."""
    shown = _as_docker(event)
    if format_ == "json":
        return json.dumps(shown)
    attributes = ", ".join(f"{name}={value}" for name, value in event.attributes.items())
    return printable(f"{shown['time']} {event.kind} {event.action} {event.id} ({attributes})")


def _as_docker(event: Event) -> Mapping[str, Any]:
    actor = {"ID": event.id, "Attributes": event.attributes}
    now = datetime.now().astimezone().isoformat()
    return {"Type": event.kind, "Action": event.action, "Actor": actor, "time": now}
