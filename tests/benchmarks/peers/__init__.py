# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is measured, and what each can be asked to do. One a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from clock import Cost
from stand_in import Host

SUBNET, GATEWAY, PREFIX = "10.90.0.0/16", "10.90.0.1", 16
"""Of the network on which peers without an address management of their own put their endpoints."""


class Peer(Protocol):
    """Somebody who makes networks and endpoints on a host."""

    most: int
    """How many endpoints it is asked for at most, where more would take minutes."""

    def __init__(self, host: Host) -> None: ...

    def prepare(self, number: int) -> None:
        """Make one network, and what NUMBER endpoints need to be there before."""

    def attach(self, first: int, number: int) -> Cost:
        """Give NUMBER new namespaces, counted from FIRST, an endpoint each on the one network."""

    def detach(self, first: int, number: int) -> Cost:
        """Remove what attach() has made."""

    def networks(self, number: int) -> Cost:
        """Make NUMBER networks."""

    def close(self) -> None:
        """End what was started."""


def peer(name: str) -> type[Peer]:
    """Return the peer called NAME.

    :raises KeyError: if there is none
    """
    if name == "ours":
        from .ours import Ours as found
    elif name == "docker":
        from .docker import Engine as found
    elif name == "netavark":
        from .netavark import Netavark as found
    elif name == "cni":
        from .cni import Cni as found
    elif name == "ip-batch":
        from .ip_batch import IpBatch as found
    elif name == "bare":
        from .bare import Bare as found
    else:
        raise KeyError(name)
    return found


NAMES: Sequence[str] = ("ours", "docker", "netavark", "cni", "ip-batch", "bare")


def address(number: int) -> str:
    """Return the address of endpoint NUMBER on the network SUBNET."""
    return f"10.90.{(number + 2) >> 8}.{(number + 2) & 255}"
