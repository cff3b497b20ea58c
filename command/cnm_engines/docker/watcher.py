# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows Docker's events: a container has its name from its start, and what Docker has lost is collected."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from typing import Any, Callable, Collection, Mapping, Sequence, Set, TypeVar

from _cnm.controller import Choose
from _cnm.engines import SHORT_ID
from _cnm.engines.engine_api import ERRORS, EngineApi
from _cnm.model.errors import CnmError
from cnm_command.errors import Failure

from ..errors import EngineError
from ..runs import Core, Warn, carry_out
from . import names
from .bursts import bursts
from .endpoints import removal

T = TypeVar("T")
_EVENTS = {"type": ["container", "network"], "event": ["start", "rename", "connect"]}
_GATHERING = 0.1
"""Seconds in which more events are awaited. Many containers may start at once, and some have ended by then."""
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
                for burst in bursts(events, _GATHERING):
                    self._hear(burst)
            except (*ERRORS, CnmError, Failure):
                # Docker is not there; everything except for names works without it. Or the store cannot be read, which
                # Docker's requests report, too.
                pass
            finally:
                self._api.close()
            self._ending.wait(_PAUSE)

    def _hear(self, events: Sequence[Mapping[str, Any]]) -> None:
        # Docker tells of the start of a container more than once.
        identifiers = {names.concerned(event) for event in events} - {""}
        if identifiers and self._look(names.networks):
            self._tell(identifiers)

    def _tell(self, identifiers: Collection[str]) -> None:
        running = []
        for identifier in sorted(identifiers):
            # It may have ended, and be gone.
            with suppress(HTTPException):
                running.append(names.container(self._api.get(f"/containers/{identifier}/json")))
        untold = self._look(lambda store: [each for each in running if not names.is_told(store, each)])
        # What is refused for one of them must not be refused for the others.
        together = len(untold) > 1 and self._run(lambda store, host: names.told(store, host, untold), quiet=True)
        for each in untold if not together else ():
            self._run(partial(names.told, running=[each]))

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
        if tell:
            self._tell({each for one in inspected for each in one.containers})
        return self._look(lambda store: names.stale(store, inspected)) if inspected else set()

    def _look(self, at: Callable[..., T]) -> T:
        def look() -> T:
            with self._core(True) as controller:
                return controller.look(at)

        result: T = self._do(look)
        return result

    def _run(self, choose: Choose, quiet: bool = False) -> bool:
        """Do what CHOOSE returns; say whether that was possible. If not, warn, unless QUIET."""
        try:
            self._do(lambda: carry_out(self._core, choose, self._warn))
        except (CnmError, EngineError, Failure) as error:
            if not quiet:
                self._warn(str(error))
            return False
        return True
