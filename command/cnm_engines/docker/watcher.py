# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows Docker's events: a container has its name from its start, and what Docker has lost is collected."""

from __future__ import annotations

import threading
from typing import Any, Callable, Mapping, Set, TypeVar

from _cnm.controller import Choose
from _cnm.engines import SHORT_ID
from _cnm.engines.engine_api import ERRORS, EngineApi
from _cnm.model.errors import CnmError
from cnm_command.errors import Failure

from ..errors import EngineError
from ..runs import Core, Warn, carry_out
from . import names
from .endpoints import removal

T = TypeVar("T")
_EVENTS = {"type": ["container", "network"], "event": ["start", "rename", "connect"]}
_PAUSE = 2.0
"""Seconds between two attempts, and between two looks at what Docker no longer has."""


class Watcher:
    """A thread that follows the events of a dockerd, whenever that is there."""

    def __init__(self, api: EngineApi, core: Core, do: Callable[[Callable[[], Any]], Any], warn: Warn) -> None:
        """Create it for the dockerd behind API.

        :param do: calls a function in the thread that may run the core, and returns what it returns. It raises OSError
            if that thread has ended
        :param warn: called with each warning for the administrator
        """
        self._api = api
        self._core = core
        self._do = do
        self._warn = warn
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def end(self) -> None:
        """End, after the run at work."""
        self._ending.set()
        self._api.close()
        self._thread.join(_PAUSE)

    def _follow(self) -> None:
        while not self._ending.is_set():
            try:
                # From here on no event is missed.
                events = self._api.events(**_EVENTS)
                self._compare()
                for event in events:
                    self._hear(event)
            except (*ERRORS, CnmError, Failure):
                # Docker is not there; everything except for names works without it. Or the store cannot be read, which
                # Docker's requests report, too.
                pass
            finally:
                self._api.close()
            self._ending.wait(_PAUSE)

    def _hear(self, event: Mapping[str, Any]) -> None:
        identifier = names.concerned(event)
        if identifier and self._look(names.networks):
            self._tell(identifier)

    def _tell(self, identifier: str) -> None:
        running = names.container(self._api.get(f"/containers/{identifier}/json"))
        # Docker tells of the start of a container more than once.
        if not self._look(lambda store: names.is_told(store, running)):
            self._run(lambda store, host: names.told(store, host, running))

    def _compare(self) -> None:
        """Tell the names of all containers, and collect what Docker no longer has, as after a crash."""
        suspects = self._stale(tell=True)
        # Docker may have been creating an endpoint that it did not list yet.
        if suspects and not self._ending.wait(_PAUSE):
            suspects &= self._stale(tell=False)
            if suspects:
                self._run(lambda store, _host: removal(store, [store.endpoint(each) for each in suspects], "absent"))
                self._warn(f"Docker no longer has {len(suspects)} of its endpoints. They were removed.")

    def _stale(self, tell: bool) -> Set[str]:
        """Return the ids of our endpoints that Docker no longer has.

        :param tell: whether to tell the names of those that it has
        """
        known = self._look(names.networks)
        listed = names.network_ids(self._api.get("/networks")) if known else []
        theirs = [each for each in listed if each[:SHORT_ID] in known]
        inspected = [names.on_network(self._api.get(f"/networks/{each}")) for each in theirs]
        for identifier in {each for one in inspected for each in one.containers} if tell else ():
            self._tell(identifier)
        return self._look(lambda store: names.stale(store, inspected)) if inspected else set()

    def _look(self, at: Callable[..., T]) -> T:
        def look() -> T:
            with self._core(True) as controller:
                return controller.look(at)

        result: T = self._do(look)
        return result

    def _run(self, choose: Choose) -> None:
        try:
            self._do(lambda: carry_out(self._core, choose, self._warn))
        except (CnmError, EngineError, Failure) as error:
            self._warn(str(error))
