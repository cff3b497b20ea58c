# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges of Open vSwitch and their ports, as its database describes them."""

from __future__ import annotations

from typing import Any, ClassVar, Mapping, NamedTuple, Optional, Tuple, Type

from ..model.value import value
from .link import PortKey
from .namespace import Namespace
from .resource import HOST, NETWORK, Key, Resource, where

SYSTEM, NETDEV = "system", "netdev"
"""The datapath in the kernel, and the one in Open vSwitch's own process."""

INTERNAL = "internal"
"""The type of ports whose device Open vSwitch creates."""


class BridgeKey(NamedTuple):
    """Identifies a bridge of Open vSwitch."""

    kind: str
    name: str


@value
class Bridge(Resource):
    """A bridge of Open vSwitch. Its flows, controllers and other settings are its administrator's."""

    name: str
    datapath: Optional[str] = None
    """``system`` or ``netdev``; None to leave it. Empty, if read, for a bridge that does not work."""
    foreign: bool = False
    adopted: bool = False

    kind: ClassVar[str] = "ovs-bridge"
    key_class: ClassVar[Type[Any]] = BridgeKey
    rank: ClassVar[int] = 3
    bearing: ClassVar[str] = NETWORK
    immutable: ClassVar[Tuple[str, ...]] = ("datapath",)
    ignored: ClassVar[Tuple[str, ...]] = ("foreign", "adopted")

    @classmethod
    def at(cls, name: str) -> BridgeKey:
        """Return the key of the bridge NAME."""
        return BridgeKey(cls.kind, name)

    @property
    def key(self) -> BridgeKey:
        return self.at(self.name)

    def __str__(self) -> str:
        return f"Open vSwitch bridge '{self.name}'"


@value
class Port(Resource):
    """A port of such a bridge: an interface of the host, or one whose device Open vSwitch makes for a sandbox."""

    namespace: str
    """Where its device is to be. One that has just been made is on the host."""
    name: str
    """Of the port and of its interface, unique on the host: the kernel's datapath loses a port that is renamed."""
    bridge: str
    tag: Optional[int] = None
    """The VLAN of all its frames, which have no tag outside of the bridge; 0 for none. None to leave it: with a tag of
    its own, a frame then chooses its VLAN."""
    type: str = INTERNAL
    """Empty, if read, for a port that has lost its device."""
    foreign: bool = False

    kind: ClassVar[str] = "ovs-port"
    key_class: ClassVar[Type[Any]] = PortKey
    rank: ClassVar[int] = 3
    renewed: ClassVar[bool] = True
    immutable: ClassVar[Tuple[str, ...]] = ("bridge", "type")
    ignored: ClassVar[Tuple[str, ...]] = ("foreign",)
    implied: ClassVar[Tuple[str, ...]] = ("bridge", "type")

    @classmethod
    def at(cls, namespace: str, name: str) -> PortKey:
        """Return the key of the port NAME whose device is in NAMESPACE."""
        return PortKey(cls.kind, namespace, name)

    @property
    def key(self) -> PortKey:
        return self.at(self.namespace, self.name)

    def __str__(self) -> str:
        return f"port '{self.name}' of Open vSwitch bridge '{self.bridge}'{where(self.namespace)}"

    @property
    def turn(self) -> Tuple[bool, ...]:
        """Ports are made after bridges and namespaces."""
        return (True,)

    @property
    def within(self) -> Tuple[Key, ...]:
        inside = () if self.namespace == HOST else (Namespace.at(self.namespace),)
        return (*inside, Bridge.at(self.bridge))

    @property
    def goes_with_parent(self) -> bool:
        """False: with a namespace only its device goes, and the database keeps the port."""
        return False


@value
class VethPort(Port):
    """A port that is the host's end of a sandbox's veth pair. It works as soon as this end exists."""

    kind: ClassVar[str] = "ovs-veth"
    rank: ClassVar[int] = 5

    @property
    def within(self) -> Tuple[Key, ...]:
        return (Bridge.at(self.bridge),)


class Vswitch(NamedTuple):
    """What the database of Open vSwitch has."""

    problem: str = ""
    """Why Open vSwitch cannot be used, in a sentence; empty if it can."""
    installed: bool = True
    bridges: Mapping[str, Bridge] = {}
    ports: Mapping[str, Port] = {}
    """All ports by name, as if their devices were on the host."""
