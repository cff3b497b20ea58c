# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drivers: which things on a host a network and an endpoint consist of. One driver a file; pure functions.

A driver never touches the kernel: it returns resources, and the core creates them. This file is all that the rest of
the core knows of drivers: nothing else imports what is below this folder, or compares the name of a driver.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Protocol,
    Sequence,
    Tuple,
)

from ..model.addresses import Address, Subnet, with_prefix
from ..model.endpoint import Endpoint, Port
from ..model.network import Network
from ..model.overlay_peer import Peer, Remote
from ..resources.kinds import Address as AddressResource
from ..resources.kinds import Parent, Sysctl
from ..resources.resource import Resource

if TYPE_CHECKING:
    from ..resources.openvswitch import Vswitch

Answers = Mapping[int, Address]
"""By family, the address with which a sandbox answers through its default route."""

MTU = "com.docker.network.driver.mtu"
ENABLE_IPV6 = "com.docker.network.enable_ipv6"
ALLOW_HOST_OVERLAP = "cnm.allow_host_overlap"
"""Options with the same meaning in every driver that has them."""

MINIMUM_IPV6_MTU = 1280
"""In bytes (RFC 8200 section 5)."""


class Settings(NamedTuple):
    """What the options of a network say that concerns more than its driver; None if an option is not given."""

    device: Optional[str] = None
    """The device that we make for the network on the host: its own, or the VLAN that this needs. If it exists when the
    network is created, it is adopted."""
    mtu: Optional[int] = None
    """In bytes."""
    ipv6: Optional[bool] = None
    """Whether the network has IPv6."""
    internal: Optional[bool] = None
    """Whether the network is cut off from everything outside of it."""
    interface_prefix: str = "eth"
    """The prefix of the names of interfaces in sandboxes."""
    allow_host_overlap: bool = False
    """Whether a subnet that overlaps a route of the host is accepted."""


class Borrowed(NamedTuple):
    """An interface of the host that a network needs and that others create."""

    device: str
    description: str
    """What messages call it."""
    up: bool = False
    """Whether it must be up."""
    carries: bool = True
    """Whether packets of the network pass it, which they only do while it is up."""


class Host(Protocol):
    """What a driver may ask about the host before a network is created or changed."""

    def has_foreign_link(self, name: str) -> bool:
        """Say whether the host has a link called NAME that is not ours."""

    def vswitch(self) -> Vswitch:
        """Return what Open vSwitch has."""

    def has_system_datapath(self) -> bool:
        """Say whether the kernel has the datapath of Open vSwitch."""

    def parent(self, name: str) -> Optional[Parent]:
        """Return what the interface NAME of the host is to a link on top of it; None if there is no such interface."""

    def vlan(self, device: str, tag: int) -> str:
        """Return the name of the host's interface that is the VLAN with TAG of DEVICE; empty if there is none."""

    def addresses(self, link: str) -> Sequence[str]:
        """Return the addresses of the host's interface LINK, with their prefix lengths."""

    def on_link(self) -> Sequence[Tuple[Subnet, str]]:
        """Return the subnets that the host reaches without a gateway, with their devices."""


INVENTORY, ETCD, EVPN = "inventory", "etcd", "evpn"
"""What can tell the hosts of a network about each other's endpoints: ``topology``, an agent on each host, or a routing
daemon on each host, by BGP EVPN (RFC 8365)."""


class Tunnel(NamedTuple):
    """How the hosts of a network send to each other, as its options say."""

    id: int
    """The network's identifier in the packets between hosts."""
    id_is_given: bool
    """Whether the options give it; otherwise it follows from the network's name."""
    port: int
    """The UDP port on all hosts."""
    learning: Optional[bool]
    """Whether hosts learn from the packets where a sandbox is; otherwise they are told. None if no option says so."""
    address: Optional[Address]
    """This host's end; None for the address of its default route."""
    control: str = INVENTORY
    """What tells the hosts where each other's endpoints are: ``INVENTORY``, ``ETCD`` or ``EVPN``."""
    encrypted: bool = False
    """Whether packets may go between hosts only in an encrypted tunnel."""
    names: str = INVENTORY
    """What tells the hosts the names of each other's endpoints: ``INVENTORY`` or ``ETCD``."""
    slices: bool = True
    """Whether each host chooses addresses from slices of its own; otherwise all choose from the whole subnet."""


class Spanning(Protocol):
    """What a driver provides in addition if its networks span hosts."""

    identifier_option: str
    address_option: str
    port_option: str
    learning_option: str
    control_option: str
    """The options that give what is in a Tunnel."""

    local_options: Sequence[str]
    """The options that may differ between the hosts of a network."""

    overhead: Mapping[int, int]
    """Bytes of a packet between hosts that sandboxes cannot use, by the family of the hosts' addresses."""

    def tunnel(self, name: str, options: Mapping[str, str]) -> Tunnel:
        """Return how the hosts of the network NAME, whose OPTIONS are valid, send to each other."""

    def device(self, network: Network) -> str:
        """Return the name of the device of NETWORK by which packets go to other hosts."""

    def last_wins(self, network: Network) -> bool:
        """Say whether the hosts of NETWORK send to whichever host they have last heard of an endpoint from.

        Then a host that still has an endpoint which has moved takes its traffic away.
        """


class Driver(Protocol):
    """What a kind of network consists of, and what is special about it.

    A driver subclasses this; what has a body here is right for most.
    """

    has_addresses: bool = True
    """Whether its networks have address pools, and its endpoints addresses and interfaces."""

    in_host_namespace: bool = False
    """Whether its sandboxes have the network stack of the host."""

    passes_host: bool = True
    """Whether the packets of its networks pass the host, which filters and forwards them."""

    has_bridge: bool = False
    """Whether its device is a bridge, whose name the option of driver ``bridge`` can give."""

    scope: str = "local"
    """``local`` for a network of one host, ``global`` for one that is the same on several."""

    spanning: Optional[Spanning] = None
    """For scope ``global``: how the hosts reach each other."""

    has_mac_addresses: bool = True
    """Whether each endpoint has a MAC address of its own."""

    without_gateway: str = ""
    """A sentence that says how a subnet without room for a gateway can be used; empty if it cannot."""

    def host_is_gateway(self, network: Network) -> bool:
        """Say whether the host has the addresses of NETWORK's gateways and forwards what leaves it.

        Only then can the host answer names at the gateways, publish ports, and lose a route to an overlapping subnet.
        """
        return self.passes_host

    # Options

    def option_problems(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return what is wrong with OPTIONS, by key, each in a sentence."""

    def normalized(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return OPTIONS, which are valid, with each value in its normal form."""

    def settings(self, options: Mapping[str, str]) -> Settings:
        """Return what OPTIONS, which are valid, say that concerns more than the driver."""
        return Settings()

    # Checks

    def problems(self, network: Network) -> List[str]:
        """Return why NETWORK, whose options are valid, is impossible, each reason in a sentence."""
        return []

    def host_problems(self, network: Network, host: Host) -> List[str]:
        """Return why HOST cannot have NETWORK, each reason in a sentence."""
        return []

    def no_gateway(self, network: Network, version: int) -> str:
        """Return why NETWORK has no gateway of family VERSION, in a sentence; empty if it has one."""
        return ""

    def no_dhcp(self, network: Network) -> str:
        """Return why no DHCP server can give the endpoints of NETWORK their addresses; empty if one can."""
        return (
            f"driver '{network.driver}' puts the network on no LAN with a DHCP server. Use macvlan with a parent, or "
            "bridge with cnm.bridge.uplink."
        )

    def is_direct(self, network: Network) -> bool:
        """Say whether the links of NETWORK lead everywhere, so that a default route has no gateway."""
        return False

    def room(self, network: Network) -> Tuple[int, str]:
        """Return how many endpoints of NETWORK can be in sandboxes at once, and the message if there are more."""

    def has_foreign(self, device: str, host: Host) -> bool:
        """Say whether HOST has the DEVICE of a new network, made by somebody else, so that it is adopted."""
        return host.has_foreign_link(device)

    def interface(self, network: Network, endpoint: Endpoint) -> Optional[str]:
        """Return the name that the interface of ENDPOINT on NETWORK gets if nobody chooses one.

        None for the first of the names with the prefix that is free in the sandbox.
        """
        return None

    def interface_problem(self, network: Network, endpoint: Endpoint) -> str:
        """Return why the interface of ENDPOINT on NETWORK cannot have its name, in a sentence; empty if it can."""
        return ""

    def not_handed_over(self, network: Network) -> str:
        """Return why no engine can move and rename the interfaces of NETWORK itself, as Docker does; empty if it can.

        That is the end of a sentence which begins with what cannot be done.
        """
        return ""

    def clash(self, network: Network, other: Network) -> str:
        """Return a sentence that says that OTHER already has NETWORK's device; empty if both can have it."""
        return f"'{self.device(network)}' belongs to network '{other.name}'."

    # What the host has of a network

    def device(self, network: Network) -> Optional[str]:
        """Return the name of the host's interface that stands for NETWORK; None if there is none."""

    def devices(self, network: Network) -> Tuple[str, ...]:
        """Return the names of the host's interfaces that NETWORK may have to itself."""
        return tuple(filter(None, (self.device(network),)))

    def borrowed(self, network: Network) -> Optional[Borrowed]:
        """Return the interface that NETWORK needs and that others create; None if it needs none.

        Its MTU is that of a new network. While it is gone, ``restore`` leaves the network out.
        """
        return None

    def shared(self, network: Network) -> Optional[str]:
        """Return the device of NETWORK that is also that of others with the same ``parent``; None if there is none."""
        return None

    def immutable(self, network: Network) -> Tuple[Any, ...]:
        """Return what cannot change while endpoints of NETWORK are in use: they would be interrupted."""
        return (self.device(network),)

    def network(self, network: Network) -> List[Resource]:
        """Return what NETWORK consists of."""

    def endpoint(self, network: Network, endpoint: Endpoint, namespace: str, answers: Answers) -> List[Resource]:
        """Return what ENDPOINT, joined to the sandbox with that NAMESPACE, consists of.

        :param answers: where the sandbox's other traffic leaves
        """

    # Published ports

    def unpublishable(self, network: Network) -> str:
        """Return why no port can be published on NETWORK; empty if ports can be published."""
        return f"network '{network.name}' is internal, and nothing can be published on it." if network.internal else ""

    def bindings(self, network: Network, port: Port) -> Dict[int, Optional[Address]]:
        """Return by family the host's address at which PORT is published on NETWORK, None for all addresses."""
        return {}

    def targets(
        self, network: Network, endpoint: Endpoint, port: Port
    ) -> Iterator[Tuple[Address, Optional[Address], bool]]:
        """Yield, for each address of ENDPOINT on NETWORK that PORT leads to, how packets get there.

        That is the address, the host's address at which the port is published (None for all of the family), and
        whether packets arrive through a port of the host.
        """
        yield from ()

    # Inspect

    def shown_options(self, network: Network) -> Dict[str, str]:
        """Return the options of NETWORK as inspect shows them."""
        return dict(network.options)

    def remote(self, network: Network, peer: Peer, remote: Remote) -> List[Resource]:
        """Return what NETWORK has on this host for REMOTE, an endpoint on the host PEER; network() returns it, too."""
        return []

    def shown(self, network: Network) -> Dict[str, Any]:
        """Return what inspect shows under ``Host`` in addition to what it shows for all networks."""
        return {}


def _bridge() -> Driver:
    from .bridge import Bridge

    return Bridge()


def _overlay() -> Driver:
    from .overlay import Overlay

    return Overlay()


def _macvlan() -> Driver:
    from .macvlan import Macvlan

    return Macvlan()


def _ipvlan() -> Driver:
    from .ipvlan import Ipvlan

    return Ipvlan()


def _openvswitch() -> Driver:
    from .openvswitch import Openvswitch

    return Openvswitch()


def _host() -> Driver:
    from .null import Host as OnHost

    return OnHost()


def _null() -> Driver:
    from .null import Null

    return Null()


# Ansible sends a host the files that an import statement names, so each driver has one; it runs when it is needed.
LOADERS: Dict[str, Callable[[], Driver]] = {
    "bridge": _bridge,
    "overlay": _overlay,
    "macvlan": _macvlan,
    "ipvlan": _ipvlan,
    "openvswitch": _openvswitch,
    "host": _host,
    "null": _null,
}
"""What loads each driver, by its name."""

DEFAULT = "bridge"
"""The driver of networks without the option ``driver``."""

PREDEFINED: Mapping[str, str] = {"bridge": "bridge", "host": "host", "none": "null"}
"""The drivers of the networks that always exist (Docker 1.9)."""

SPANNING: Sequence[str] = ("overlay",)
"""The drivers whose networks span hosts."""

_ONLY_PREDEFINED = ("host", "null")
_LOADED: Dict[str, Driver] = {}


def creatable() -> List[str]:
    """Return the drivers of networks that users can create; the others have one predefined network each."""
    return [name for name in LOADERS if name not in _ONLY_PREDEFINED]


def driver(name: str) -> Driver:
    """Return the driver called NAME.

    :raises ValueError: if there is none
    """
    if name not in _LOADED:
        if name not in LOADERS:
            raise ValueError(f"there is no driver '{name}'; the drivers are {', '.join(creatable())}.")
        _LOADED[name] = LOADERS[name]()
    return _LOADED[name]


def spanning(name: str) -> Spanning:
    """Return how the hosts of networks of the driver NAME, which span hosts, reach each other.

    :raises ValueError: if they do not span hosts
    """
    spans = driver(name).spanning
    if spans is None:
        raise ValueError(f"networks of driver '{name}' do not span hosts.")
    return spans


def is_number(text: str) -> bool:
    """Say whether TEXT consists of the digits 0 to 9; int() also accepts the digits of other scripts."""
    return text.isascii() and text.isdecimal()


def flag(text: str) -> bool:
    """Return the boolean value in TEXT, the value of an option.

    :raises ValueError: if it is not a boolean
    """
    values: Dict[str, bool] = {"true": True, "yes": True, "on": True, "1": True}
    values.update({"false": False, "no": False, "off": False, "0": False})
    if text.lower() not in values:
        raise ValueError(f"'{text}' is neither true nor false.")
    return values[text.lower()]


def mtu_problems(network: Network) -> List[str]:
    """Return a sentence if the MTU of NETWORK is too small for its IPv6."""
    if not network.ipv6 or network.mtu >= MINIMUM_IPV6_MTU:
        return []
    return [
        f"IPv6 needs an MTU of at least {MINIMUM_IPV6_MTU} bytes (RFC 8200), not {network.mtu}. "
        f"Set driver option '{MTU}'."
    ]


def address_resources(network: Network, endpoint: Endpoint, namespace: str) -> List[Resource]:
    """Return the addresses of the interface of ENDPOINT, joined to NETWORK, in NAMESPACE, and what IPv6 ones need."""
    interface = endpoint.interface or ""
    resources: List[Resource] = []
    if endpoint.address(6) is not None:
        # In an adopted namespace, such as that of a Docker container, new interfaces may not have IPv6.
        resources.append(Sysctl(namespace, f"net/ipv6/conf/{interface}/disable_ipv6", "0", interface))
    for pool in network.pools:
        address = endpoint.address(pool.subnet.version)
        if address is not None:
            resources.append(AddressResource(namespace, interface, with_prefix(address, pool.subnet)))
    return resources
