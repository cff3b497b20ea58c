# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is measured between hosts: makers of one network on all hosts of a fleet. One a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from fleet import Fleet, Member

SUBNET = "10.9.0.0/16"
MOVING = "10.9.200.7"
"""The address of the endpoint that moves."""
HOST = "/proc/self/ns/net"


class Endpoint(NamedTuple):
    """Who can be reached over what is measured."""

    member: Member
    namespace: str
    """The path of its network namespace, as its host sees it."""
    address: str


Work = Callable[[], object]
"""What somebody would do on one host, or by its API; it is done in a process of its own."""


class Overlay(Protocol):
    """One network on all hosts of a fleet, with an endpoint on each at most, and one that moves."""

    def __init__(self, fleet: Fleet) -> None:
        """Make the network."""

    def endpoint(self, number: int) -> Endpoint:
        """Make the endpoint on host NUMBER."""

    def namespaces(self, member: Member) -> Sequence[str]:
        """Return the namespaces of MEMBER that packets pass, but for those of endpoints."""

    def close(self) -> None:
        """End what was started."""


class Changing(Overlay, Protocol):
    """An overlay that is asked for changes."""

    def start(self, number: int) -> Work:
        """Return how the endpoint on host NUMBER is made, with all that is in its namespace."""

    def join(self, number: int) -> Work:
        """Make a sandbox on host NUMBER that is not on the network; return how it joins."""

    def move(self, old: int, new: int) -> Sequence[Work]:
        """Make the endpoint that moves on host OLD; return what is done at once to have it on host NEW."""


NAMES: Sequence[str] = ("underlay", "ours", "ours, learning", "docker")


def overlay(name: str) -> type[Overlay]:
    """Return the one called NAME.

    :raises KeyError: if there is none
    """
    if name == "underlay":
        from .underlay import Underlay

        return Underlay
    return changing(name)


def changing(name: str) -> type[Changing]:
    """Return the one called NAME that is asked for changes.

    :raises KeyError: if there is none
    """
    if name == "ours":
        from .ours import Declared as found
    elif name == "ours, learning":
        from .ours import Learning as found
    elif name == "docker":
        from .docker import Docker as found
    else:
        raise KeyError(name)
    return found


def address(number: int) -> str:
    """Return the address of the endpoint on host NUMBER."""
    return f"10.9.{number}.5"
