# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs: from what a user asks of an object to the object as it is to be, in the store.

They check and choose, and touch nothing but the store's transaction. A property that is None stays as it is.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol, Sequence, Set, Tuple, TypeVar

from ..model.addresses import Address, Subnet
from ..model.endpoint import Port
from ..model.errors import Problems, every
from ..model.ids import Named, check_reference, make_id
from ..model.network import Network
from ..model.sandbox import Sandbox
from ..resources.kinds import Listener, Parent
from ..store.journal import Intent, Unit
from ..store.objects import SqliteStore

T = TypeVar("T", Network, Sandbox)


class Host(Protocol):
    """What must be known of the host to decide."""

    def on_link(self) -> Sequence[Tuple[Subnet, str]]:
        """Return the subnets that the host reaches without a gateway, with their devices."""

    def nameservers(self) -> Sequence[Address]:
        """Return the host's name servers."""

    def default_address_pools(self) -> Sequence[Tuple[ipaddress.IPv4Network, int]]:
        """Return where subnets are to be chosen from, as base and prefix length; nothing for Docker's pools."""

    def egress_mtu(self) -> int:
        """Return the MTU in bytes of the device of the host's default route."""

    def ipv6(self) -> bool:
        """Say whether the host has IPv6."""

    def has_foreign_link(self, name: str) -> bool:
        """Say whether the host has an interface called NAME that is not ours."""

    def link_mtu(self, name: str) -> int:
        """Return the MTU in bytes of the interface called NAME."""

    def parent(self, name: str) -> Optional[Parent]:
        """Return what the interface NAME of the host is to a link on top of it; None if there is no such interface."""

    def addresses(self, link: str) -> Sequence[str]:
        """Return the addresses of an interface, with their prefix lengths."""

    def link_names(self, namespace: str) -> "set[str]":
        """Return the names of the interfaces in a namespace."""

    def programs_in(self, namespace: str) -> Sequence[str]:
        """Return the names and pids of the programs that run in a namespace."""

    def namespace_id(self, path: str) -> Optional[str]:
        """Return what tells the namespace at PATH from all others, also after a reboot; None if there is none."""

    def listening(self) -> Sequence[Listener]:
        """Return the sockets that wait for packets on the host's ports, but for those of our own name server."""

    def reserved_ports(self) -> Sequence[range]:
        """Return the ports of the host that are not to be chosen."""

    def underlay(self, address: Optional[Address]) -> Optional[Tuple[Address, str, int]]:
        """Return ADDRESS of this host, its device and MTU; with None those of the default route. None without one.

        The device is empty where it is none by which packets leave.
        """

    def tunnels(self) -> Sequence[Tuple[str, int, bool]]:
        """Return the host's VXLAN devices: their names, UDP ports, and whether they are ours."""

    def has_name_server(self) -> bool:
        """Say whether the program that answers for names is installed."""

    def process(self, inode: int) -> str:
        """Return who has the socket with that INODE; empty if that cannot be told."""


@dataclass
class Context:
    """What a verb works with."""

    store: SqliteStore
    host: Host
    seed: str
    """Tells this host from others, so that ids differ between hosts and not between runs."""
    check: bool
    """Whether nothing will be kept: what an earlier task would have made is then assumed."""
    warn: Callable[[str], None]
    problems: Problems
    unfinished: Intent
    """What a run that was killed had begun."""
    renew: Set[str] = field(default_factory=set)
    """Ids of sandboxes that are to be made anew."""
    assumed: Set[str] = field(default_factory=set)
    """Ids of networks and sandboxes that are not there; check mode takes them for made by an earlier task."""
    subjects: Dict[Unit, str] = field(default_factory=dict)
    """What messages call the objects that the run writes, in the order of its items."""
    asked: Set[Tuple[str, int]] = field(default_factory=set)
    """Ids of endpoints, and families, for which an item gives the address."""
    nameless: Set[str] = field(default_factory=set)
    """Ids of endpoints whose interface's name is still to be chosen."""
    published: List[Tuple[str, Port, str]] = field(default_factory=list)
    """Ports that an endpoint, by its id, is to publish from now on, and what messages call it."""
    displaced: Dict[str, List[Tuple[str, int]]] = field(default_factory=dict)
    """By network, the endpoints, by id, and families whose addresses a change of it takes away without force."""

    def id_for(self, *parts: str) -> str:
        """Return the id of the object that PARTS name on this host."""
        return make_id(self.seed, *parts)

    def subject(self, kind: str, item: Named) -> str:
        """Return what messages call ITEM, an object of KIND."""
        return self.subjects.get(Unit(kind, item.id), f"{kind.capitalize()} '{item.name}'")

    def network(self, reference: str, subject: str) -> Optional[Network]:
        """Return the network that REFERENCE names; without one, add a problem with SUBJECT.

        In check mode a network that is not there is assumed, with a warning: an earlier task may make it.
        """
        return self._referred("network", self.store.find_network, reference, subject)

    def sandbox(self, reference: str, subject: str) -> Optional[Sandbox]:
        """Return the sandbox that REFERENCE names, as network() does."""
        return self._referred("sandbox", self.store.find_sandbox, reference, subject)

    def _referred(self, kind: str, find: Callable[[str], Optional[T]], reference: str, subject: str) -> Optional[T]:
        found: Optional[T] = None
        with self.problems.about(subject):
            found = find(reference)
            if found is None and not self.check:
                raise ValueError(f"there is no {kind} '{reference}'. Create it first.")
            if found is None:
                self.warn(
                    f"There is no {kind} '{reference}'; check mode assumes that an earlier task would have created it."
                )
                _ensure(kind)(self, {"name": reference, "state": "present"})
                found = find(reference)
                self.assumed |= {found.id} if found else set()
        return found


def _ensure(kind: str) -> Callable[[Context, Mapping[str, Any]], Optional[str]]:
    if kind == "network":
        from .network import ensure
    else:
        from .sandbox import ensure
    return ensure


def check_absent(context: Context, name: str, subject: str) -> None:
    """See that NAME, of which there is no object, could be the name or the id of one: it may be misspelt."""
    with context.problems.about(subject):
        check_reference(name)


def texts(values: Mapping[Any, Any]) -> Dict[str, str]:
    """Return VALUES as text, truth values as Docker writes them.

    :raises ValueError: with all that are neither text, nor a number, nor a truth value
    """

    def text(pair: Tuple[Any, Any]) -> Tuple[str, str]:
        key, value = pair
        if value is None or isinstance(value, (dict, list)):
            raise ValueError(f"the value of '{key}' is not text.")
        return str(key), str(value).lower() if isinstance(value, bool) else str(value)

    return dict(every(text, values.items()))


def listed(values: Sequence[str]) -> List[str]:
    """Return VALUES, each once, in their order."""
    return list(dict.fromkeys(values))


def quoted(items: Sequence[Named]) -> str:
    """Return the names of ITEMS as a message has them: the first ten, and how many more there are."""
    names = ", ".join(f"'{item.name}'" for item in items[:10])
    return f"{names} and {len(items) - 10} more" if len(items) > 10 else names
