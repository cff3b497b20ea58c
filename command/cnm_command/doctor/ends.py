# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both ends of the way that a packet takes."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence

from _cnm.controller import Controller

from ..errors import Failure
from ..inspection import find

Shown = Mapping[str, Any]
"""An object in Docker's shape."""


@dataclass(frozen=True)
class End:
    """A sandbox on this host or on another one, or an address that is nobody's."""

    name: str
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By network, the IPv4 address first."""
    sandbox: Optional[Shown] = None
    """The sandbox, if it is on this host."""
    host: str = ""
    """The other host that it is on."""

    @property
    def namespace(self) -> str:
        """The path of its namespace; empty if it is not on this host."""
        return str(self.sandbox["SandboxKey"]) if self.sandbox else ""

    def interface(self, network: str) -> str:
        """Return its interface to NETWORK, if it is on this host."""
        return str(self.sandbox["Networks"][network]["InterfaceName"]) if self.sandbox else ""


@dataclass(frozen=True)
class Way:
    """The way from one end to the other. At least one of them is a sandbox on this host."""

    source: End
    target: End
    networks: Mapping[str, Shown]
    """All networks, by name."""

    @property
    def here(self) -> List[End]:
        """The ends on this host."""
        return [end for end in (self.source, self.target) if end.sandbox]

    @property
    def other(self) -> Optional[End]:
        """The end on another host; None if there is none."""
        return next((end for end in (self.source, self.target) if end.host), None)

    @property
    def outwards(self) -> bool:
        """Whether it leads to an address that no sandbox has."""
        return not self.target.sandbox and not self.target.host

    @property
    def network(self) -> Optional[Shown]:
        """The network that a packet takes; None if there is none."""
        if self.outwards:
            version = ipaddress.ip_address(self.target.name).version
            joined = self.source.sandbox["Networks"] if self.source.sandbox else {}
            return next((self.networks[name] for name, each in joined.items() if each[f"DefaultRoute{version}"]), None)
        both = [name for name in self.source.addresses if name in self.target.addresses]
        return self.networks[both[0]] if both else None

    def address(self, end: End) -> str:
        """Return the address of END on the network, or another one that it has if it is on the network of the host."""
        if self.outwards and end is self.target:
            return end.name
        usual = [*(text for addresses in end.addresses.values() for text in addresses), "127.0.0.1"]
        chosen = end.addresses.get(self.network["Name"], usual) if self.network else usual
        return chosen[0]


def find_way(core: Controller, source: str, target: str) -> Way:
    """Return the way from SOURCE to TARGET: names or ids of sandboxes, names of endpoints on other hosts, or addresses.

    :raises Failure: if one of them is not known on this host, or if neither is on it
    """
    sandboxes = core.describe("sandbox", lambda _store, _item: True)
    networks = {each["Name"]: each for each in core.describe("network", lambda _store, _item: True)}
    way = Way(_end(source, sandboxes, networks), _end(target, sandboxes, networks), networks)
    if way.source.sandbox and way.source == way.target:
        raise Failure(f"{source} and {target} are the same sandbox.")
    if not way.here or (way.outwards and not way.source.sandbox) or not (way.source.addresses or way.source.sandbox):
        raise Failure(f"sandbox {source} is not on this host. Run it on the host of {source}.")
    return way


def _end(reference: str, sandboxes: Sequence[Dict[str, Any]], networks: Mapping[str, Shown]) -> End:
    for sandbox in sandboxes:
        if any(reference in addresses for addresses in _addresses(sandbox).values()):
            return _here(sandbox)
    if any(reference in (each["Name"], each["Id"]) for each in sandboxes):
        return _here(find("sandbox", sandboxes, reference)[0])
    remote: Dict[str, List[str]] = {}
    name = host = ""
    for network in networks.values():
        for each in network["Containers"].values():
            addresses = [text.partition("/")[0] for text in (each["IPv4Address"], each["IPv6Address"]) if text]
            if "Host" in each and reference in (each["Name"], *addresses):
                name, host = each["Name"], each["Host"]
                remote[network["Name"]] = addresses
    if remote:
        return End(name, remote, host=host)
    try:
        return End(str(ipaddress.ip_address(reference)))
    except ValueError:
        pass
    try:
        return _here(find("sandbox", sandboxes, reference)[0])
    except Failure as failure:
        raise Failure(f"{failure}, and the networks of this host know of none on another host") from failure


def _here(sandbox: Shown) -> End:
    return End(sandbox["Name"], _addresses(sandbox), sandbox)


def _addresses(sandbox: Shown) -> Dict[str, List[str]]:
    return {
        name: [text for text in (each["IPAddress"], each["GlobalIPv6Address"]) if text]
        for name, each in sandbox["Networks"].items()
    }
