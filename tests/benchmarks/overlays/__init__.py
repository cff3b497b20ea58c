# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured between hosts: programs that create one network on all hosts of a fleet, one per file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from fleet import Fleet, Member

SUBNET = "10.9.0.0/16"
MOVING = "10.9.200.7"
"""The address of the moving endpoint."""
HOST = "/proc/self/ns/net"


class Endpoint(NamedTuple):
    """An address that can be reached over the network."""

    member: Member
    namespace: str
    """The path of its network namespace, as seen from its host."""
    address: str


Work = Callable[[], object]
"""What a user would do on one host, or through its API. It runs in its own process."""


class Overlay(Protocol):
    """One network on all hosts of a fleet, with at most one endpoint on each and one that moves."""

    def __init__(self, fleet: Fleet) -> None:
        """Create the network."""

    def endpoint(self, number: int) -> Endpoint:
        """Create the endpoint on host NUMBER."""

    def namespaces(self, member: Member) -> Sequence[str]:
        """Return the namespaces of MEMBER that packets pass, except those of endpoints."""

    def close(self) -> None:
        """Stop what was started."""


class Changing(Overlay, Protocol):
    """An overlay that can be changed."""

    def start(self, number: int) -> Work:
        """Return the work that creates the endpoint on host NUMBER, with everything in its namespace."""

    def join(self, number: int) -> Work:
        """Create a sandbox on host NUMBER that is not on the network; return the work that joins it."""

    def move(self, old: int, new: int) -> Sequence[Work]:
        """Create the moving endpoint on host OLD; return the works that, started together, move it to host NEW."""


NAMES: Sequence[str] = ("underlay", "ours", "ours, learning", "docker")


def overlay(name: str) -> type[Overlay]:
    """Return the overlay NAME.

    :raises KeyError: if there is none
    """
    if name == "underlay":
        from .underlay import Underlay

        return Underlay
    return changing(name)


def changing(name: str) -> type[Changing]:
    """Return the overlay NAME, which can be changed.

    :raises KeyError: if there is none
    """
    if name == "ours":
        from .ours import Declared as chosen
    elif name == "ours, learning":
        from .ours import Learning as chosen
    elif name == "docker":
        from .docker import Docker as chosen
    else:
        raise KeyError(name)
    return chosen


def address(number: int) -> str:
    """Return the address of the endpoint on host NUMBER."""
    return f"10.9.{number}.5"
