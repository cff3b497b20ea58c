# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The noun StaticRoute: where packets to a subnet go, as a user has declared it for a network or a sandbox."""

from __future__ import annotations

from typing import Optional

from .addresses import Address, Subnet
from .value import value

TYPES = ("unicast", "blackhole", "unreachable", "prohibit")
"""As in ``ip route``: through a gateway, dropped silently, or refused with an ICMP message."""


@value
class StaticRoute:
    """A route to a subnet."""

    destination: Subnet
    gateway: Optional[Address] = None
    """None for the types that lead nowhere."""
    metric: Optional[int] = None
    """The route with the lowest metric to a destination is used; None for the network's metric or the kernel's."""
    type: str = "unicast"

    def __str__(self) -> str:
        kind = "" if self.type == "unicast" else f"{self.type} "
        via = "" if self.gateway is None else f" via {self.gateway}"
        return f"{kind}{self.destination}{via}"
