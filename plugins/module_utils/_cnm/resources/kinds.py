# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host can hold, how two of it compare, and in which order they come and go.

A resource is a value. Its key says which thing on the host it is, the other fields say how that thing is
to be. A field that is None is left as it is on the host. Whether a resource is wanted or was read from the
kernel, it has the same type, so that the difference of two is a comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Dict, NamedTuple, Optional, Tuple, Type

from ..model.addresses import Address as IPAddress
from ..model.secret_settings import told

Key = Tuple[str, ...]
"""Which thing on a host is meant: the kind of resource, and what tells one of that kind from the others."""

HOST = ""
"""The network namespace that we run in; other namespaces are named by their path."""

GROUP = 0x636E6D
"""Device group of every link that is ours (``ip link show group 6516333``): "cnm" in ASCII.

The kernel lets nft and iptables match on it, so one rule serves any number of networks, and it tells
our links from those of others.
"""

BRIDGE = "bridge"
"""The type of links that networks adopt, as in IFLA_INFO_KIND."""

FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}
"""The kernel settings, by family, with which a host forwards."""


FIREWALL, NAMING = "firewall", "naming"
"""Subsystems, see Resource.subsystem."""

EVERYTHING, NETWORK = "everything", "network"
"""What may stand on a resource, see Resource.bearing."""


def _where(namespace: str) -> str:
    return f" in '{namespace}'" if namespace else ""


@dataclass(frozen=True)
class Resource:
    """One thing that a host can hold."""

    kind: ClassVar[str] = ""
    rank: ClassVar[int] = 0
    """Resources of lower rank are made first and removed last."""
    key_lengths: ClassVar[Tuple[int, ...]] = (2,)
    """How many parts a key can have."""
    subsystem: ClassVar[str] = ""
    """``firewall`` for what is read by running programs and stays when its unit is left out, ``naming`` for what a
    network can be without."""
    bearing: ClassVar[str] = ""
    """What may lose something when this is made: ``everything``, or what is on the same ``network``."""
    renewed: ClassVar[bool] = False
    """Whether this is made anew with the sandbox that it belongs to."""
    ignored: ClassVar[Tuple[str, ...]] = ()
    """Fields that say how to treat the thing, and are not properties of it."""
    immutable: ClassVar[Tuple[str, ...]] = ()
    """Fields that the kernel cannot change in place: another value means to remove and to make anew."""
    implied: ClassVar[Tuple[str, ...]] = ()
    """Fields that --diff does not show: the name says it already, or all of ours have the same value."""

    def __init_subclass__(cls) -> None:
        if cls.kind:
            KINDS[cls.kind] = cls

    @property
    def key(self) -> Key:
        """Which thing on the host this is."""
        raise NotImplementedError

    @property
    def turn(self) -> Tuple[bool, ...]:
        """When this is made among those of its rank: the lower first."""
        return ()

    @property
    def order(self) -> Tuple[Any, ...]:
        """When this is made among all: the lower first; removed the other way round."""
        return (self.rank, self.turn, self.key)

    @property
    def within(self) -> Tuple[Key, ...]:
        """The things with which this one comes and goes."""
        return ()

    @property
    def goes_with_parent(self) -> bool:
        """Whether the kernel removes this by itself, at once, with any of the things it is within."""
        return True

    def satisfied_by(self, present: "Resource") -> bool:
        """Whether PRESENT, read from the host, is as this resource wants it."""
        if self == present:
            return True
        return all(
            getattr(self, field.name) is None or getattr(self, field.name) == getattr(present, field.name)
            for field in fields(self)
            if field.name not in self.ignored
        )

    @property
    def foreign(self) -> bool:
        """Whether this, read from the host, was made by somebody else."""
        return False

    @property
    def removable(self) -> bool:
        """Whether this can be absent: a kernel setting always has some value."""
        return True

    @property
    def lent(self) -> bool:
        """Whether this, wanted, was adopted from somebody else: it is neither made nor removed by us."""
        return False

    def released(self) -> Optional["Resource"]:
        """Return what this, adopted and no longer needed, is to be; None to leave it as it is."""
        return None

    def forgets(self, after: "Resource") -> bool:
        """Whether the kernel forgets what is on this, when it is changed in place to AFTER."""
        return False

    @property
    def host_end(self) -> Optional[Key]:
        """The key under which the host may have a part of this that its other part, in a sandbox, does not lead to."""
        return None

    @property
    def needs_ipv6(self) -> bool:
        """Whether a host without IPv6 may lack this."""
        return False

    @property
    def rests_on_adopted(self) -> bool:
        """Whether this cannot be made if what its network or sandbox has adopted is not there."""
        return True

    def unannounced(self) -> "Resource":
        """Return this without an announcement to other hosts."""
        return self

    def apart_from_hosts(self) -> "Resource":
        """Return this in a form in which it does not reach other hosts."""
        return self

    @property
    def text_file(self) -> str:
        """The path of the text file that this is; --diff shows the lines of its ``text``. Empty if it is none."""
        return ""

    @property
    def shown(self) -> str:
        """The line that --diff shows."""
        shown = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in (*self.implied, *self.ignored) and getattr(self, field.name) not in (None, *self.key)
        }
        details = ", ".join(f"{name} {value}" for name, value in shown.items())
        return f"{self}: {details}" if details else str(self)


KINDS: Dict[str, Type[Resource]] = {}
"""The kinds of resources whose files have been loaded, by name."""


def is_key(parts: Key) -> bool:
    """Say whether PARTS can be the key of a resource whose kind has been loaded."""
    kind = KINDS.get(parts[0]) if parts else None
    return kind is not None and len(parts) in kind.key_lengths and not any("\0" in part for part in parts)


@dataclass(frozen=True)
class Obstacle(Resource):
    """What stands where a resource may have to be, and cannot be read or changed."""

    place: Key
    """The key of that resource."""
    reason: str

    @property
    def key(self) -> Key:
        return self.place


@dataclass(frozen=True)
class Ruleset(Resource):
    """Our nft table ``inet cnm`` with its chains and its empty sets and maps."""

    text: Optional[str]
    """In nft's language; None for a table that somebody has changed."""

    kind: ClassVar[str] = "ruleset"
    rank: ClassVar[int] = 0
    key_lengths: ClassVar[Tuple[int, ...]] = (1,)
    subsystem: ClassVar[str] = FIREWALL
    bearing: ClassVar[str] = EVERYTHING
    immutable: ClassVar[Tuple[str, ...]] = ("text",)

    @property
    def key(self) -> Key:
        return ("ruleset",)

    def __str__(self) -> str:
        return "nft table 'inet cnm'"

    @property
    def shown(self) -> str:
        return f"{self}{' (changed by somebody else)' if self.text is None else ''}"


@dataclass(frozen=True)
class Element(Resource):
    """One element of a set or map of our nft table."""

    set: str
    entry: str
    """As nft writes it, parts joined by `` . ``, such as ``8080 . tcp . 0.0.0.0/0 . 0.0.0.0/0``."""
    value: str = ""
    """What a map maps to; empty for a set."""

    kind: ClassVar[str] = "element"
    rank: ClassVar[int] = 1
    key_lengths: ClassVar[Tuple[int, ...]] = (3,)
    subsystem: ClassVar[str] = FIREWALL
    immutable: ClassVar[Tuple[str, ...]] = ("value",)

    @property
    def key(self) -> Key:
        return (self.kind, self.set, self.entry)

    def __str__(self) -> str:
        return f"element '{self.entry}' of nft set '{self.set}'"

    @property
    def shown(self) -> str:
        return f"{self}: {self.value}" if self.value else str(self)

    @property
    def rests_on_adopted(self) -> bool:
        return False

    @property
    def translates(self) -> bool:
        """Whether this says where the packets of a published port go: connections go on as they began."""
        return self.set in ("published4", "published6")

    @property
    def within(self) -> Tuple[Key, ...]:
        return (("ruleset",),)


@dataclass(frozen=True)
class ForwardAccept(Resource):
    """Our rules in ``DOCKER-USER``, the chain in which Docker lets others accept what its policy drops."""

    family: str
    """``ip`` or ``ip6``."""
    complete: bool = True
    """Whether all of them are there, at the head of the chain and in their order."""

    kind: ClassVar[str] = "forward-accept"
    rank: ClassVar[int] = 2
    subsystem: ClassVar[str] = FIREWALL

    @property
    def key(self) -> Key:
        return (self.kind, self.family)

    def __str__(self) -> str:
        return f"accepting rules in the {self.family} chain 'DOCKER-USER'"


@dataclass(frozen=True)
class Namespace(Resource):
    """A network namespace at a path, with its loopback up."""

    path: str
    ours: bool = True
    mounted: bool = True
    """False for what is left of one: the empty file on which it was mounted, or was to be."""
    adopted: bool = False

    kind: ClassVar[str] = "namespace"
    immutable: ClassVar[Tuple[str, ...]] = ("mounted",)
    implied: ClassVar[Tuple[str, ...]] = ("mounted",)
    renewed: ClassVar[bool] = True
    rank: ClassVar[int] = 3
    ignored: ClassVar[Tuple[str, ...]] = ("ours", "adopted")

    @property
    def key(self) -> Key:
        return (self.kind, self.path)

    def __str__(self) -> str:
        return f"{'' if self.mounted else 'what is left of '}network namespace '{self.path}'"

    @property
    def foreign(self) -> bool:
        return not self.ours

    @property
    def lent(self) -> bool:
        return self.adopted


@dataclass(frozen=True)
class HostEnd:
    """The end of a veth pair that stays on the host."""

    name: str
    master: str
    mtu: Optional[int] = None
    isolated: Optional[bool] = False
    """Bridge port isolation (IFLA_BRPORT_ISOLATED), and no learning: there is no traffic between two isolated ports,
    and what one of them sends does not change where frames go. None if only one of both is so."""
    hairpin: bool = False
    """Whether a frame may leave by the port by which it came (IFLA_BRPORT_MODE)."""
    pinned: bool = False
    """Whether the bridge has a lasting entry for the other end's MAC address, so that nobody else can draw its frames
    by sending with that address (NTF_STICKY)."""
    group: int = GROUP

    def __str__(self) -> str:
        modes = ", isolated" * bool(self.isolated) + ", hairpin" * self.hairpin + ", pinned" * self.pinned
        return f"'{self.name}' on '{self.master}' with mtu {self.mtu}{modes}"


@dataclass(frozen=True)
class Tunnel:
    """What makes a link a VXLAN device (RFC 7348): where its frames go, and how it is a port of a bridge."""

    id: int
    """The network identifier, VNI."""
    local: str
    """The address from which its packets come: the host's tunnel end point, VTEP."""
    port: int
    """UDP port, here and at the other hosts."""
    device: str
    """The device by which its packets leave; empty to leave that to the host's routes."""
    learning: Optional[bool]
    """Whether it notes from which host a MAC address comes, and its bridge port does the same; None if one does."""
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


@dataclass(frozen=True)
class Lower:
    """What makes a link one on top of an interface of the host, such as a macvlan."""

    device: str
    mode: str
    """How it reaches others on that interface, as ``ip link`` calls it."""

    def __str__(self) -> str:
        return f"'{self.device}' in mode {self.mode}"


@dataclass(frozen=True)
class Link(Resource):
    """A network interface: a bridge or a VXLAN device on the host, or in a sandbox the inner end of a veth pair or a
    link on top of an interface of the host. A pair with both ends on the host has as its peer the end on a bridge."""

    namespace: str
    name: str
    type: str
    """As in IFLA_INFO_KIND: ``bridge``, ``vxlan``, ``veth`` or ``macvlan``."""
    address: Optional[str] = None
    mtu: Optional[int] = None
    """In bytes."""
    up: Optional[bool] = True
    group: int = GROUP
    peer: Optional[HostEnd] = None
    adopted: bool = False
    tunnel: Optional[Tunnel] = None
    lower: Optional[Lower] = None

    kind: ClassVar[str] = "link"
    rank: ClassVar[int] = 4
    key_lengths: ClassVar[Tuple[int, ...]] = (3,)
    bearing: ClassVar[str] = NETWORK
    renewed: ClassVar[bool] = True
    implied: ClassVar[Tuple[str, ...]] = ("type", "group")
    ignored: ClassVar[Tuple[str, ...]] = ("adopted",)
    immutable: ClassVar[Tuple[str, ...]] = ("type", "tunnel", "end", "base")

    @property
    def key(self) -> Key:
        return (self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.type} '{self.name}'{_where(self.namespace)}"

    @property
    def end(self) -> Optional[str]:
        """The name of the pair's end on the host; None if there is none."""
        return self.peer.name if self.peer else None

    @property
    def base(self) -> Optional[Tuple[str, bool]]:
        """The interface that it is on, and whether it has that for itself, which the kernel does not change."""
        return (self.lower.device, self.lower.mode == "passthru") if self.lower else None

    @property
    def foreign(self) -> bool:
        """Whether somebody else made it. One marked end makes a pair ours: a sandbox can change the inner one."""
        return GROUP not in (self.group, self.peer and self.peer.group)

    @property
    def lent(self) -> bool:
        return self.adopted

    def released(self) -> "Link":
        return replace(self, address=None, mtu=None, up=None, group=0, peer=None)

    def forgets(self, after: Resource) -> bool:
        """True for a link that was down, or gets another MAC address: the kernel forgets its neighbours."""
        return isinstance(after, Link) and (self.up is False or after.address not in (None, self.address))

    @property
    def host_end(self) -> Optional[Key]:
        return (self.kind, HOST, self.peer.name) if self.peer else None

    def apart_from_hosts(self) -> "Link":
        return replace(self, peer=replace(self.peer, isolated=True)) if self.peer else self

    @property
    def within(self) -> Tuple[Key, ...]:
        return (("namespace", self.namespace),)

    @property
    def goes_with_parent(self) -> bool:
        """False: a namespace is taken apart later, by a kernel thread, and its veth pairs outlive it until then."""
        return False


@dataclass(frozen=True)
class Sysctl(Resource):
    """A kernel setting of a network namespace."""

    namespace: str
    name: str
    """Below ``/proc/sys``, with slashes."""
    value: str
    link: str = ""
    """The link that the setting belongs to, if it belongs to one."""

    kind: ClassVar[str] = "sysctl"
    key_lengths: ClassVar[Tuple[int, ...]] = (3,)
    ignored: ClassVar[Tuple[str, ...]] = ("link",)
    rank: ClassVar[int] = 5

    @property
    def key(self) -> Key:
        return (self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"sysctl '{self.name}'{_where(self.namespace)}"

    @property
    def shown(self) -> str:
        """Without a secret value."""
        return f"{self}: value {told(self.name, self.value)}" if self.value else str(self)

    @property
    def needs_ipv6(self) -> bool:
        return self.name.startswith("net/ipv6/")

    @property
    def turn(self) -> Tuple[bool, ...]:
        """Settings of all links at once come last, as the kernel heeds those of single links when they change.

        Only the one that switches IPv6 off comes first: the kernel hands it on to the single links.
        """
        late = "/all/" in self.name and not self.name.endswith("/disable_ipv6")
        return (late, "/all/" not in self.name)

    @property
    def removable(self) -> bool:
        return False

    @property
    def within(self) -> Tuple[Key, ...]:
        return (("namespace", self.namespace), ("link", self.namespace, self.link))


@dataclass(frozen=True)
class Address(Resource):
    """An address of a link."""

    namespace: str
    link: str
    interface: str
    """With its prefix length, such as ``172.18.0.2/16``."""
    adopted: bool = False

    kind: ClassVar[str] = "address"
    rank: ClassVar[int] = 6
    key_lengths: ClassVar[Tuple[int, ...]] = (4,)
    bearing: ClassVar[str] = NETWORK
    ignored: ClassVar[Tuple[str, ...]] = ("adopted",)

    @property
    def key(self) -> Key:
        return (self.kind, self.namespace, self.link, self.interface)

    def __str__(self) -> str:
        return f"address {self.interface} on '{self.link}'{_where(self.namespace)}"

    @property
    def lent(self) -> bool:
        return self.adopted

    @property
    def within(self) -> Tuple[Key, ...]:
        return (("namespace", self.namespace), ("link", self.namespace, self.link))


@dataclass(frozen=True)
class Route(Resource):
    """A route of the main table."""

    namespace: str
    destination: str
    """``0.0.0.0/0`` and ``::/0`` for the default routes."""
    gateway: str
    """Empty for a type that leads nowhere; it has no link either."""
    link: str
    foremost: Optional[bool] = None
    """Whether it comes before all others to its destination, which stay; None where there are to be no others."""
    metric: Optional[int] = None
    type: str = "unicast"
    """As ``ip route`` calls it: ``unicast``, ``blackhole``, ``unreachable`` or ``prohibit``."""
    static: bool = False
    """Whether there may be others to its destination, with other metrics: a default route is the only one."""

    kind: ClassVar[str] = "route"
    rank: ClassVar[int] = 7
    key_lengths: ClassVar[Tuple[int, ...]] = (3, 4)
    implied: ClassVar[Tuple[str, ...]] = ("type",)

    @property
    def key(self) -> Key:
        key = (self.kind, self.namespace, self.destination)
        return (*key, str(self.metric)) if self.static else key

    def __str__(self) -> str:
        way = f" by way of {self.gateway}" if self.gateway else ""
        kind = "" if self.type == "unicast" else f" {self.type}"
        metric = f" with metric {self.metric}" if self.static and self.metric else ""
        return f"route{kind} {self.destination}{way}{metric}{_where(self.namespace)}"

    @property
    def within(self) -> Tuple[Key, ...]:
        return (("namespace", self.namespace), ("link", self.namespace, self.link))


@dataclass(frozen=True)
class File(Resource):
    """A block of lines that is ours in a text file; the other lines are the user's and stay."""

    path: str
    text: str
    mode: int = 0o644

    kind: ClassVar[str] = "file"
    rank: ClassVar[int] = 8

    @property
    def key(self) -> Key:
        return (self.kind, self.path)

    def __str__(self) -> str:
        return f"file '{self.path}'"

    @property
    def text_file(self) -> str:
        return self.path


class Parent(NamedTuple):
    """What an interface of the host is to a link on top of it."""

    type: str
    """As in IFLA_INFO_KIND; empty for hardware and loopback."""
    mtu: int
    """In bytes."""
    ours: bool
    """Whether it belongs to a network or a sandbox of ours."""
    loopback: bool
    ethernet: bool
    """Whether it has a MAC address."""
    busy: str
    """The interface of the host that takes all its frames, such as a bridge or a bond; empty if there is none."""


class Listener(NamedTuple):
    """A socket that waits on a port. On ``::`` it is taken to wait for IPv4 as well, as it does by default."""

    protocol: str
    address: IPAddress
    port: int
    inode: int

    def hears(self, version: int, address: Optional[IPAddress]) -> bool:
        """Say whether it gets what comes to the host's ADDRESS of family VERSION, None for all of that family."""
        if self.address.version != version:
            return self.address.version == 6 and self.address.is_unspecified
        return address is None or self.address.is_unspecified or self.address == address
