# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network interfaces: bridges, VXLAN devices, VLANs, veth pairs, and others on top of an interface of the host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, Optional, Tuple, Type

from ..model.value import value
from .namespace import Namespace
from .resource import DOCKER_USER, HOST, NETWORK, Key, Resource, where

GROUP = 0x636E6D
"""Device group of every link that is ours (``ip link show group 6516333``): "cnm" in ASCII.

The kernel lets nft and iptables match on it, so one rule serves any number of networks, and it tells
our links from those of others.
"""

VLAN_GROUP = 0x636E76
"""Device group of the VLANs that we have made, and of bridges with an uplink: "cnv" in ASCII. They lead out of the
host, so the rules must not take them for bridges of sandboxes."""

BRIDGE = "bridge"
"""The type of links that networks adopt, as in IFLA_INFO_KIND."""

INTERNAL = "openvswitch"
"""The type of links that Open vSwitch makes, as in IFLA_INFO_KIND if they are in the kernel's datapath."""

INTERNAL_PREFIX = "ovs"
"""What the names of our links of this type begin with."""


@value
class HostEnd:
    """The end of a veth pair that stays on the host."""

    name: str
    master: str
    mtu: Optional[int] = None
    isolated: bool = False
    """Bridge port isolation (IFLA_BRPORT_ISOLATED): there is no traffic between two isolated ports."""
    hairpin: bool = False
    """Whether a frame may leave through the port that it came in by (IFLA_BRPORT_MODE)."""
    pinned: bool = False
    """Whether the bridge has a permanent entry for the other end's MAC address."""
    group: int = GROUP
    learning: bool = True
    """Whether what it sends changes where frames go (IFLA_BRPORT_LEARNING)."""
    sticky: bool = True
    """Whether the permanent entry stays if another port that learns sends with that address (NTF_STICKY). A routing
    daemon takes the address of a sticky entry for one that never moves to another host."""

    def __str__(self) -> str:
        modes = ", isolated" * self.isolated + ", hairpin" * self.hairpin + ", pinned" * self.pinned
        modes += ", not learning" * (not self.learning) + ", not sticky" * (not self.sticky)
        return f"'{self.name}' on '{self.master}' with mtu {self.mtu}{modes}"


@value
class Tunnel:
    """What makes a link a VXLAN device (RFC 7348): where its frames go, and how it is a port of a bridge."""

    id: int
    """The network identifier, VNI."""
    local: str
    """The source address of its packets: the host's tunnel end point, VTEP."""
    port: int
    """UDP port, here and at the other hosts."""
    device: str
    """The device that its packets leave through; empty if the host's routes decide."""
    learning: Optional[bool]
    """Whether it and its bridge port learn where MAC addresses are; None if only one of them does."""
    master: str
    ttl: int = 64
    suppress: bool = True
    """Whether its bridge answers for neighbours that it knows, and keeps its own address from crossing
    (IFLA_BRPORT_NEIGH_SUPPRESS)."""
    isolated: bool = True
    """Bridge port isolation (IFLA_BRPORT_ISOLATED): an isolated port of a sandbox does not reach other hosts."""

    def __str__(self) -> str:
        ways = f" by '{self.device}'" * bool(self.device) + ", learning" * bool(self.learning)
        return f"VNI {self.id} from {self.local} port {self.port}{ways} on '{self.master}'"


@value
class Lower:
    """What makes a link one on top of an interface of the host, such as a macvlan or a VLAN."""

    device: str
    mode: str = ""
    """How it reaches others on that interface, in the words of ``ip link``; empty for a VLAN."""
    tag: Optional[int] = None
    """Of a VLAN, its number in the frames (IEEE 802.1Q)."""
    flag: str = ""
    """Of an ipvlan, whom it reaches on that interface: ``bridge``, ``private`` or ``vepa``; empty for others."""

    def __str__(self) -> str:
        ways = f" in mode {self.mode}" * bool(self.mode) + f" with tag {self.tag}" * (self.tag is not None)
        return f"'{self.device}'{ways}" + f", {self.flag}" * bool(self.flag)


class PortKey(NamedTuple):
    """Identifies a port of Open vSwitch, by the namespace of its device, and its name."""

    kind: str
    namespace: str
    name: str


class LinkKey(NamedTuple):
    """Identifies a network interface."""

    kind: str
    namespace: str
    name: str


@value
class Link(Resource):
    """A network interface: a bridge, a VXLAN device or a VLAN on the host, or in a sandbox the inner end of a veth pair
    or a link on top of an interface of the host. A pair with both ends on the host has as its peer the end on a bridge.
    """

    namespace: str
    name: str
    type: str
    """As in IFLA_INFO_KIND: ``bridge``, ``vxlan``, ``vlan``, ``veth``, ``macvlan``, ``ipvlan`` or ``openvswitch``."""
    address: Optional[str] = None
    mtu: Optional[int] = None
    """In bytes."""
    up: Optional[bool] = True
    """None to leave it; the inner end of a new pair is down then, and the end on the host is up."""
    group: int = GROUP
    peer: Optional[HostEnd] = None
    adopted: bool = False
    tunnel: Optional[Tunnel] = None
    lower: Optional[Lower] = None
    shared: bool = False
    """Whether somebody else, such as a routing daemon, also makes entries in the forwarding table of this tunnel."""
    vlan_filtering: Optional[bool] = None
    """Whether a bridge forwards by VLAN (IFLA_BR_VLAN_FILTERING). Then a port without a VLAN is cut off, and the bridge
    does not answer for neighbours that it knows. False if the kernel has no such bridges."""

    kind: ClassVar[str] = "link"
    key_class: ClassVar[Type[Any]] = LinkKey
    rank: ClassVar[int] = 4
    bearing: ClassVar[str] = NETWORK
    renewed: ClassVar[bool] = True
    implied: ClassVar[Tuple[str, ...]] = ("type", "group")
    ignored: ClassVar[Tuple[str, ...]] = ("adopted", "shared")
    immutable: ClassVar[Tuple[str, ...]] = ("type", "tunnel", "end", "base")

    @classmethod
    def at(cls, namespace: str, name: str) -> LinkKey:
        """Return the key of the interface NAME in NAMESPACE."""
        return LinkKey(cls.kind, namespace, name)

    @property
    def key(self) -> LinkKey:
        return self.at(self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.type} '{self.name}'{where(self.namespace)}"

    @property
    def end(self) -> Optional[str]:
        """The name of the pair's end on the host; None if there is none."""
        return self.peer.name if self.peer else None

    @property
    def base(self) -> Optional[Tuple[str, bool, Optional[int]]]:
        """What the kernel cannot change: the interface that it is on, whether it has that to itself, and its tag."""
        return (self.lower.device, self.lower.mode == "passthru", self.lower.tag) if self.lower else None

    @property
    def foreign(self) -> bool:
        """Whether somebody else made it. One marked end makes a pair ours: a sandbox can change the inner one."""
        return {GROUP, VLAN_GROUP}.isdisjoint((self.group, self.peer and self.peer.group))

    @property
    def shows_in(self) -> Tuple[str, ...]:
        # Our rules there name bridges.
        return (self.subsystem, DOCKER_USER) if self.type == BRIDGE else (self.subsystem,)

    def released(self) -> "Link":
        return replace(self, address=None, mtu=None, up=None, group=0, peer=None)

    def forgets(self, after: Resource) -> bool:
        """True for a link that was down, or gets another MAC address, because the kernel removes its neighbours."""
        return isinstance(after, Link) and (self.up is False or after.address not in (None, self.address))

    @property
    def host_end(self) -> Optional[LinkKey]:
        return self.at(HOST, self.peer.name) if self.peer else None

    def apart_from_hosts(self) -> "Link":
        return replace(self, peer=replace(self.peer, isolated=True, learning=False)) if self.peer else self

    @property
    def within(self) -> Tuple[Key, ...]:
        below: Tuple[Key, ...] = (self.at(HOST, self.lower.device),) if self.lower else ()
        if self.type == INTERNAL:
            below = (PortKey("ovs-port", self.namespace, self.name),)
        return (Namespace.at(self.namespace), *below)

    @property
    def goes_with_parent(self) -> bool:
        """Only for a device of Open vSwitch, which removes it with its port.

        A kernel thread removes a namespace later, and its veth pairs exist until then.
        """
        return self.type == INTERNAL


def place_of(namespace: str, link: str) -> Tuple[Key, ...]:
    """Return the keys of LINK and its NAMESPACE, for what is created and removed with them."""
    return (Namespace.at(namespace), Link.at(namespace, link))
