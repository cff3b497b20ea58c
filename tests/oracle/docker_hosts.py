# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The story on two hosts that run Docker."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from docker_fleet import DockerFleet
from fleet import Fleet
from steps import PREDEFINED, Step
from story import Move
from theirs import Theirs

AT_ONCE = 2
"""How many names a container asks for at once. Unknown ones take a while, and Docker's client has ten connections."""


ATTEMPTS = 5
"""On a busy machine, etcd sometimes answers too late, and Docker says that it does not know its network."""


def _done(side: Theirs, step: Step) -> list[str]:
    """Carry out STEP on SIDE; return why it was refused, or nothing."""
    for _attempt in range(ATTEMPTS):
        problems = side.do(step)
        if not any("from store" in problem for problem in problems):
            break
    return problems


class DockerHosts:
    by = "theirs"

    def __init__(self, fleet: Fleet) -> None:
        self._docker = DockerFleet(fleet.members)
        self.hosts = {name: Theirs(daemon) for name, daemon in self._docker.daemons.items()}

    def do(self, moves: Sequence[Move]) -> list[str]:
        """Carry out MOVES; return why they were refused, or nothing."""
        return [problem for move in moves for problem in _done(self.hosts[move.host], move.step)]

    def networks(self, host: str) -> dict[str, dict[str, Any]]:
        """Return what inspect shows on HOST of the networks that users created, by name."""
        return {name: shown for name, shown in self.hosts[host].networks().items() if name not in PREDEFINED}

    def place(self, host: str, container: str) -> str:
        """Return the path of the network namespace of CONTAINER on HOST."""
        return self.hosts[host].place(container)

    def outside(self, host: str) -> str:
        """Return the path of a network namespace outside, which only HOST reaches."""
        return self.hosts[host].outside

    def resolved(self, host: str, container: str, names: Sequence[str]) -> dict[str, set[str]]:
        """Return the addresses that CONTAINER finds for each of NAMES."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(names, pool.map(lambda name: self.hosts[host].resolved(container, name), names)))

    def end(self) -> None:
        try:
            # A network cannot be removed on one host while the other has containers on it.
            for side in self.hosts.values():
                for name in side.containers():
                    side.do(Step("remove", name))
            for side in self.hosts.values():
                side.close()
        finally:
            self._docker.end()
