# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the controller for Docker."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from _cnm.controller import Groups
from _cnm.model.errors import Incomplete
from _cnm.store.objects import SqliteStore
from _cnm.verbs.context import Host

from ..errors import REFUSED, EngineError
from ..runs import Core

Warn = Callable[[str], None]
Choose = Callable[[SqliteStore, Host], Groups]


def refusal(text: str) -> EngineError:
    """Return the error with TEXT for Docker's user."""
    return EngineError(REFUSED, text)


def carry_out(core: Core, choose: Choose, warn: Warn) -> None:
    """Do what CHOOSE returns under the lock.

    :raises CnmError: if it is not valid, or if the host refuses a change
    """
    with core(False) as controller:
        try:
            controller.ensure_chosen(choose)
        except Incomplete as error:
            # What was asked for was done; only other objects were not repaired.
            warn(str(error))


def endpoint(core: Core, choose: Choose, warn: Warn) -> Mapping[str, Any]:
    """Do what CHOOSE returns, whose last item is an endpoint; return that in the shape of inspect.

    :raises CnmError: if it is not valid, or if the host refuses a change
    """
    items: Dict[str, Mapping[str, Any]] = {}

    def remember(store: SqliteStore, host: Host) -> Groups:
        groups = choose(store, host)
        items["last"] = groups[-1][1][-1]
        return groups

    with core(False) as controller:
        try:
            return controller.ensure_chosen(remember).objects[-1]
        except Incomplete as error:
            warn(str(error))
            name, network = items["last"]["name"], items["last"]["network"]
            (shown,) = controller.describe("endpoint", lambda _store, one: (one.name, one.network) == (name, network))
            return shown
