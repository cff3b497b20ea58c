# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces, kernel settings, addresses, routes, text files, and the parts of the firewall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Optional, Tuple

from ..model.addresses import Address as IPAddress
from ..model.secret_settings import told
from .resource import EVERYTHING, FIREWALL, NETWORK, Key, Resource, where

FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}
"""The kernel settings, by family, with which a host forwards."""


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
        """Whether this translates the packets of a published port: existing connections ignore a change of it."""
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
    """False for a leftover: the empty file on which a namespace was mounted, or was to be mounted."""
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
        return f"sysctl '{self.name}'{where(self.namespace)}"

    @property
    def shown(self) -> str:
        """Without a secret value."""
        return f"{self}: value {told(self.name, self.value)}" if self.value else str(self)

    @property
    def needs_ipv6(self) -> bool:
        return self.name.startswith("net/ipv6/")

    @property
    def turn(self) -> Tuple[bool, ...]:
        """Settings of all links come last, because the kernel considers those of single links when they change.

        Only the one that disables IPv6 comes first, because the kernel copies it to the single links.
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
        return f"address {self.interface} on '{self.link}'{where(self.namespace)}"

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
    """Whether it takes precedence over other routes to its destination, which stay; None if there must be no others."""
    metric: Optional[int] = None
    type: str = "unicast"
    """As in ``ip route``: ``unicast``, ``blackhole``, ``unreachable`` or ``prohibit``."""
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
        way = f" via {self.gateway}" if self.gateway else ""
        kind = "" if self.type == "unicast" else f" {self.type}"
        metric = f" with metric {self.metric}" if self.static and self.metric else ""
        return f"route{kind} {self.destination}{way}{metric}{where(self.namespace)}"

    @property
    def within(self) -> Tuple[Key, ...]:
        return (("namespace", self.namespace), ("link", self.namespace, self.link))


@dataclass(frozen=True)
class File(Resource):
    """Our block of lines in a text file; the other lines are the user's and stay."""

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
    """A socket that listens on a port. On ``::`` it is assumed to accept IPv4, too, which is the default."""

    protocol: str
    address: IPAddress
    port: int
    inode: int

    def hears(self, version: int, address: Optional[IPAddress]) -> bool:
        """Say whether it receives packets to the host's ADDRESS of family VERSION; None for all of the family."""
        if self.address.version != version:
            return self.address.version == 6 and self.address.is_unspecified
        return address is None or self.address.is_unspecified or self.address == address
