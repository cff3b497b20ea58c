# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driver ``overlay``: on each host a Linux bridge, and a VXLAN device that joins it to those of the other hosts.

The gateway has the same IP and MAC address on all hosts, so packets of a sandbox leave through its own host.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping

from ..model.endpoint import Endpoint
from ..model.network import Network
from ..model.overlay_peer import Peer, Remote
from ..resources.fdb import ANYBODY, FdbEntry, Neighbour
from ..resources.kinds import Sysctl
from ..resources.link import Link, Tunnel
from ..resources.resource import HOST, Resource
from . import ETCD, EVPN, INVENTORY, MINIMUM_IPV6_MTU, Answers, Spanning
from . import Tunnel as TunnelSettings
from .bridge import PORTS, Bridge
from .overlay_options import CONTROL, LEARNING, LOCAL, PORT, VNI, VTEP, normalized, option_problems, parse, vni

OVERHEAD = {4: 50, 6: 70}
"""Bytes of a packet between hosts that sandboxes cannot use (RFC 7348 section 5), by the family of the hosts'
addresses: Ethernet 14, IP 20 or 40, UDP 8, VXLAN 8."""


class Vxlan(Spanning):
    """How the hosts of an overlay reach each other: by VXLAN (RFC 7348)."""

    identifier_option = VNI
    address_option = VTEP
    port_option = PORT
    learning_option = LEARNING
    control_option = CONTROL
    local_options = LOCAL
    overhead = OVERHEAD

    def tunnel(self, name: str, options: Mapping[str, str]) -> TunnelSettings:
        """Return how the hosts of the network NAME, whose OPTIONS are valid, send to each other."""
        chosen = parse(options)
        return TunnelSettings(
            vni(name, options),
            chosen.vni is not None,
            chosen.port,
            False if chosen.control == EVPN else chosen.learning,
            chosen.vtep,
            chosen.control,
            chosen.encrypted,
            chosen.names or (ETCD if chosen.control == ETCD else INVENTORY),
            chosen.slices,
        )

    def device(self, network: Network) -> str:
        """Return the name of NETWORK's VXLAN device."""
        return tunnel_device(network)

    def last_wins(self, network: Network) -> bool:
        """Say whether the hosts of NETWORK send to whichever host they have last heard of an endpoint from."""
        learning = network.underlay is not None and network.underlay.learning
        return learning or parse(network.options).control == EVPN


class Overlay(Bridge):
    """A network on several hosts, behind a Linux bridge on each."""

    ports = PORTS - 1
    scope = "global"
    spanning = Vxlan()

    def option_problems(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return what is wrong with OPTIONS, by key, each in a sentence."""
        return option_problems(options)

    def normalized(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return OPTIONS, which are valid, with each value in its normal form."""
        return normalized(options)

    def problems(self, network: Network) -> List[str]:
        """Return why NETWORK, whose options are valid, is impossible, each reason in a sentence."""
        if network.underlay is None:
            return []
        room = network.underlay.mtu - OVERHEAD[network.underlay.address.version]
        sentences = []
        if network.underlay.address.version == 6 and parse(network.options).control == EVPN:
            sentences.append(
                f"driver option '{CONTROL}: {EVPN}' needs IPv4 addresses of the hosts, and this host's is "
                f"{network.underlay.address}. Distributions' FRR makes no entries that lead to IPv6 addresses."
            )
        if network.mtu > room:
            sentences.append(
                f"an MTU of {network.mtu} bytes does not fit between the hosts: packets from "
                f"{network.underlay.address} hold {network.underlay.mtu} bytes, {room} of them for the network."
            )
        if network.ipv6 and network.mtu < MINIMUM_IPV6_MTU:
            sentences.append(
                f"IPv6 needs an MTU of at least {MINIMUM_IPV6_MTU} bytes (RFC 8200), and {network.mtu} would be left "
                f"of the {network.underlay.mtu} that packets from {network.underlay.address} hold."
            )
        return sentences

    def network(self, network: Network) -> List[Resource]:
        """Return what NETWORK is made of."""
        resources = super().network(network)
        if network.underlay is None:
            return resources
        options = parse(network.options)
        bridge, tunnel = self.device(network) or "", tunnel_device(network)
        resources.append(
            Link(
                HOST,
                tunnel,
                "vxlan",
                mtu=network.mtu,
                tunnel=Tunnel(
                    vni(network.name, network.options),
                    str(network.underlay.address),
                    options.port,
                    network.underlay.device,
                    network.underlay.learning,
                    bridge,
                ),
                shared=options.control == EVPN,
            )
        )
        if network.ipv6:
            # All hosts have the gateway's addresses, even the link-local one, so these are not duplicates.
            resources.append(Sysctl(HOST, f"net/ipv6/conf/{bridge}/accept_dad", "0", bridge))
        if network.underlay.learning:
            resources += [FdbEntry(HOST, tunnel, ANYBODY, str(peer.address)) for peer in network.peers]
            return resources
        if options.control != EVPN:
            for peer, remote in network.remotes():
                resources += _way(bridge, tunnel, peer, remote)
        return resources

    def remote(self, network: Network, peer: Peer, remote: Remote) -> List[Resource]:
        """Return what NETWORK has on this host for REMOTE, an endpoint on the host PEER."""
        if network.underlay is None or network.underlay.learning or parse(network.options).control == EVPN:
            return []
        return _way(self.device(network) or "", tunnel_device(network), peer, remote)

    def endpoint(self, network: Network, endpoint: Endpoint, namespace: str, answers: Answers) -> List[Resource]:
        """Return what ENDPOINT, joined to the sandbox with that NAMESPACE, is made of."""
        announced = tunnel_device(network) if network.underlay and self.spanning.last_wins(network) else ""
        routed = parse(network.options).control == EVPN
        resources: List[Resource] = []
        for resource in super().endpoint(network, endpoint, namespace, answers):
            if isinstance(resource, Neighbour) and resource.namespace == HOST:
                resource = replace(resource, announced=announced)
            elif routed and isinstance(resource, Link) and resource.peer is not None:
                # Zebra makes routes of all entries of the bridge: of those that are learned, too, and of sticky ones
                # routes that forbid a move. If ports do not learn, nothing but zebra can change the entries.
                resource = replace(resource, peer=replace(resource.peer, learning=False, sticky=False))
            resources.append(resource)
        return resources

    def shown(self, network: Network) -> Dict[str, Any]:
        """Return what inspect shows under ``Host`` in addition to what it shows for all networks."""
        if network.underlay is None:
            return {}
        options = parse(network.options)
        return {
            "VxlanDevice": tunnel_device(network),
            "VxlanId": vni(network.name, network.options),
            "VxlanPort": options.port,
            "VtepAddress": str(network.underlay.address),
            "VtepDevice": network.underlay.device,
            "Learning": network.underlay.learning,
            "Control": options.control,
            "Encrypted": options.encrypted,
            "Names": self.spanning.tunnel(network.name, network.options).names,
        }


def _way(bridge: str, tunnel: str, peer: Peer, remote: Remote) -> List[Resource]:
    """Return what leads to REMOTE, an endpoint on the host PEER, through BRIDGE and TUNNEL."""
    return [
        FdbEntry(HOST, tunnel, remote.mac, str(peer.address)),
        FdbEntry(HOST, tunnel, remote.mac, ""),
        *(Neighbour(HOST, bridge, str(address), remote.mac) for address in remote.addresses),
    ]


def tunnel_device(network: Network) -> str:
    """Return the name of NETWORK's VXLAN device."""
    return f"vx-{network.id[:12]}"
