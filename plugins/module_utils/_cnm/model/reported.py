# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The noun Reported: an endpoint of another host, of which that host's agent tells."""

from __future__ import annotations

from typing import NamedTuple, Tuple

from .overlay_peer import Remote
from .value import value


class Place(NamedTuple):
    """Which endpoint it is. Several hosts may have one of the same name on a network."""

    network: str
    """The id of the network."""
    host: str
    """What the host calls itself: the name of its peer, or the address of its VTEP."""
    name: str
    """The name of the endpoint."""

    @property
    def id(self) -> str:
        """It as one text. No part has a slash."""
        return "/".join(self)


@value
class Reported:
    """An endpoint of another host, of which that host's agent tells."""

    place: Place
    endpoint: Remote
    since: int
    """The revision of the agents' store since which the host has it. Of two with one address, the older one holds."""
    revision: int
    """The revision that has changed it last."""

    @property
    def keys(self) -> Tuple[str, ...]:
        """What no two endpoints of a network can have in common: its addresses and its MAC address."""
        return (*map(str, self.endpoint.addresses), self.endpoint.mac)


def place_of(identifier: str) -> Place:
    """Return the place whose id is IDENTIFIER."""
    return Place(*identifier.split("/"))
