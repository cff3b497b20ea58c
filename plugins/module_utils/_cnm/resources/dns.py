# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of a host's name server, and the addresses at which it answers."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Tuple, Type

from ..model.value import value
from .namespace import Namespace
from .resource import HOST, NAMING, Key, Resource

RECORDS = "/run/cnm-dns"
"""The folder with the records of each network, which are written from the store after a reboot.

It is not in ``/run/cnm``, which only root may enter: the name server runs as a user of its own.
"""


class RecordsKey(NamedTuple):
    """Identifies the records of a network."""

    kind: str
    path: str


@value
class Records(Resource):
    """The names on a network, in the form that aardvark-dns reads.

    The first line has the addresses at which to answer, and each other one a sandbox: its id, IPv4 and IPv6 addresses,
    names, and perhaps the servers that are asked for other names (aardvark-dns 1.4, config/mod.rs).
    """

    path: str
    text: str

    kind: ClassVar[str] = "records"
    key_class: ClassVar[Type[Any]] = RecordsKey
    rank: ClassVar[int] = 8
    subsystem: ClassVar[str] = NAMING

    @property
    def key(self) -> RecordsKey:
        return RecordsKey(self.kind, self.path)

    def __str__(self) -> str:
        return f"records '{self.path}'"

    @property
    def text_file(self) -> str:
        return self.path

    @property
    def gateways(self) -> Tuple[str, ...]:
        """The addresses at which to answer."""
        return tuple(self.text.split("\n", 1)[0].split(","))


class NameServerKey(NamedTuple):
    """Identifies one of the name server's addresses."""

    kind: str
    address: str


@value
class NameServer(Resource):
    """The host's name server, at one of the addresses at which it answers."""

    address: str
    current: bool = True
    """Whether it has read the records as they are now."""

    kind: ClassVar[str] = "name-server"
    key_class: ClassVar[Type[Any]] = NameServerKey
    rank: ClassVar[int] = 9
    subsystem: ClassVar[str] = NAMING

    @property
    def key(self) -> NameServerKey:
        return NameServerKey(self.kind, self.address)

    def __str__(self) -> str:
        return f"name server at {self.address}"

    @property
    def within(self) -> Tuple[Key, ...]:
        return (Namespace.at(HOST),)
