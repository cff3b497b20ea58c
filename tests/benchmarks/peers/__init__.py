# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that are measured, and what each of them can do, one per file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from clock import Cost
from stand_in import Host

SUBNET, GATEWAY, PREFIX = "10.90.0.0/16", "10.90.0.1", 16
"""The network for peers that do not assign addresses themselves."""


class Peer(Protocol):
    """A program that creates networks and endpoints on a host."""

    most: int
    """The maximum number of endpoints. More would take minutes."""

    def __init__(self, host: Host) -> None: ...

    def prepare(self, number: int) -> None:
        """Create one network, and what NUMBER endpoints need."""

    def attach(self, first: int, number: int) -> Cost:
        """Create NUMBER namespaces, counted from FIRST, with an endpoint each on the one network."""

    def detach(self, first: int, number: int) -> Cost:
        """Remove what attach() created."""

    def networks(self, number: int) -> Cost:
        """Create NUMBER networks."""

    def close(self) -> None:
        """Stop what was started."""


def peer(name: str) -> type[Peer]:
    """Return the peer NAME.

    :raises KeyError: if there is none
    """
    if name == "ours":
        from .ours import Ours as chosen
    elif name == "docker":
        from .docker import Engine as chosen
    elif name == "netavark":
        from .netavark import Netavark as chosen
    elif name == "cni":
        from .cni import Cni as chosen
    elif name == "ip-batch":
        from .ip_batch import IpBatch as chosen
    elif name == "bare":
        from .bare import Bare as chosen
    else:
        raise KeyError(name)
    return chosen


NAMES: Sequence[str] = ("ours", "docker", "netavark", "cni", "ip-batch", "bare")


def address(number: int) -> str:
    """Return the address of endpoint NUMBER on SUBNET."""
    return f"10.90.{(number + 2) >> 8}.{(number + 2) & 255}"
