# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes that obtain and renew the addresses of endpoints from a DHCP server."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Tuple, Type

from ..model.value import value
from .link import place_of
from .resource import Key, Resource, where


class DhcpClientKey(NamedTuple):
    """Identifies a DHCP client."""

    kind: str
    namespace: str
    endpoint: str


@value
class DhcpClient(Resource):
    """The DHCP client of an endpoint, in the network namespace of its sandbox."""

    namespace: str
    endpoint: str
    """The endpoint's id."""
    interface: str
    mac: str
    """The MAC address by which the server recognises it."""
    subnet: str
    name: str
    """The host name that the server is told."""
    address: str = ""
    """The address that it is to ask for first; empty for any."""
    running: bool = True
    """False for a process in a namespace that is no longer at its path."""
    releases: bool = False
    """Whether the server is told that the address is free, when this is removed."""

    kind: ClassVar[str] = "dhcp-client"
    key_class: ClassVar[Type[Any]] = DhcpClientKey
    rank: ClassVar[int] = 10
    ignored: ClassVar[Tuple[str, ...]] = ("address", "releases")
    # Its arguments.
    immutable: ClassVar[Tuple[str, ...]] = ("interface", "mac", "subnet", "name", "running")
    implied: ClassVar[Tuple[str, ...]] = ("endpoint", "running")

    @property
    def key(self) -> DhcpClientKey:
        return DhcpClientKey(self.kind, self.namespace, self.endpoint)

    def __str__(self) -> str:
        return f"DHCP client on '{self.interface}'{where(self.namespace)}"

    @property
    def within(self) -> Tuple[Key, ...]:
        return place_of(self.namespace, self.interface)

    @property
    def goes_with_parent(self) -> bool:
        return False
