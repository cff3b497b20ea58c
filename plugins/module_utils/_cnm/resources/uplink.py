# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interface of the host, made by somebody else, that is a port of one of our bridges and leads to a LAN."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Tuple, Type

from ..model.value import value
from .link import Link
from .resource import HOST, Key, Resource


class UplinkKey(NamedTuple):
    """Identifies an uplink."""

    kind: str
    namespace: str
    name: str


@value
class Uplink(Resource):
    """That an interface of the host is a port of a bridge. Its other properties, such as up and down, are its owner's.

    Present, it may be a port of something that is not ours.
    """

    name: str
    master: str
    """The bridge, or what else the interface is a port of, such as a bond."""
    foreign: bool = False

    kind: ClassVar[str] = "uplink"
    key_class: ClassVar[Type[Any]] = UplinkKey
    rank: ClassVar[int] = 5
    implied: ClassVar[Tuple[str, ...]] = ("master", "foreign")

    @classmethod
    def at(cls, name: str) -> UplinkKey:
        """Return the key of the interface NAME as an uplink."""
        return UplinkKey(cls.kind, HOST, name)

    @property
    def key(self) -> UplinkKey:
        return self.at(self.name)

    def __str__(self) -> str:
        return f"port '{self.name}' of '{self.master}'"

    @property
    def within(self) -> Tuple[Key, ...]:
        return (Link.at(HOST, self.master), Link.at(HOST, self.name))
