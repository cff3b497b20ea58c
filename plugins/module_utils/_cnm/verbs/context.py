# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs: from what a user asks of an object to the object as it is to be, in the store.

Verbs check and choose; they change only the store's transaction. A property that is None stays as it is.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Hashable,
    List,
    Mapping,
    Optional,
    Protocol,
    Sequence,
    Set,
    Tuple,
    TypeVar,
)

from ..model.addresses import Address, Subnet
from ..model.endpoint import Port
from ..model.errors import CnmError, Problems, every
from ..model.ids import Named, check_reference, make_id
from ..model.network import Network
from ..model.sandbox import Sandbox
from ..resources.kinds import Listener, Parent
from ..store.journal import Intent, Unit
from ..store.objects import SqliteStore

if TYPE_CHECKING:
    from ..etcd.entries import Entry
    from ..resources.openvswitch import Vswitch

T = TypeVar("T", Network, Sandbox)


class Host(Protocol):
    """The facts about the host that verbs need to decide."""

    def on_link(self) -> Sequence[Tuple[Subnet, str]]:
        """Return the subnets that the host reaches without a gateway, with their devices."""

    def nameservers(self) -> Sequence[Address]:
        """Return the host's name servers."""

    def default_address_pools(self) -> Sequence[Tuple[ipaddress.IPv4Network, int]]:
        """Return the pools to choose subnets from, as base and prefix length; empty for Docker's pools."""

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

    def vlan(self, device: str, tag: int) -> str:
        """Return the name of the host's interface that is the VLAN with TAG of DEVICE; empty if there is none."""

    def vswitch(self) -> Vswitch:
        """Return what Open vSwitch has."""

    def has_system_datapath(self) -> bool:
        """Say whether the kernel has the datapath of Open vSwitch."""

    def addresses(self, link: str) -> Sequence[str]:
        """Return the addresses of an interface, with their prefix lengths."""

    def link_names(self, namespace: str) -> "set[str]":
        """Return the names of the interfaces in a namespace."""

    def inner_end(self, namespace: str, device: str) -> str:
        """Return the name in NAMESPACE of the other end of DEVICE, a veth of the host; empty if it is not there."""

    def programs_in(self, namespace: str) -> Sequence[str]:
        """Return the names and pids of the programs that run in a namespace."""

    def namespace_id(self, path: str) -> Optional[str]:
        """Return an identity of the namespace at PATH, or of HOST, unique even after a reboot; None without one."""

    def namespace_file(self, path: str) -> Optional[Hashable]:
        """Return which file is at PATH now; None if there is none. Namespaces that are different files differ."""

    def listening(self) -> Sequence[Listener]:
        """Return the sockets that listen on the host's ports, except those of our own name server."""

    def reserved_ports(self) -> Sequence[range]:
        """Return the ports of the host that must not be chosen."""

    def underlay(self, address: Optional[Address]) -> Optional[Tuple[Address, str, int]]:
        """Return ADDRESS of this host with its device and MTU; for None, those of the default route, if there is one.

        The device is empty if packets do not leave through it, such as a loopback.
        """

    def is_wireguard(self, name: str) -> bool:
        """Say whether the interface called NAME is a tunnel of WireGuard."""

    def tunnels(self) -> Sequence[Tuple[str, int, bool]]:
        """Return the host's VXLAN devices: their names, UDP ports, and whether they are ours."""

    def has_name_server(self) -> bool:
        """Say whether the name server program is installed."""

    def has_dhcp_client(self) -> bool:
        """Say whether the DHCP client's program is installed."""

    def process(self, inode: int) -> str:
        """Return the process that has the socket with that INODE; empty if it is not known."""


class Shared(Protocol):
    """What hosts share in etcd, which verbs only read."""

    host: str
    """What the other hosts call this one; empty if they call it by its address."""

    def get(self, keys: Sequence[str]) -> Mapping[str, Entry]:
        """Return those of KEYS that exist."""

    def below(self, key: str) -> Mapping[str, Entry]:
        """Return the keys that begin with KEY."""


def _unshared(why: str) -> Shared:
    """Refuse to ask etcd.

    :raises CnmError: always
    """
    raise CnmError(f"{why}, and there is none.")


@dataclass
class Context:
    """What a verb works with."""

    store: SqliteStore
    host: Host
    seed: str
    """Identifies this host, so that ids differ between hosts but not between runs."""
    check: bool
    """Whether this is check mode: nothing is kept, and objects that an earlier task would have made are assumed."""
    warn: Callable[[str], None]
    problems: Problems
    unfinished: Intent
    """What an interrupted run had begun."""
    renew: Set[str] = field(default_factory=set)
    """Ids of sandboxes that are to be created again."""
    assumed: Set[str] = field(default_factory=set)
    """Ids of missing networks and sandboxes. Check mode assumes that an earlier task would have made them."""
    subjects: Dict[Unit, str] = field(default_factory=dict)
    """What messages call the objects that the run writes, in the order of its items."""
    asked: Set[Tuple[str, int]] = field(default_factory=set)
    """Ids of endpoints with the address families for which an item gives an address."""
    nameless: Set[str] = field(default_factory=set)
    """Ids of endpoints whose interface name is still to be chosen."""
    published: List[Tuple[str, Port, str]] = field(default_factory=list)
    """Ports to be published: the endpoint's id, the port, and what messages call the endpoint."""
    displaced: Dict[str, List[Tuple[str, int]]] = field(default_factory=dict)
    """By network id: endpoint ids and families whose addresses a change of the network would take without force."""
    chosen: Set[Tuple[str, Address]] = field(default_factory=set)
    """Network ids with addresses that were chosen outside of this host's slices, because nobody had them in etcd."""
    overtaken_often: bool = False
    """Whether other hosts have often been faster in etcd, so that this one should choose apart from them."""
    rejoining: Set[str] = field(default_factory=set)
    """Names of networks of which everything that this host has is claimed in etcd once more."""
    shared: Callable[[str], Shared] = _unshared
    """Returns what hosts share in etcd, given why it is needed, the beginning of a message if etcd does not answer."""

    def id_for(self, *parts: str) -> str:
        """Return the id of the object on this host that PARTS identify."""
        return make_id(self.seed, *parts)

    def subject(self, kind: str, item: Named) -> str:
        """Return what messages call ITEM, an object of KIND."""
        return self.subjects.get(Unit(kind, item.id), f"{kind.capitalize()} '{item.name}'")

    def network(self, reference: str, subject: str) -> Optional[Network]:
        """Return the network that REFERENCE names; if there is none, add a problem with SUBJECT.

        In check mode a missing network is assumed, with a warning, because an earlier task may make it.
        """
        return self._referred("network", self.store.find_network, reference, subject)

    def sandbox(self, reference: str, subject: str) -> Optional[Sandbox]:
        """Return the sandbox that REFERENCE names, as network() does."""
        return self._referred("sandbox", self.store.find_sandbox, reference, subject)

    def _referred(self, kind: str, find: Callable[[str], Optional[T]], reference: str, subject: str) -> Optional[T]:
        item: Optional[T] = None
        with self.problems.about(subject):
            item = find(reference)
            if item is None and not self.check:
                raise ValueError(f"there is no {kind} '{reference}'. Create it first.")
            if item is None:
                self.warn(
                    f"There is no {kind} '{reference}'; check mode assumes that an earlier task would have created it."
                )
                _ensure(kind)(self, {"name": reference, "state": "present"})
                item = find(reference)
                self.assumed |= {item.id} if item else set()
        return item


def _ensure(kind: str) -> Callable[[Context, Mapping[str, Any]], Optional[str]]:
    if kind == "network":
        from .network import ensure
    else:
        from .sandbox import ensure
    return ensure


def check_absent(context: Context, name: str, subject: str) -> None:
    """Check that NAME, which no object has, could be a name or an id: it may be misspelt."""
    with context.problems.about(subject):
        check_reference(name)


def texts(values: Mapping[Any, Any]) -> Dict[str, str]:
    """Return VALUES as text, booleans as Docker writes them.

    :raises ValueError: with all values that are neither text, nor a number, nor a boolean
    """

    def text(pair: Tuple[Any, Any]) -> Tuple[str, str]:
        key, value = pair
        if value is None or isinstance(value, (dict, list)):
            raise ValueError(f"the value of '{key}' is not text.")
        return str(key), str(value).lower() if isinstance(value, bool) else str(value)

    return dict(every(text, values.items()))


def listed(values: Sequence[str]) -> List[str]:
    """Return VALUES in their order, without duplicates."""
    return list(dict.fromkeys(values))


def quoted(items: Sequence[Named]) -> str:
    """Return the names of ITEMS for a message: the first ten, and how many more there are."""
    names = ", ".join(f"'{item.name}'" for item in items[:10])
    return f"{names} and {len(items) - 10} more" if len(items) > 10 else names
