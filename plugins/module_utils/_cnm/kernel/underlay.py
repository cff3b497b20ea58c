# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses at which a host's tunnels can end, and the host's tunnels."""

from __future__ import annotations

import ipaddress
from typing import List, Optional, Tuple

from ..model.addresses import Address
from ..resources.link import GROUP
from .namespace import LOOPBACK_INDEX
from .rtnl import address, interface, route
from .rtnl.interface import LEAVING
from .rtnl.socket import Socket

_DEFAULTS = ("0.0.0.0/0", "::/0")
_LOCAL_KINDS = ("dummy",)
"""Devices that, like the loopback, have addresses but lead nowhere: routed fabrics keep a host's address there."""


def end_point(kernel: Socket, wanted: Optional[Address], egress_mtu: int) -> Optional[Tuple[Address, str, int]]:
    """Return the host's address WANTED with its device and MTU; with None, the oldest of the default route's device.

    The device is empty, and the MTU EGRESS_MTU, if packets do not leave through it, such as a loopback.
    """
    links = [link for link in interface.dump(kernel) if link.group not in (GROUP, LEAVING)]
    family = 0
    if wanted is None:
        ways = [entry for entry in route.dump(kernel) if entry.destination in _DEFAULTS and entry.link]
        ways.sort(key=lambda e: (_DEFAULTS.index(e.destination), e.metric))
        family = 6 if ways and ":" in ways[0].destination else 4
        order = [entry.link for entry in ways]
        links = sorted((link for link in links if link.index in order), key=lambda link: order.index(link.index))
    for link in links:
        for text in address.of_link(kernel, link.index):
            held = ipaddress.ip_interface(text).ip
            if held == wanted or (held.version == family and not held.is_link_local):
                leads_nowhere = link.index == LOOPBACK_INDEX or link.type in _LOCAL_KINDS
                return (held, "", egress_mtu) if leads_nowhere else (held, link.name, link.mtu)
    return None


def tunnels(kernel: Socket) -> List[Tuple[str, int, bool]]:
    """Return the host's VXLAN devices: their names, UDP ports, and whether they are ours."""
    return [
        (device.name, device.vxlan.port, device.group in (GROUP, LEAVING))
        for device in interface.dump(kernel, kind="vxlan")
        if device.vxlan is not None
    ]
