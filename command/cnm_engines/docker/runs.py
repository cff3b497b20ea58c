# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the controller for Docker."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from _cnm.controller import Groups
from _cnm.model.endpoint import Endpoint
from _cnm.store.objects import SqliteStore
from _cnm.verbs.context import Host

from ..errors import REFUSED, EngineError
from ..runs import Core, Warn, last_object


def refusal(text: str) -> EngineError:
    """Return the error with TEXT for Docker's user."""
    return EngineError(REFUSED, text)


def endpoint(core: Core, choose: Callable[[SqliteStore, Host], Groups], warn: Warn) -> Mapping[str, Any]:
    """Do what CHOOSE returns, whose last item is an endpoint; return that in the shape of inspect.

    :raises CnmError: if it is not valid, or if the host refuses a change
    """
    items: Dict[str, Mapping[str, Any]] = {}

    def remember(store: SqliteStore, host: Host) -> Groups:
        groups = choose(store, host)
        items["last"] = groups[-1][1][-1]
        return groups

    def is_it(one: Endpoint) -> bool:
        return (one.name, one.network) == (items["last"]["name"], items["last"]["network"])

    return last_object(core, remember, warn, "endpoint", is_it)
