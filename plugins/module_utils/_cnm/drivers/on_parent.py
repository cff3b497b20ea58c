# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What drivers have in common whose endpoints are links on an interface of the host, the parent, and so on its LAN.

Packets do not pass the host: it does not forward, translate or filter them, and cannot reach the endpoints itself.
A parent such as ``eth0.10`` is a VLAN, which is made if it is missing. Without a parent the links are on a veth end
that leads nowhere (Docker takes a dummy, for which many kernels have no module): the other end is a port of a bridge
that is down, and such a port drops all frames (net/bridge/br_input.c).
"""

from __future__ import annotations

import re
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional

from ..model.endpoint import Endpoint
from ..model.network import Network
from ..resources.kinds import Parent, Sysctl
from ..resources.link import BRIDGE, VLAN_GROUP, HostEnd, Link, Lower
from ..resources.resource import HOST, Resource
from . import MINIMUM_IPV6_MTU, MTU, Answers, Borrowed, Driver, Host, Settings, address_resources, mtu_problems
from .bridge_options import Keys, normalized, option_problems

PARENT = "parent"
"""Docker's option."""

LIMIT = 1 << 16
"""Far above what a parent can have; the kernel has no limit of its own."""

_NAME = re.compile(r"(.+)\.(0|[1-9][0-9]*)")
_ARTICLES = {"macvlan": "a", "ipvlan": "an"}
"""The types of links that are on a parent, each with its article."""
_TAGS = range(1, 4095)
"""Of VLANs (IEEE 802.1Q)."""


class Options(NamedTuple):
    """What the options of any such network say, with defaults for those that are not given."""

    parent: Optional[str] = None
    mtu: Optional[int] = None
    """In bytes."""
    enable_ipv6: Optional[bool] = None
    interface_prefix: str = "eth"


class Vlan(NamedTuple):
    """What the name of a VLAN says, such as ``eth0.10``."""

    device: str
    """The interface of the host that it is on."""
    tag: int


def vlan(parent: Optional[str]) -> Optional[Vlan]:
    """Return what the name PARENT says if it is in the form of a VLAN's; None otherwise."""
    match = _NAME.fullmatch(parent or "")
    return Vlan(match[1], int(match[2])) if match else None


class OnParent(Driver):
    """A network whose endpoints are on the LAN of an interface of the host, or on one of their own."""

    passes_host = False
    kind: str
    """The type of the links, as in IFLA_INFO_KIND, and the driver's name."""
    keys: Keys
    dummy: str
    """The beginning of the name of the device that a network without a parent has in its place, as in Docker."""

    def chosen(self, options: Mapping[str, str]) -> Options:
        """Return what OPTIONS, which are valid, say of what such drivers have in common."""
        values = {self.keys[key][0]: self.keys[key][1](text) for key, text in options.items() if key in self.keys}
        return Options(**{name: value for name, value in values.items() if name in Options._fields})

    def lower(self, network: Network) -> Lower:
        """Return what the links of NETWORK are on, and how."""
        raise NotImplementedError

    def option_problems(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return what is wrong with OPTIONS, by key, each in a sentence."""
        return option_problems(options, self.kind, self.keys)

    def normalized(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return OPTIONS, which are valid, with each value in its normal form."""
        return normalized(options, self.keys)

    def settings(self, options: Mapping[str, str]) -> Settings:
        """Return what OPTIONS, which are valid, say that concerns more than the driver."""
        chosen = self.chosen(options)
        return Settings(
            device=chosen.parent if vlan(chosen.parent) else None,
            mtu=chosen.mtu,
            ipv6=chosen.enable_ipv6,
            internal=chosen.parent is None,
            interface_prefix=chosen.interface_prefix,
        )

    def problems(self, network: Network) -> List[str]:
        """Return why NETWORK, whose options are valid, is impossible, each reason in a sentence."""
        parent = self.chosen(network.options).parent
        sentences = []
        if network.internal and parent is not None:
            sentences.append(
                f"internal: true contradicts driver option '{PARENT}': the endpoints are on the network of "
                f"'{parent}'. Leave out one of the two."
            )
        if not network.internal and parent is None:
            sentences.append(
                f"internal: false needs driver option '{PARENT}', the interface of the host by which packets leave. "
                "Without it the network is internal."
            )
        return sentences + mtu_problems(network)

    def host_problems(self, network: Network, host: Host) -> List[str]:
        """Return why HOST cannot have NETWORK, each reason in a sentence."""
        options = self.chosen(network.options)
        if options.parent is None:
            return []
        needed = f"{_ARTICLES[self.kind]} {self.kind} needs"
        made = self._vlan(network)
        return interface_problems(PARENT, options.parent, made, options.mtu, host, needed, self._parent_problems)

    def _parent_problems(self, name: str, parent: Parent) -> List[str]:
        if parent.type in _ARTICLES:
            return [f"'{name}' is {_ARTICLES[parent.type]} {parent.type} itself. Name the interface that it is on."]
        if parent.busy:
            return [f"'{name}' is a port of '{parent.busy}'. Name '{parent.busy}' instead."]
        return []

    def clash(self, network: Network, other: Network) -> str:
        """Return a sentence that says that OTHER already uses NETWORK's parent."""
        return f"driver option '{PARENT}': network '{other.name}' is already using parent '{self.device(network)}'."

    def device(self, network: Network) -> Optional[str]:
        """Return the name of NETWORK's parent."""
        return self.chosen(network.options).parent or f"{self.dummy}{network.id[:12]}"

    def _vlan(self, network: Network) -> Optional[Vlan]:
        """Return the VLAN that NETWORK needs and that is ours; None if there is none."""
        return None if network.adopted else vlan(self.chosen(network.options).parent)

    def borrowed(self, network: Network) -> Optional[Borrowed]:
        """Return NETWORK's parent, or what its VLAN is on, if it has one that we do not create."""
        parent, made = self.chosen(network.options).parent, self._vlan(network)
        if made is not None:
            description = f"the interface '{made.device}', which has the VLAN of network '{network.name}',"
            return Borrowed(made.device, description, up=True)
        description = f"the interface '{parent}', the parent of network '{network.name}',"
        return None if parent is None else Borrowed(parent, description)

    def shared(self, network: Network) -> Optional[str]:
        """Return NETWORK's VLAN, if it is ours."""
        return self.chosen(network.options).parent if self._vlan(network) is not None else None

    def network(self, network: Network) -> List[Resource]:
        """Return what NETWORK consists of: nothing of ours, a VLAN, or a parent that leads nowhere."""
        device, made = self.device(network) or "", self._vlan(network)
        if made is not None:
            return vlan_resources(device, made, network.mtu)
        if self.chosen(network.options).parent is not None:
            return []
        sink, end = f"db-{network.id[:12]}", f"dp-{network.id[:12]}"
        return [
            Link(HOST, sink, BRIDGE, up=False),
            Link(HOST, device, "veth", mtu=network.mtu, peer=HostEnd(end, sink, network.mtu)),
        ]

    def endpoint(self, network: Network, endpoint: Endpoint, namespace: str, answers: Answers) -> List[Resource]:
        """Return what ENDPOINT, joined to the sandbox with that NAMESPACE, consists of."""
        interface = endpoint.interface or ""
        # Without an MTU of its own it has its parent's, also when that gets a smaller one.
        mtu = self.chosen(network.options).mtu
        resources: List[Resource] = [
            Link(namespace, interface, self.kind, address=endpoint.mac or None, mtu=mtu, lower=self.lower(network)),
        ]
        return (
            resources + settings_on_lan(network, namespace, interface) + address_resources(network, endpoint, namespace)
        )

    def not_handed_over(self, network: Network) -> str:
        """Return why no engine can move and rename the interfaces of NETWORK itself: nothing of them is on the host."""
        return f"its driver '{self.kind}' makes no bridge. Docker has such a driver itself."

    def unpublishable(self, network: Network) -> str:
        """Return why no port can be published on NETWORK."""
        what = f"{_ARTICLES[self.kind]} {self.kind} network"
        return super().unpublishable(network) or (
            f"network '{network.name}' is {what}, whose packets do not pass the host. Its sandboxes are "
            "reached at their own addresses, at all ports; leave published ports out."
        )


def settings_on_lan(network: Network, namespace: str, interface: str) -> List[Resource]:
    """Return the kernel settings of INTERFACE in NAMESPACE, which is on NETWORK, a LAN with machines of others."""
    # The kernel tells the LAN when the MAC address changes.
    settings: List[Resource] = [Sysctl(namespace, f"net/ipv4/conf/{interface}/arp_notify", "1", interface)]
    if network.mtu >= MINIMUM_IPV6_MTU:
        # Its addresses and routes are those of the network, not those that a router on the LAN advertises.
        settings.append(Sysctl(namespace, f"net/ipv6/conf/{interface}/accept_ra", "0", interface))
        settings.append(Sysctl(namespace, f"net/ipv6/conf/{interface}/ndisc_notify", "1", interface))
    return settings


def vlan_resources(name: str, made: Vlan, mtu: int) -> List[Resource]:
    """Return what the host has of the VLAN called NAME on a network with that MTU."""
    resources: List[Resource] = [Link(HOST, name, "vlan", group=VLAN_GROUP, lower=Lower(made.device, tag=made.tag))]
    if mtu >= MINIMUM_IPV6_MTU:
        # The VLAN is for the sandboxes: the host itself accepts no routes or addresses from a router there.
        resources.append(Sysctl(HOST, f"net/ipv6/conf/{name}/disable_ipv6", "1", name))
    return resources


def interface_problems(
    option: str,
    name: str,
    made: Optional[Vlan],
    mtu: Optional[int],
    host: Host,
    needed: str,
    others: Callable[[str, Parent], List[str]],
) -> List[str]:
    """Return why HOST cannot have NAME, the value of driver OPTION, as an interface to a LAN, each in a sentence.

    :param made: the VLAN that it is, if we create it
    :param mtu: that of the network in bytes, if its options choose one
    :param needed: what needs an Ethernet interface, with the verb
    :param others: returns what else is wrong with an interface that exists
    """
    lower, where = host.parent(name), name
    if made is not None and (lower is None or lower.ours):
        taken = "" if lower else host.vlan(*made)
        lower, where = host.parent(made.device), made.device
        sentences = _vlan_problems(name, made, lower, taken)
    elif lower is None:
        sentences = [f"this host has no interface '{name}'."]
    elif lower.ours:
        sentences = [f"'{name}' belongs to a network or a sandbox of this host. Name another interface."]
    elif lower.loopback or not lower.ethernet:
        sentences = [f"'{name}' is not an Ethernet interface, as {needed}."]
    else:
        sentences = others(name, lower)
    sentences = [f"driver option '{option}': {sentence}" for sentence in sentences]
    if lower is not None and mtu is not None and mtu > lower.mtu:
        sentences.append(f"option '{MTU}': {mtu} bytes are more than the MTU of '{where}', {lower.mtu}.")
    return sentences


def _vlan_problems(name: str, made: Vlan, below: Optional[Parent], taken: str) -> List[str]:
    """Return why the host cannot have the VLAN called NAME, each reason in a sentence.

    :param below: the interface that it is to be on
    :param taken: another interface that already is this VLAN
    """
    sentences: List[str] = []
    if made.tag not in _TAGS:
        sentences.append(f"'{name}' is not a VLAN: its number is from {_TAGS[0]} to {_TAGS[-1]} (IEEE 802.1Q).")
    if below is None:
        sentences.append(f"this host has no interface '{made.device}' that could have the VLAN '{name}'.")
    elif below.ours:
        sentences.append(f"'{made.device}' belongs to a network or a sandbox of this host, and cannot have a VLAN.")
    elif below.loopback or not below.ethernet:
        sentences.append(f"'{made.device}' is not an Ethernet interface, as a VLAN needs.")
    elif not below.up:
        sentences.append(f"'{made.device}' is down, so a VLAN on it would be, too: ip link set {made.device} up")
    if taken:
        sentences.append(f"'{taken}' already is VLAN {made.tag} of '{made.device}'. Name it as the parent.")
    return sentences
