# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the requests that create links have in common, whatever the type of the link."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

from . import uapi
from .interface import UP
from .request import encode

MODE = uapi.NLM_F_ACK | uapi.NLM_F_CREATE | uapi.NLM_F_EXCL


def properties(name: Any, address: Any, mtu: Any, group: Any) -> List[Tuple[str, Any]]:
    """Return the attributes of a new link, as values or slots; None for a property that the kernel chooses."""
    given: List[Tuple[str, Any]] = [("IFLA_IFNAME", name), ("IFLA_GROUP", group)]
    if address is not None:
        given.append(("IFLA_ADDRESS", address))
    if mtu is not None:
        given.append(("IFLA_MTU", mtu))
    return given


def request(attributes: Sequence[Tuple[str, Any]], up: bool) -> bytes:
    """Return the request that creates a link with ATTRIBUTES."""
    return encode("link", uapi.RTM_NEWLINK, MODE, attributes, flags=UP if up else 0, change=UP)
