# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Preconfigured entries for endpoints on other hosts: where their frames go, and which MAC address they have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, Tuple, Type

from ..model.value import value
from .link import place_of
from .resource import Key, Resource

ANYBODY = "00:00:00:00:00:00"
"""The MAC address of flood entries, one per peer, for broadcast frames and frames to unknown addresses."""


class FdbEntryKey(NamedTuple):
    """Identifies an entry of a forwarding table."""

    kind: str
    namespace: str
    link: str
    mac: str
    way: str
    """``tunnel`` or ``bridge``; for flood entries, and for what leads astray, the other host."""
    astray: str = ""
    port: str = ""
    device: str = ""
    hops: str = ""
    """Of an entry that leads astray, the numbers of FdbEntry.astray."""


@value
class FdbEntry(Resource):
    """A permanent entry of a forwarding table."""

    namespace: str
    link: str
    """A VXLAN device."""
    mac: str
    destination: str
    """The host to which LINK sends frames for MAC; empty for an entry of its bridge, by which they go to LINK."""
    sticky: bool = True
    """False, of an entry of a bridge, if it leads elsewhere as soon as somebody else sends with MAC."""
    astray: Tuple[int, ...] = ()
    """Of an entry that we never make: the VNI, UDP port, device and group of next hops by which it leads, 0 for LINK's
    own; or, of an entry of a bridge, 1 if it keeps frames on the host."""

    kind: ClassVar[str] = "forwarding"
    key_class: ClassVar[Type[Any]] = FdbEntryKey
    rank: ClassVar[int] = 6

    @property
    def key(self) -> FdbEntryKey:
        way = "tunnel" if self.destination else "bridge"
        if self.astray or self.mac == ANYBODY:
            way = self.destination
        return FdbEntryKey(self.kind, self.namespace, self.link, self.mac, way, *map(str, self.astray))

    def __str__(self) -> str:
        who = "everybody" if self.mac == ANYBODY else self.mac
        return f"forwarding to {who} via {self.destination or 'its bridge'} on '{self.link}'"

    @property
    def within(self) -> Tuple[Key, ...]:
        return place_of(self.namespace, self.link)


class NeighbourKey(NamedTuple):
    """Identifies a neighbour entry."""

    kind: str
    namespace: str
    link: str
    address: str


@value
class Neighbour(Resource):
    """A permanent neighbour entry: nobody needs to ask for its MAC address."""

    namespace: str
    link: str
    address: str
    mac: str
    announced: str = ""
    """The link on which this neighbour is announced to all hosts; empty to announce nothing."""
    holder: Tuple[str, str] = ("", "")
    """The namespace that has ADDRESS, and its interface; empty if that is on another host."""

    kind: ClassVar[str] = "neighbour"
    key_class: ClassVar[Type[Any]] = NeighbourKey
    rank: ClassVar[int] = 7
    ignored: ClassVar[Tuple[str, ...]] = ("announced", "holder")

    @property
    def key(self) -> NeighbourKey:
        return NeighbourKey(self.kind, self.namespace, self.link, self.address)

    def __str__(self) -> str:
        return f"neighbour {self.address} on '{self.link}'"

    def unannounced(self) -> "Neighbour":
        return replace(self, announced="") if self.announced else self

    @property
    def within(self) -> Tuple[Key, ...]:
        return place_of(self.namespace, self.link)
