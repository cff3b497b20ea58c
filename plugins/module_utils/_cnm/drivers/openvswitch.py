# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driver ``openvswitch``: a bridge of Open vSwitch, and for each endpoint a port, whose device is in the sandbox.

The host switches the packets of such a network, and does not route, translate or filter them. Its gateway is a router
that is on the bridge, too, such as that of the LAN behind an uplink. Networks may have a bridge in common if they have
different VLANs. Flows, controllers and all other settings of the bridge are left alone.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ..model.endpoint import Endpoint
from ..model.ids import check_device
from ..model.network import Network
from ..resources.link import INTERNAL, INTERNAL_PREFIX, HostEnd, Link
from ..resources.openvswitch import NETDEV, SYSTEM, Bridge, Port, VethPort
from ..resources.resource import HOST, Resource
from . import (
    ENABLE_IPV6,
    MTU,
    Answers,
    Borrowed,
    Driver,
    Host,
    Settings,
    address_resources,
    driver,
    flag,
    is_number,
    mtu_problems,
)
from .bridge_options import INTERFACE_PREFIX, NAME, UPLINK, Keys, normalized, option_problems, read_mtu, read_prefix
from .on_parent import interface_problems, settings_on_lan
from .uplink import port_problems

KIND = "openvswitch"
VLAN = "cnm.openvswitch.vlan"
DATAPATH = "cnm.openvswitch.datapath"

PORTS = 65279
"""How many ports a bridge has: OpenFlow 1.0 numbers them from 1 to 0xfeff (OFPP_MAX is 0xff00)."""

_TAGS = range(1, 4095)
"""Of VLANs (IEEE 802.1Q)."""
_UNTAGGED = 0


def _datapath(text: str) -> str:
    if text not in (SYSTEM, NETDEV):
        raise ValueError(f"'{text}' is neither {SYSTEM} nor {NETDEV}.")
    return text


def _tag(text: str) -> int:
    if not is_number(text) or int(text) not in _TAGS:
        raise ValueError(f"'{text}' is not a VLAN: its number is from {_TAGS[0]} to {_TAGS[-1]} (IEEE 802.1Q).")
    return int(text)


class Options(NamedTuple):
    """The options of such a network, with defaults for those that are not given."""

    name: Optional[str] = None
    uplink: Optional[str] = None
    vlan: int = _UNTAGGED
    datapath: str = SYSTEM
    mtu: Optional[int] = None
    """In bytes."""
    enable_ipv6: Optional[bool] = None
    interface_prefix: str = "eth"


KEYS: Keys = {
    NAME: ("name", check_device),
    UPLINK: ("uplink", check_device),
    VLAN: ("vlan", _tag),
    DATAPATH: ("datapath", _datapath),
    MTU: ("mtu", read_mtu),
    ENABLE_IPV6: ("enable_ipv6", flag),
    INTERFACE_PREFIX: ("interface_prefix", read_prefix),
}


def parse(options: Mapping[str, str]) -> Options:
    """Return the values of OPTIONS, which are valid."""
    return Options(**{KEYS[key][0]: KEYS[key][1](text) for key, text in options.items() if key in KEYS})


class Openvswitch(Driver):
    """A network that is a bridge of Open vSwitch, or a VLAN of one."""

    passes_host = False

    # Options

    def option_problems(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return what is wrong with OPTIONS, by key, each in a sentence."""
        return option_problems(options, KIND, KEYS)

    def normalized(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return OPTIONS, which are valid, with each value in its normal form."""
        return normalized(options, KEYS)

    def settings(self, options: Mapping[str, str]) -> Settings:
        """Return what OPTIONS, which are valid, say that concerns more than the driver."""
        chosen = parse(options)
        return Settings(
            device=chosen.name, mtu=chosen.mtu, ipv6=chosen.enable_ipv6, interface_prefix=chosen.interface_prefix
        )

    # Checks

    def problems(self, network: Network) -> List[str]:
        """Return why NETWORK, whose options are valid, is impossible, each reason in a sentence."""
        options = parse(network.options)
        sentences = []
        if network.internal and options.uplink is not None:
            sentences.append(f"internal: true contradicts driver option '{UPLINK}'. Leave out one of the two.")
        return sentences + mtu_problems(network)

    def host_problems(self, network: Network, host: Host) -> List[str]:
        """Return why HOST cannot have NETWORK, each reason in a sentence."""
        options, device, switch = parse(network.options), self.device(network), host.vswitch()
        if switch.problem:
            return [switch.problem]
        sentences = []
        if network.adopted and device in switch.bridges:
            sentences += _not_adoptable(options, switch.bridges[device])
        elif device not in switch.bridges and host.parent(device) is not None:
            sentences.append(
                f"option '{NAME}': the interface '{device}' exists, and is not a bridge of Open vSwitch. Choose "
                "another name."
            )
        elif device not in switch.bridges and options.datapath == SYSTEM and not host.has_system_datapath():
            sentences.append(
                f"option '{DATAPATH}': this kernel has no datapath for Open vSwitch. Load its module, with modprobe "
                f"openvswitch; or set the option to {NETDEV}, which needs none and is slower."
            )
        if options.uplink is not None:
            port = switch.ports.get(options.uplink)
            others: Callable[..., List[str]] = partial(port_problems, host, NAME)
            if port is not None and port.bridge == device and not port.foreign:
                others = _no_problems
            elif port is not None:
                sentences.append(
                    f"driver option '{UPLINK}': '{options.uplink}' is a port of Open vSwitch bridge '{port.bridge}'. "
                    f"Give that as '{NAME}' instead."
                )
                others = _no_problems
            needed = "the port of a bridge is"
            sentences += interface_problems(UPLINK, options.uplink, None, options.mtu, host, needed, others)
        return sentences

    def no_dhcp(self, network: Network) -> str:
        """Return why no DHCP server can give the endpoints of NETWORK their addresses."""
        return f"driver '{KIND}' does not have it. Use macvlan with a parent, or bridge with '{UPLINK}'."

    def room(self, network: Network) -> Tuple[int, str]:
        """Return how many endpoints of NETWORK can be in sandboxes at once, and the message if there are more."""
        return PORTS, f"network '{network.name}' has {PORTS} endpoints in sandboxes, as many as OpenFlow has ports."

    def has_foreign(self, device: str, host: Host) -> bool:
        """Say whether HOST has the bridge DEVICE of a new network, made by somebody else, so that it is adopted."""
        bridge = host.vswitch().bridges.get(device)
        return bridge is not None and bridge.foreign

    def interface(self, network: Network, endpoint: Endpoint) -> Optional[str]:
        """Return the name that the interface of ENDPOINT on NETWORK gets if nobody chooses one: that of its port.

        With a prefix of their own, interfaces are the ends of veth pairs.
        """
        return None if INTERFACE_PREFIX in network.options else _port(endpoint)

    def interface_problem(self, network: Network, endpoint: Endpoint) -> str:
        """Return why the interface of ENDPOINT on NETWORK cannot have its name, in a sentence; empty if it can."""
        if parse(network.options).datapath == SYSTEM or endpoint.interface == _port(endpoint):
            return ""
        # A veth leaves checksums to the receiver, and this datapath does not fill them in.
        return (
            f"with datapath {NETDEV} of network '{network.name}', the interface has the name of its port, "
            f"'{_port(endpoint)}', and cannot be '{endpoint.interface}'. Leave it out."
        )

    def not_handed_over(self, network: Network) -> str:
        """Return why no engine can move and rename the interfaces of NETWORK itself; empty if it can."""
        if parse(network.options).datapath == SYSTEM:
            return ""
        return (
            f"with datapath {NETDEV}, an interface must have the name of its port, and Docker renames it. Use datapath "
            f"{SYSTEM}, or driver bridge with '{UPLINK}'."
        )

    def clash(self, network: Network, other: Network) -> str:
        """Return a sentence that says that OTHER already has NETWORK's bridge or its uplink; empty if both can."""
        if other.driver != network.driver or self.device(other) != self.device(network):
            if self.device(network) not in driver(other.driver).devices(other):
                return f"driver option '{UPLINK}': network '{other.name}' already uses '{network.options[UPLINK]}'."
            return f"the bridge '{self.device(network)}' belongs to network '{other.name}'."
        mine, theirs = parse(network.options), parse(other.options)
        if mine.vlan == theirs.vlan:
            what = f"VLAN {mine.vlan}" if mine.vlan else "the frames without a VLAN"
            return f"network '{other.name}' already has {what} of bridge '{self.device(network)}'. Set '{VLAN}'."
        if (mine.uplink, mine.datapath) != (theirs.uplink, theirs.datapath):
            return (
                f"network '{other.name}' has the bridge '{self.device(network)}', too, so both need the same "
                f"'{UPLINK}' and '{DATAPATH}'."
            )
        return ""

    # What the host has of a network

    def device(self, network: Network) -> str:
        """Return the name of NETWORK's bridge."""
        return parse(network.options).name or f"br-{network.id[:12]}"

    def devices(self, network: Network) -> Tuple[str, ...]:
        """Return the names of NETWORK's bridge and of its uplink."""
        return tuple(filter(None, (self.device(network), parse(network.options).uplink)))

    def borrowed(self, network: Network) -> Optional[Borrowed]:
        """Return the bridge that NETWORK has adopted, or its uplink; None if it has neither."""
        uplink = parse(network.options).uplink
        if uplink is not None:
            return Borrowed(uplink, f"the interface '{uplink}', the uplink of network '{network.name}',", up=True)
        if not network.adopted:
            return None
        device = self.device(network)
        return Borrowed(device, f"the bridge '{device}', which network '{network.name}' adopted,", carries=False)

    def shared(self, network: Network) -> Optional[str]:
        """Return NETWORK's bridge, if it is ours and other networks can have it, too."""
        return None if network.adopted else parse(network.options).name

    def immutable(self, network: Network) -> Tuple[Any, ...]:
        """Return what cannot change while endpoints of NETWORK are in use: they would be interrupted."""
        return (*self.devices(network), parse(network.options).datapath)

    def network(self, network: Network) -> List[Resource]:
        """Return what NETWORK consists of."""
        options, device = parse(network.options), self.device(network)
        datapath = None if network.adopted else options.datapath
        resources: List[Resource] = [Bridge(device, datapath, adopted=network.adopted)]
        if options.uplink is not None:
            resources.append(Port(HOST, options.uplink, device, type=""))
        return resources

    def endpoint(self, network: Network, endpoint: Endpoint, namespace: str, answers: Answers) -> List[Resource]:
        """Return what ENDPOINT, joined to the sandbox with that NAMESPACE, consists of."""
        interface, bridge, tag = endpoint.interface or "", self.device(network), parse(network.options).vlan
        mac, mtu = endpoint.mac, network.mtu
        # An internal port that is renamed stops working.
        resources: List[Resource] = (
            [Port(namespace, interface, bridge, tag), Link(namespace, interface, INTERNAL, address=mac, mtu=mtu)]
            if interface == _port(endpoint)
            else [
                Link(namespace, interface, "veth", address=mac, mtu=mtu, peer=HostEnd(endpoint.device, "", mtu)),
                VethPort(HOST, endpoint.device, bridge, tag, type=""),
            ]
        )
        return (
            resources + settings_on_lan(network, namespace, interface) + address_resources(network, endpoint, namespace)
        )

    def unpublishable(self, network: Network) -> str:
        """Return why no port can be published on NETWORK."""
        return super().unpublishable(network) or (
            f"network '{network.name}' is a bridge of Open vSwitch, and the host does not route to it. Its sandboxes "
            "are reached at their own addresses, at all ports; leave published ports out."
        )

    # Inspect

    def shown(self, network: Network) -> Dict[str, Any]:
        """Return what inspect shows under ``Host`` in addition to what it shows for all networks."""
        options = parse(network.options)
        shown = {"Uplink": options.uplink, "Vlan": options.vlan or None}
        return {name: value for name, value in shown.items() if value is not None}


def _not_adoptable(options: Options, bridge: Bridge) -> List[str]:
    """Return why a network with these OPTIONS cannot have BRIDGE, made by somebody else, each reason in a sentence."""
    sentences = []
    if bridge.datapath != options.datapath:
        sentences.append(
            f"option '{DATAPATH}': the bridge '{bridge.name}' exists, with datapath {bridge.datapath}. Set this."
        )
    if options.uplink is not None:
        sentences.append(
            f"driver option '{UPLINK}': the bridge '{bridge.name}' exists, and its ports are not ours to choose: "
            f"ovs-vsctl add-port {bridge.name} {options.uplink}, and leave '{UPLINK}' out."
        )
    return sentences


def _port(endpoint: Endpoint) -> str:
    """Return the name of ENDPOINT's internal port."""
    return f"{INTERNAL_PREFIX}{endpoint.id[:12]}"


def _no_problems(*_port: object) -> List[str]:
    return []
