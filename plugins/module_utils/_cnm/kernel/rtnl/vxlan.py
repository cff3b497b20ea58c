# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VXLAN devices: their attributes in requests and in the kernel's answers."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ...resources.link import Tunnel
from . import uapi
from .socket import attributes, number

KIND = "vxlan"

_ON = b"\x01"


class Device(NamedTuple):
    """What the kernel says of a VXLAN device, with other interfaces by their indices."""

    id: int
    local: str
    port: int
    lower: int
    learning: Optional[bool]
    """Whether it and its bridge port learn; None if only one of them does."""
    ttl: int
    suppress: bool
    isolated: bool
    external: bool
    """Whether it has no VNI of its own: each packet says its VNI (IFLA_VXLAN_COLLECT_METADATA)."""


def parse(data: bytes, port: Dict[int, bytes]) -> Device:
    """Return the device that DATA, an IFLA_INFO_DATA, and the attributes of its bridge PORT describe."""
    values = attributes(data)
    learning, port_learning = values.get(uapi.IFLA_VXLAN_LEARNING) == _ON, port.get(uapi.IFLA_BRPORT_LEARNING) == _ON
    local = values.get(uapi.IFLA_VXLAN_LOCAL6) or values.get(uapi.IFLA_VXLAN_LOCAL) or b""
    return Device(
        id=number(values.get(uapi.IFLA_VXLAN_ID, b"")),
        local=str(ipaddress.ip_address(local)) if any(local) else "",
        port=int.from_bytes(values.get(uapi.IFLA_VXLAN_PORT, b""), "big"),
        lower=number(values.get(uapi.IFLA_VXLAN_LINK, b"")),
        learning=learning if learning == port_learning else None,
        ttl=number(values.get(uapi.IFLA_VXLAN_TTL, b"")),
        suppress=port.get(uapi.IFLA_BRPORT_NEIGH_SUPPRESS) == _ON,
        isolated=port.get(uapi.IFLA_BRPORT_ISOLATED) == _ON,
        external=values.get(uapi.IFLA_VXLAN_COLLECT_METADATA, b"\0") == _ON,
    )


def tunnel(device: Device, names: Dict[int, str], master: str) -> Tunnel:
    """Return DEVICE as a resource; NAMES are those of interfaces by index, and MASTER is the name of its bridge."""
    lower = names.get(device.lower, "")
    return Tunnel(
        device.id,
        device.local,
        device.port,
        lower,
        device.learning,
        master,
        device.ttl,
        device.suppress,
        device.isolated,
    )


def information(wanted: Tunnel, lower: int) -> Tuple[str, Any]:
    """Return the attribute that makes a new link the tunnel WANTED through the interface with index LOWER, if not 0."""
    family = "LOCAL6" if ipaddress.ip_address(wanted.local).version == 6 else "LOCAL"
    data: List[Tuple[str, Any]] = [
        ("IFLA_VXLAN_ID", wanted.id),
        (f"IFLA_VXLAN_{family}", wanted.local),
        ("IFLA_VXLAN_TTL", wanted.ttl),
        ("IFLA_VXLAN_LEARNING", int(bool(wanted.learning))),
        ("IFLA_VXLAN_PORT", wanted.port),
    ]
    if lower:
        data.append(("IFLA_VXLAN_LINK", lower))
    return ("IFLA_LINKINFO", [("IFLA_INFO_KIND", KIND), ("IFLA_INFO_DATA", data)])


def port_modes(wanted: Tunnel) -> Tuple[str, Any]:
    """Return the attribute that sets the modes of the bridge port that WANTED is."""
    modes = [
        ("IFLA_BRPORT_LEARNING", int(bool(wanted.learning))),
        ("IFLA_BRPORT_NEIGH_SUPPRESS", int(wanted.suppress)),
        ("IFLA_BRPORT_ISOLATED", int(wanted.isolated)),
    ]
    return ("IFLA_LINKINFO", [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", modes)])
