# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The items of a task: the order in which they are handled, and the objects that they describe."""

from __future__ import annotations

from typing import Any, Dict, Hashable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

from .model.endpoint import Endpoint
from .model.network import Network
from .model.sandbox import Sandbox
from .store.objects import SqliteStore


def in_order(
    networks: Sequence[Mapping[str, Any]], sandboxes: Sequence[Mapping[str, Any]]
) -> List[Tuple[str, List[Mapping[str, Any]]]]:
    """Return NETWORKS and SANDBOXES as groups, in the order in which one run handles them.

    Removals come first, to make room; but networks are removed last, when nothing is left on them.
    """

    def those(items: Sequence[Mapping[str, Any]], stay: bool) -> List[Mapping[str, Any]]:
        return [item for item in items if (item.get("state") != "absent") == stay]

    return [
        ("sandbox", those(sandboxes, False)),
        ("network", those(networks, True)),
        ("sandbox", those(sandboxes, True)),
        ("network", those(networks, False)),
    ]


def in_turn(kind: str, items: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return ITEMS in the order in which they are handled: networks whose subnet is chosen by us come last."""
    if kind != "network":
        return items
    return sorted(items, key=lambda item: item.get("state") != "absent" and not item.get("ipam_config"))


def twice(pairs: Sequence[Tuple[str, Mapping[str, Any]]], *identifiers: Sequence[Optional[str]]) -> Iterator[str]:
    """Yield a sentence for each object that PAIRS of kind and item describe more than once.

    :param identifiers: the ids of the objects, before the run and after it
    """
    seen: Dict[Hashable, str] = {}
    for place, (kind, item) in enumerate(pairs):
        if item["name"] is None:
            continue
        network = item.get("network") if kind == "endpoint" else None
        keys: Set[Hashable] = {(kind, item["name"], network)} | {
            (kind, ids[place]) for ids in identifiers if ids[place]
        }
        for key in keys.intersection(seen):
            other = "" if seen[key] == item["name"] else f", once as '{item['name']}'"
            yield f"{kind.capitalize()} '{seen[key]}' is listed twice{other}."
        seen.update(dict.fromkeys(keys, item["name"]))


def id_of(store: SqliteStore, kind: str, item: Mapping[str, Any]) -> Optional[str]:
    """Return the id of the object that ITEM describes, None if it does not exist."""
    known: Union[Network, Sandbox, Endpoint, None]
    if item["name"] is None:
        return None
    if kind == "network":
        known = store.network_named(item["name"])
    elif kind == "sandbox":
        known = store.sandbox_named(item["name"])
    elif item.get("network"):
        network = _network(store, item["network"])
        known = store.endpoint_on(network.id, item["name"]) if network is not None else None
    else:
        named = store.endpoints_named(item["name"])
        known = named[0] if len(named) == 1 else None
    return known.id if known is not None else None


def _network(store: SqliteStore, reference: str) -> Optional[Network]:
    try:
        return store.find_network(reference)
    except ValueError:  # The verb has reported that the reference is ambiguous.
        return None
