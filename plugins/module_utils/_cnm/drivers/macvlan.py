# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driver ``macvlan``: each endpoint is a link of its own on an interface of the host, the parent, and so on its LAN.

Packets do not pass the host: it does not forward, translate or filter them, and cannot reach the endpoints itself.
Without a parent the links are on a veth end that leads nowhere (Docker takes a dummy, for which many kernels have no
module): the other end is a port of a bridge that is down, and such a port drops all frames (net/bridge/br_input.c).
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ..model.endpoint import Endpoint
from ..model.ids import check_device
from ..model.network import Network
from ..resources.kinds import Sysctl
from ..resources.link import BRIDGE, HostEnd, Link, Lower
from ..resources.resource import HOST, Resource
from . import ENABLE_IPV6, MINIMUM_IPV6_MTU, MTU, Answers, Borrowed, Driver, Host, Settings, address_resources, flag
from .bridge_options import INTERFACE_PREFIX, Keys, normalized, option_problems, read_mtu, read_prefix

PARENT = "parent"
MODE = "macvlan_mode"
"""Docker's options."""

MODES = ("bridge", "private", "vepa", "passthru")
_PASSTHRU = "passthru"
_KIND = "macvlan"
_LIMIT = 1 << 16
"""Far above what a parent can have; the kernel has no limit of its own."""
_VLAN = re.compile(r"(.+)\.([0-9]{1,4})")


class MacvlanOptions(NamedTuple):
    """The options of a macvlan network, with defaults for those that are not given."""

    parent: Optional[str] = None
    mode: str = MODES[0]
    mtu: Optional[int] = None
    enable_ipv6: Optional[bool] = None
    interface_prefix: str = "eth"


def _mode(text: str) -> str:
    if text not in MODES:
        raise ValueError(f"'{text}' is not one of {', '.join(MODES)}.")
    return text


KEYS: Keys = {
    PARENT: ("parent", check_device),
    MODE: ("mode", _mode),
    MTU: ("mtu", read_mtu),
    ENABLE_IPV6: ("enable_ipv6", flag),
    INTERFACE_PREFIX: ("interface_prefix", read_prefix),
}


def parse(options: Mapping[str, str]) -> MacvlanOptions:
    """Return the values of OPTIONS, which are valid."""
    return MacvlanOptions(**{KEYS[key][0]: KEYS[key][1](text) for key, text in options.items() if key in KEYS})


class Macvlan(Driver):
    """A network whose endpoints are on the LAN of an interface of the host, or on one of their own."""

    host_is_gateway = False

    def option_problems(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return what is wrong with OPTIONS, by key, each in a sentence."""
        return option_problems(options, _KIND, KEYS)

    def normalized(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return OPTIONS, which are valid, with each value in its normal form."""
        return normalized(options, KEYS)

    def settings(self, options: Mapping[str, str]) -> Settings:
        """Return what OPTIONS, which are valid, say that concerns more than the driver."""
        chosen = parse(options)
        return Settings(
            mtu=chosen.mtu,
            ipv6=chosen.enable_ipv6,
            internal=chosen.parent is None,
            interface_prefix=chosen.interface_prefix,
        )

    def problems(self, network: Network) -> List[str]:
        """Return why NETWORK, whose options are valid, is impossible, each reason in a sentence."""
        options = parse(network.options)
        sentences = []
        if network.internal and options.parent is not None:
            sentences.append(
                f"internal: true contradicts driver option '{PARENT}': the endpoints are on the network of "
                f"'{options.parent}'. Leave out one of the two."
            )
        if not network.internal and options.parent is None:
            sentences.append(
                f"internal: false needs driver option '{PARENT}', the interface of the host by which packets leave. "
                "Without it the network is internal."
            )
        if network.ipv6 and network.mtu < MINIMUM_IPV6_MTU:
            sentences.append(
                f"IPv6 needs an MTU of at least {MINIMUM_IPV6_MTU} bytes (RFC 8200), not {network.mtu}. "
                f"Set driver option '{MTU}'."
            )
        return sentences

    def host_problems(self, network: Network, host: Host) -> List[str]:
        """Return why HOST cannot have NETWORK, each reason in a sentence."""
        options = parse(network.options)
        if options.parent is None:
            return []
        about, name = f"driver option '{PARENT}':", options.parent
        parent = host.parent(name)
        if parent is None:
            vlan = _VLAN.fullmatch(name)
            if vlan is None:
                return [f"{about} this host has no interface '{name}'."]
            return [
                f"{about} this host has no interface '{name}', and creating VLAN interfaces is not supported yet. "
                f"Create it first: ip link add link {vlan[1]} name {name} type vlan id {vlan[2]}"
            ]
        if parent.ours:
            return [f"{about} '{name}' belongs to a network or a sandbox of this host. Name another interface."]
        if parent.loopback or not parent.ethernet:
            return [f"{about} '{name}' is not an Ethernet interface, as a macvlan needs."]
        if parent.type == _KIND:
            return [f"{about} '{name}' is a macvlan itself. Name the interface that it is on."]
        if parent.busy:
            return [f"{about} '{name}' is a port of '{parent.busy}'. Name '{parent.busy}' instead."]
        if options.mtu is not None and options.mtu > parent.mtu:
            return [f"option '{MTU}': {options.mtu} bytes are more than the MTU of '{name}', {parent.mtu}."]
        return []

    def room(self, network: Network) -> Tuple[int, str]:
        """Return how many endpoints of NETWORK can be in sandboxes at once, and the message if there are more."""
        if parse(network.options).mode == _PASSTHRU:
            return 1, (
                f"network '{network.name}' has mode {_PASSTHRU}, which gives the parent to one sandbox alone, and it "
                "has one."
            )
        return _LIMIT, f"network '{network.name}' has {_LIMIT} endpoints in sandboxes."

    def clash(self, network: Network, other: Network) -> str:
        """Return a sentence that says that OTHER already uses NETWORK's parent; Docker refuses this, too."""
        return f"driver option '{PARENT}': network '{other.name}' is already using parent '{self.device(network)}'."

    def device(self, network: Network) -> Optional[str]:
        """Return the name of NETWORK's parent."""
        return parse(network.options).parent or f"dm-{network.id[:12]}"

    def borrowed(self, network: Network) -> Optional[Borrowed]:
        """Return NETWORK's parent, if it has one that we do not create."""
        parent = parse(network.options).parent
        description = f"the interface '{parent}', the parent of network '{network.name}',"
        return None if parent is None else Borrowed(parent, description)

    def immutable(self, network: Network) -> Tuple[Any, ...]:
        """Return the parent, and whether one endpoint has it alone: the kernel changes the other modes in place."""
        return (self.device(network), parse(network.options).mode == _PASSTHRU)

    def network(self, network: Network) -> List[Resource]:
        """Return what NETWORK consists of: nothing of ours, or a parent that leads nowhere."""
        if parse(network.options).parent is not None:
            return []
        sink, end = f"db-{network.id[:12]}", f"dp-{network.id[:12]}"
        return [
            Link(HOST, sink, BRIDGE, up=False),
            Link(HOST, self.device(network) or "", "veth", mtu=network.mtu, peer=HostEnd(end, sink, network.mtu)),
        ]

    def endpoint(self, network: Network, endpoint: Endpoint, namespace: str, answers: Answers) -> List[Resource]:
        """Return what ENDPOINT, joined to the sandbox with that NAMESPACE, consists of."""
        options, interface = parse(network.options), endpoint.interface or ""
        lower = Lower(self.device(network) or "", options.mode)
        resources: List[Resource] = [
            # Without an MTU of its own it has its parent's, also when that gets a smaller one.
            Link(namespace, interface, _KIND, address=endpoint.mac, mtu=options.mtu, lower=lower),
            # The kernel tells the LAN when the MAC address changes.
            Sysctl(namespace, f"net/ipv4/conf/{interface}/arp_notify", "1", interface),
        ]
        if network.mtu >= MINIMUM_IPV6_MTU:
            # Its addresses and routes are those of the network, not those that a router on the LAN advertises.
            resources.append(Sysctl(namespace, f"net/ipv6/conf/{interface}/accept_ra", "0", interface))
            resources.append(Sysctl(namespace, f"net/ipv6/conf/{interface}/ndisc_notify", "1", interface))
        return resources + address_resources(network, endpoint, namespace)

    def unpublishable(self, network: Network) -> str:
        """Return why no port can be published on NETWORK."""
        return super().unpublishable(network) or (
            f"network '{network.name}' is a {_KIND} network, whose packets do not pass the host. Its sandboxes are "
            "reached at their own addresses, at all ports; leave published ports out."
        )

    def shown(self, network: Network) -> Dict[str, Any]:
        """Return what inspect shows under ``Host`` in addition to what it shows for all networks."""
        return {"MacvlanMode": parse(network.options).mode}
