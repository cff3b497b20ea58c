# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices of Open vSwitch's internal ports, which it creates on the host, and which are moved into sandboxes."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from ...resources.link import INTERNAL, INTERNAL_PREFIX, Link
from .interface import Interface

_KINDS = (INTERNAL, "tun")
"""As in IFLA_INFO_KIND, in the kernel's datapath and in that of ovs-vswitchd."""


def is_one(interface: Interface) -> bool:
    """Say whether INTERFACE, which is in a namespace that we have made, is such a device."""
    return interface.type in _KINDS and interface.name.startswith(INTERNAL_PREFIX)


def works(interface: Interface) -> bool:
    """Say whether INTERFACE is such a device and connected. After a restart, ovs-vswitchd has made another one."""
    return interface.type in _KINDS and interface.carrier


def moving(link: Link, descriptors: Dict[str, int]) -> bytes:
    """Return the request that moves the device of LINK from the host into its namespace, and sets it up there.

    :param descriptors: by path, open descriptors of namespaces
    """
    from .link_requests import setting

    changed: List[Tuple[str, Any]] = [("IFLA_NET_NS_FD", descriptors[link.namespace]), ("IFLA_GROUP", link.group)]
    if link.address is not None:
        changed.append(("IFLA_ADDRESS", link.address))
    if link.mtu is not None:
        changed.append(("IFLA_MTU", link.mtu))
    return setting(link.name, changed, up=link.up is not False)
