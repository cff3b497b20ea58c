# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel settings, addresses, routes, text files, and the parts of the firewall."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Optional, Tuple, Type

from ..model.addresses import Address as IPAddress
from ..model.secret_settings import told
from ..model.value import value
from .link import place_of
from .resource import DOCKER_USER, EVERYTHING, NETWORK, TABLE, Key, Resource, where

FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}
"""The kernel settings, by family, with which a host forwards."""


class RulesetKey(NamedTuple):
    """Identifies our nft table."""

    kind: str


@value
class Ruleset(Resource):
    """Our nft table ``inet cnm`` with its chains and its empty sets and maps."""

    text: Optional[str]
    """In nft's language; None for a table that somebody has changed."""

    kind: ClassVar[str] = "ruleset"
    key_class: ClassVar[Type[Any]] = RulesetKey
    rank: ClassVar[int] = 0
    subsystem: ClassVar[str] = TABLE
    bearing: ClassVar[str] = EVERYTHING
    immutable: ClassVar[Tuple[str, ...]] = ("text",)

    @property
    def key(self) -> RulesetKey:
        return RulesetKey(self.kind)

    @property
    def outlasts(self) -> bool:
        return True

    def __str__(self) -> str:
        return "nft table 'inet cnm'"

    @property
    def shown(self) -> str:
        return f"{self}{' (changed by somebody else)' if self.text is None else ''}"


class ElementKey(NamedTuple):
    """Identifies an element of our nft table."""

    kind: str
    set: str
    entry: str


@value
class Element(Resource):
    """One element of a set or map of our nft table."""

    set: str
    entry: str
    """As nft writes it, parts joined by `` . ``, such as ``8080 . tcp . 0.0.0.0/0 . 0.0.0.0/0``."""
    value: str = ""
    """What a map maps to; empty for a set."""

    kind: ClassVar[str] = "element"
    key_class: ClassVar[Type[Any]] = ElementKey
    rank: ClassVar[int] = 1
    subsystem: ClassVar[str] = TABLE
    immutable: ClassVar[Tuple[str, ...]] = ("value",)

    @property
    def key(self) -> ElementKey:
        return ElementKey(self.kind, self.set, self.entry)

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
    def outlasts(self) -> bool:
        return self.set == "encrypted"

    @property
    def within(self) -> Tuple[Key, ...]:
        return (RulesetKey(Ruleset.kind),)


class ForwardAcceptKey(NamedTuple):
    """Identifies our rules in ``DOCKER-USER``."""

    kind: str
    family: str


@value
class ForwardAccept(Resource):
    """Our rules in ``DOCKER-USER``, the chain in which Docker lets others accept what its policy drops."""

    family: str
    """``ip`` or ``ip6``."""
    complete: bool = True
    """Whether all of them are there, at the head of the chain and in their order."""

    kind: ClassVar[str] = "forward-accept"
    key_class: ClassVar[Type[Any]] = ForwardAcceptKey
    rank: ClassVar[int] = 2
    subsystem: ClassVar[str] = DOCKER_USER

    @property
    def key(self) -> ForwardAcceptKey:
        return ForwardAcceptKey(self.kind, self.family)

    def __str__(self) -> str:
        return f"accepting rules in the {self.family} chain 'DOCKER-USER'"


class SysctlKey(NamedTuple):
    """Identifies a kernel setting."""

    kind: str
    namespace: str
    name: str


@value
class Sysctl(Resource):
    """A kernel setting of a network namespace."""

    namespace: str
    name: str
    """Below ``/proc/sys``, with slashes."""
    value: str
    link: str = ""
    """The link that the setting belongs to, if it belongs to one."""

    kind: ClassVar[str] = "sysctl"
    key_class: ClassVar[Type[Any]] = SysctlKey
    ignored: ClassVar[Tuple[str, ...]] = ("link",)
    rank: ClassVar[int] = 5

    @classmethod
    def at(cls, namespace: str, name: str) -> SysctlKey:
        """Return the key of the setting NAME of NAMESPACE."""
        return SysctlKey(cls.kind, namespace, name)

    @property
    def key(self) -> SysctlKey:
        return self.at(self.namespace, self.name)

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
        return place_of(self.namespace, self.link)


class AddressKey(NamedTuple):
    """Identifies an address of a link."""

    kind: str
    namespace: str
    link: str
    interface: str


@value
class Address(Resource):
    """An address of a link."""

    namespace: str
    link: str
    interface: str
    """With its prefix length, such as ``172.18.0.2/16``."""
    adopted: bool = False

    kind: ClassVar[str] = "address"
    key_class: ClassVar[Type[Any]] = AddressKey
    rank: ClassVar[int] = 6
    bearing: ClassVar[str] = NETWORK
    ignored: ClassVar[Tuple[str, ...]] = ("adopted",)

    @classmethod
    def at(cls, namespace: str, link: str, interface: str) -> AddressKey:
        """Return the key of the address INTERFACE of LINK in NAMESPACE."""
        return AddressKey(cls.kind, namespace, link, interface)

    @property
    def key(self) -> AddressKey:
        return self.at(self.namespace, self.link, self.interface)

    def __str__(self) -> str:
        return f"address {self.interface} on '{self.link}'{where(self.namespace)}"

    @property
    def within(self) -> Tuple[Key, ...]:
        return place_of(self.namespace, self.link)


class RouteKey(NamedTuple):
    """Identifies a route."""

    kind: str
    namespace: str
    destination: str
    metric: str = ""
    """Empty for a route that is the only one to its destination."""


@value
class Route(Resource):
    """A route of the main table."""

    namespace: str
    destination: str
    """``0.0.0.0/0`` and ``::/0`` for the default routes."""
    gateway: str
    """Empty for a type that leads nowhere, which has no link either, and where the link leads everywhere."""
    link: str
    foremost: Optional[bool] = None
    """Whether it takes precedence over other routes to its destination, which stay; None if there must be no others."""
    metric: Optional[int] = None
    type: str = "unicast"
    """As in ``ip route``: ``unicast``, ``blackhole``, ``unreachable`` or ``prohibit``."""
    static: bool = False
    """Whether there may be others to its destination, with other metrics: a default route is the only one."""

    kind: ClassVar[str] = "route"
    key_class: ClassVar[Type[Any]] = RouteKey
    rank: ClassVar[int] = 7
    implied: ClassVar[Tuple[str, ...]] = ("type",)

    @property
    def key(self) -> RouteKey:
        return RouteKey(self.kind, self.namespace, self.destination, str(self.metric) if self.static else "")

    def __str__(self) -> str:
        way = f" via {self.gateway}" if self.gateway else ""
        kind = "" if self.type == "unicast" else f" {self.type}"
        metric = f" with metric {self.metric}" if self.static and self.metric else ""
        return f"route{kind} {self.destination}{way}{metric}{where(self.namespace)}"

    @property
    def within(self) -> Tuple[Key, ...]:
        return place_of(self.namespace, self.link)


class FileKey(NamedTuple):
    """Identifies a text file."""

    kind: str
    path: str


@value
class File(Resource):
    """Our block of lines in a text file; the other lines are the user's and stay."""

    path: str
    text: str
    mode: int = 0o644

    kind: ClassVar[str] = "file"
    key_class: ClassVar[Type[Any]] = FileKey
    rank: ClassVar[int] = 8

    @property
    def key(self) -> FileKey:
        return FileKey(self.kind, self.path)

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
    up: bool = True


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
