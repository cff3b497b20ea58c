# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Container engines, which are told of our networks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Callable, Mapping

from ..controller import Controller, Groups, Result
from ..store.objects import SqliteStore
from ..verbs.context import Host

OPTION = "cnm.network"
"""The option of an engine's network that names ours."""
SHORT_ID = 12
"""Docker and Podman call an object without a name by so many digits of its id."""
Core = Callable[[bool], AbstractContextManager[Controller]]
"""Returns the controller; the parameter says whether the host and the store are only read."""
Known = Mapping[str, str]
"""The first digits of the ids of Docker's networks -> the name of our network that each is."""


class _Concerned(Exception):
    """A run would have to change what an engine knows, which it cannot do while it holds the lock."""

    def __init__(self, known: Known) -> None:
        super().__init__()
        self.known = known


def ensure_all(core: Core, groups: Groups, check: bool, warn: Callable[[str], None]) -> Result:
    """Do what Controller.ensure_all() does, and let the engines know the networks that they are to know.

    :param check: whether this is a dry run
    :param warn: called with each warning for the user
    :raises InvalidInput: with all mistakes in the items, and with all reasons why an engine cannot know a network
    :raises CnmError: if the host or the engine refused a change; the next run goes on from there
    """

    def unless_concerned(store: SqliteStore, _host: Host) -> Groups:
        if any(_concerns_engines(store, item) for kind, items in groups if kind == "network" for item in items):
            raise _Concerned({each: network.name for network in store.networks() for each in network.docker_networks})
        return groups

    try:
        with core(check) as controller:
            return controller.ensure_chosen(unless_concerned)
    except _Concerned as concerned:
        from .docker import ensure_all as ensure_with_docker

        return ensure_with_docker(core, groups, concerned.known, check, warn)


def _concerns_engines(store: SqliteStore, item: Mapping[str, Any]) -> bool:
    if item.get("engines"):
        return True
    network = store.network_named(item["name"]) if isinstance(item["name"], str) else None
    if network is None:
        return False
    ends = item.get("state") == "absent" or item.get("engines") is not None
    return bool(network.engines or (network.docker_networks and ends))
