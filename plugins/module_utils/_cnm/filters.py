# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that select the objects to show."""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, Sequence

from .drivers import driver
from .store.objects import SqliteStore

Keep = Callable[[SqliteStore, Any], bool]


def selection(wishes: Mapping[str, Any]) -> Keep:
    """Return a function that says whether an object meets all of WISHES; a wish that is None is ignored.

    Of the list ``name`` one entry must match, of the list ``labels`` all. A name entry matches the name of an object,
    its id, or the beginning of its id.
    """
    tests: List[Keep] = [_TESTS[key](value) for key, value in wishes.items() if value is not None]
    return lambda store, item: all(test(store, item) for test in tests)


def _name(references: Sequence[str]) -> Keep:
    return lambda _store, item: any(
        reference == item.name or (reference and item.id.startswith(reference)) for reference in references
    )


def _labels(wanted: Sequence[str]) -> Keep:
    def met(item: Any, label: str) -> bool:
        key, equals, value = label.partition("=")
        return key in item.labels and (not equals or item.labels[key] == value)

    return lambda _store, item: all(met(item, label) for label in wanted)


def _driver(name: str) -> Keep:
    return lambda _store, item: item.driver == name


def _type(name: str) -> Keep:
    return lambda _store, item: item.predefined == (name == "builtin")


def _dangling(wanted: bool) -> Keep:
    return lambda store, item: wanted == (not item.predefined and not store.endpoints_of_network(item.id))


def _scope(wanted: str) -> Keep:
    return lambda _store, item: driver(item.driver).scope == wanted


def _state(wanted: str) -> Keep:
    return lambda _store, item: item.running == (wanted == "running")


def _network(reference: str) -> Keep:
    def on(store: SqliteStore, item: Any) -> bool:
        network = store.find_network(reference)
        if network is None:
            return False
        if hasattr(item, "network"):
            return bool(item.network == network.id)
        return any(one.network == network.id for one in store.endpoints_of_sandbox(item.id))

    return on


def _sandbox(reference: str) -> Keep:
    def inside(store: SqliteStore, item: Any) -> bool:
        sandbox = store.find_sandbox(reference)
        return sandbox is not None and item.sandbox == sandbox.id

    return inside


_TESTS: Mapping[str, Callable[[Any], Keep]] = {
    "name": _name,
    "labels": _labels,
    "driver": _driver,
    "type": _type,
    "dangling": _dangling,
    "scope": _scope,
    "state": _state,
    "network": _network,
    "sandbox": _sandbox,
}
