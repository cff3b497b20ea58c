# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that create, change and remove links, as bytes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict, Optional, Sequence, Tuple

from ...model.errors import KernelRefused
from ...resources.link import BRIDGE, INTERNAL, HostEnd, Link, Lower, Tunnel
from . import ipvlan, macvlan, new_link, uapi, veth, vlan
from .interface import UP
from .request import encode


def creation(link: Link, descriptors: Dict[str, int], indices: Dict[str, int]) -> bytes:
    """Return the request that creates LINK.

    :param descriptors: by path, open descriptors of the namespaces that inner ends and links such as macvlans go to
    :param indices: by name, those of the interfaces of the host that the link is to be connected to
    :raises KernelRefused: if one of these interfaces is missing
    """
    up = link.up is not False
    if link.tunnel:
        return _tunnel_creation(link, link.tunnel, indices)
    if link.type == INTERNAL:
        from . import internal_port

        return internal_port.moving(link, descriptors)
    if link.lower:
        if link.lower.device not in indices:
            raise KernelRefused(f"There is no interface '{link.lower.device}' that {link} could be on.")
        own = new_link.properties(link.name, link.address, link.mtu, link.group)
        own += [("IFLA_LINK", indices[link.lower.device]), ("IFLA_NET_NS_FD", descriptors[link.namespace])]
        return new_link.request([*own, on_top(link.lower)], up)
    if link.peer is None:
        # A bridge. It would not keep an MTU that it is created with: see link_creation.
        own = new_link.properties(link.name, link.address, None, link.group)
        return new_link.request([*own, ("IFLA_LINKINFO", [("IFLA_INFO_KIND", link.type)])], up)
    pair = veth.Pair(link.mtu, link.peer.mtu or link.mtu, link.group, master(link, indices), up)
    return veth.creation(pair, link.peer.name, link.name, link.address, descriptors[link.namespace])


def on_top(lower: Lower) -> Tuple[str, Any]:
    """Return the attribute that makes a link one on top of LOWER."""
    if lower.tag is not None:
        return vlan.information(lower.tag)
    return ipvlan.information(lower.mode, lower.flag) if lower.flag else macvlan.information(lower.mode)


def _tunnel_creation(link: Link, tunnel: Tunnel, indices: Dict[str, int]) -> bytes:
    from . import vxlan

    for name, what in ((tunnel.master, "bridge"), (tunnel.device, "interface")):
        if name and name not in indices:
            raise KernelRefused(f"There is no {what} '{name}' to connect {link} to.")
    lower = indices[tunnel.device] if tunnel.device else 0
    own = new_link.properties(link.name, link.address, link.mtu, link.group)
    if tunnel.master:
        own.append(("IFLA_MASTER", indices[tunnel.master]))
    return new_link.request([*own, vxlan.information(tunnel, lower)], link.up is not False)


def master(link: Link, indices: Dict[str, int]) -> int:
    """Return the index, from INDICES, of the bridge that the host's end of LINK is to be a port of; 0 for none.

    :raises KernelRefused: if the bridge is missing
    """
    if link.peer is None or not link.peer.master:
        return 0
    if link.peer.master not in indices:
        raise KernelRefused(f"There is no bridge '{link.peer.master}' to connect {link} to.")
    return indices[link.peer.master]


def setting(name: str, changed: Sequence[Tuple[str, Any]], up: Optional[bool] = None) -> bytes:
    """Return the request that gives the link NAME the attributes CHANGED, and sets it up or down unless UP is None."""
    flags, mask = (UP if up else 0), (UP if up is not None else 0)
    return encode("link", uapi.RTM_NEWLINK, uapi.NLM_F_ACK, [("IFLA_IFNAME", name), *changed], flags=flags, change=mask)


@lru_cache(maxsize=1024)
def setting_up(name: str) -> bytes:
    """Return the request that sets the link NAME up. Most sandboxes use the same few names."""
    return setting(name, [], up=True)


def vlan_filtering(wanted: bool) -> Tuple[str, Any]:
    """Return the attribute that lets a bridge forward by VLAN, or not, as WANTED."""
    information = [("IFLA_INFO_KIND", BRIDGE), ("IFLA_INFO_DATA", [("IFLA_BR_VLAN_FILTERING", int(wanted))])]
    return "IFLA_LINKINFO", information


def port_modes(end: HostEnd) -> bytes:
    """Return the request that sets the modes of the bridge port END."""
    port = [
        ("IFLA_BRPORT_ISOLATED", int(end.isolated)),
        ("IFLA_BRPORT_LEARNING", int(end.learning)),
        ("IFLA_BRPORT_MODE", int(end.hairpin)),
    ]
    information = [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", port)]
    return encode("link", uapi.RTM_NEWLINK, uapi.NLM_F_ACK, [("IFLA_IFNAME", end.name), ("IFLA_LINKINFO", information)])


def tunnel_modes(name: str, tunnel: Tunnel) -> bytes:
    """Return the request that sets the modes of the bridge port NAME, a VXLAN device, to those of TUNNEL."""
    from . import vxlan

    values = [("IFLA_IFNAME", name), vxlan.port_modes(tunnel)]
    return encode("link", uapi.RTM_NEWLINK, uapi.NLM_F_ACK, values)


def deletion(attribute: str, value: Any) -> bytes:
    """Return the request that removes the links whose ATTRIBUTE, IFLA_IFNAME or IFLA_GROUP, is VALUE."""
    return encode("link", uapi.RTM_DELLINK, uapi.NLM_F_ACK, [(attribute, value)])
