# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured, one part per file. Each runs its peers in turn in every round, so that they meet the same noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from record import Record


@dataclass(frozen=True)
class Plan:
    """What is measured, and how often."""

    sizes: Sequence[int]
    """If this is empty, the part uses its own sizes."""
    rounds: int
    peers: Sequence[str]


NAMES: Sequence[str] = (
    "single",
    "attach",
    "networks",
    "restore",
    "growth",
    "containers",
    "datapath",
    "overlay",
    "first",
    "know",
    "scale",
    "play",
    "controller",
)


def part(name: str) -> Callable[[Plan, Record], None]:
    """Return the part NAME.

    :raises KeyError: if there is none
    """
    if name == "single":
        from .single import run
    elif name == "attach":
        from .attach import run
    elif name == "networks":
        from .networks import run
    elif name == "restore":
        from .restore import run
    elif name == "growth":
        from .growth import run
    elif name == "containers":
        from .containers import run
    elif name == "datapath":
        from .datapath import run
    elif name == "overlay":
        from .overlay import run
    elif name == "first":
        from .first import run
    elif name == "know":
        from .know import run
    elif name == "scale":
        from .scale import run
    elif name == "play":
        from .play import run
    elif name == "controller":
        from .controller import run
    else:
        raise KeyError(name)
    return run


def peer_of(name: str) -> str:
    """Return the peer to which the overlay NAME belongs."""
    return name.split(",")[0]
