# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of a store with the resources that they consist of, and the units that a change affects."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Dict, Hashable, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ..adopted import lost_device, lost_namespace, lost_underlay, only_root_redirects
from ..drivers import driver, spanning
from ..model.endpoint import Endpoint
from ..model.errors import CnmError
from ..model.network import Network
from ..model.reported import Place, place_of
from ..model.sandbox import Sandbox
from ..resources.firewall import elsewhere
from ..resources.kinds import Address, Element, Route, Sysctl
from ..resources.link import Link
from ..resources.namespace import Namespace
from ..resources.resource import HOST, Key, Resource
from ..resources.routes import Attachment, answering, routes
from ..store.journal import Unit
from ..store.queries import Queries
from .attachments import attachments, direct, has_host_stack
from .elsewhere import has_agents, holder_elsewhere, informed, remote_at
from .host_facts import Host
from .host_resources import HOST_UNIT, HostResources, is_realised
from .names import Names

LOOSE = "2"
"""Loose mode of rp_filter: a source address is valid if it is reachable at all (RFC 3704 2.4; ip-sysctl.rst)."""


class Roaming(NamedTuple):
    """An endpoint that may have moved to another host without notice."""

    endpoint: str
    """Its id."""
    sandbox: str
    """The id of its sandbox."""
    interface: Key
    """Its interface in the sandbox."""
    tunnel: Key
    """What joins its network to the other hosts."""
    questions: Set[Tuple[str, str]]
    """Its addresses, each with the link on which to ask other hosts for it; empty if this is not possible now."""
    known: Optional[str] = None
    """Which host has one of them, as far as agents have told; empty if none has, None if they do not tell."""


class Composition:
    """The objects of a store, with the resources that they are made of."""

    def __init__(self, store: Queries, host: Host, contents: bool = True) -> None:
        """Use the objects of STORE on HOST.

        :param contents: whether to work out the contents of files with names; if not, the files are empty
        """
        self._store = store
        self._host = host
        self._names = Names(store, host, contents, self._given_way)
        self.host_resources = HostResources(store, host)
        self._cut_off: Dict[str, str] = {}
        self.insisted: Set[Unit] = set()
        """Units that are made completely, even if something that they adopted is missing."""
        self.withheld: Dict[str, str] = {}
        """Ids of endpoints that must not be made, with the reason, unless their units are in ``insisted``."""
        self.isolated: Set[str] = set()
        """Ids of endpoints that must not reach other hosts yet."""

    def again(self) -> "Composition":
        """Return this composition of the same store, which has changed."""
        other = Composition(self._store, self._host)
        other.host_resources.released = self.host_resources.released
        other.insisted, other.withheld, other.isolated = self.insisted, self.withheld, self.isolated
        return other

    def resources(self, unit: Unit) -> List[Resource]:
        """Return the resources of UNIT; empty if there is no such object."""
        kind, identifier = unit
        if kind == "network":
            network = self._store.network(identifier)
            resources = self._of_network(network, unit) if network and is_realised(self._store, network) else []
            if network and unit not in self.insisted and lost_device(network, self._host):
                resources = _resting_on_nothing_adopted(resources)
            return [each for each in resources if not each.needs_ipv6 or self._host.ipv6()]
        if kind == "host":
            return self.host_resources.resources
        if kind == "reported":
            return self._of_report(place_of(identifier), unit)
        if kind == "dns":
            network = self._store.network(identifier)
            return self._names.of_network(network) if network and is_realised(self._store, network) else []
        sandbox = self._store.sandbox(identifier)
        if sandbox is None or not sandbox.running:
            return []
        if kind == "names":
            return self._names.of_sandbox(sandbox)
        lost = self.why_not_made(sandbox) if unit not in self.insisted else self._gone(sandbox)
        pairs = attachments(self._store, identifier)
        inside = self._sandbox(sandbox, pairs, unit)
        return (_resting_on_nothing_adopted(inside) if lost else inside) + self._handed_over(pairs, unit)

    def unused_ends(self, unit: Unit) -> Set[Key]:
        """Return the keys of the host's ends of interfaces that a stopped sandbox must not have."""
        sandbox = self._store.sandbox(unit.id) if unit.kind == "sandbox" else None
        if sandbox is None or (sandbox.running and not self._lost_namespace(sandbox)):
            return set()
        endpoints = self._store.endpoints_of_sandbox(sandbox.id)
        return {Link.at(HOST, one.device) for one in endpoints if not (sandbox.running and one.handed_over)}

    def taken_ends(self, unit: Unit) -> Set[Key]:
        """Return the keys of the host's ends of interfaces that were handed over."""
        if unit.kind != "sandbox":
            return set()
        endpoints = self._store.endpoints_of_sandbox(unit.id)
        return {Link.at(HOST, one.device) for one in endpoints if one.handed_over}

    def everything(self) -> Set[Unit]:
        """Return the units of all objects."""
        units: Set[Unit] = {HOST_UNIT} | {Unit("network", network.id) for network in self._store.networks()}
        for sandbox in self._store.sandboxes():
            units |= {Unit("sandbox", sandbox.id), Unit("names", sandbox.id)}
        return units

    def on_network(self, identifier: str) -> Set[Unit]:
        """Return the units of a network and of everything on it."""
        sandboxes = self._store.read_sandboxes_on(identifier)
        return {Unit("network", identifier)} | {Unit(kind, one) for one in sandboxes for kind in ("sandbox", "names")}

    def sharing(self, identifier: str) -> Set[Unit]:
        """Return the units of the networks that have a device in common with the network with this IDENTIFIER."""
        network = self._store.network(identifier)
        device = driver(network.driver).shared(network) if network is not None else None
        if not device:
            return set()
        networks = (*self._store.networks_on_parent(device), *self._store.networks_on_bridge(device))
        return {Unit("network", one.id) for one in networks}

    def names_on_network(self, identifier: str) -> Set[Unit]:
        """Return the units of a network and of the files with the names of its endpoints."""
        network = self._store.network(identifier)
        if network is not None and self._names.has_dns(network):
            return {Unit("network", identifier)}
        return {Unit("network", identifier)} | {Unit("names", one) for one in self._store.read_sandboxes_on(identifier)}

    def of_reports(self, identifier: str) -> Set[Unit]:
        """Return the units of the names on a network, which change with what agents report of it."""
        network = self._store.network(identifier)
        if network is not None and self._names.has_dns(network):
            return {Unit("dns", identifier)}
        return {Unit("names", one) for one in self._store.read_sandboxes_on(identifier)}

    def of_sandbox(self, identifier: str) -> Set[Unit]:
        """Return the units of a sandbox and of the networks that it is on."""
        endpoints = self._store.endpoints_of_sandbox(identifier)
        return {Unit("sandbox", identifier), Unit("names", identifier)} | {
            Unit("network", one.network) for one in endpoints
        }

    def cut_off(self, network: Network) -> str:
        """Return why NETWORK cannot reach other hosts now; empty if it can, or if it is on this host only."""
        if network.id not in self._cut_off:
            self._cut_off[network.id] = lost_underlay(network, self._host)
        return self._cut_off[network.id]

    def _as_possible(self, network: Network, unit: Unit) -> Network:
        """Return NETWORK as it is possible for UNIT now: on this host only, if it cannot reach the others."""
        return network if unit in self.insisted or not self.cut_off(network) else replace(network, underlay=None)

    def _of_network(self, network: Network, unit: Unit) -> List[Resource]:
        known = informed(self._store, self._as_possible(network, unit), self._given_way())
        return driver(network.driver).network(known) + self._names.of_network(network)

    def _of_report(self, place: Place, unit: Unit) -> List[Resource]:
        network = self._store.network(place.network)
        if network is None or lost_device(network, self._host):
            return []
        network = self._as_possible(network, unit)
        remote = remote_at(self._store, network, place, self._given_way())
        resources = driver(network.driver).remote(network, *remote) if remote is not None else []
        return [each for each in resources if not each.needs_ipv6 or self._host.ipv6()]

    def _sandbox(self, sandbox: Sandbox, pairs: Sequence[Attachment], unit: Unit) -> List[Resource]:
        if has_host_stack(pairs):
            return []
        if unit not in self.insisted:
            pairs = [pair for pair in pairs if pair[1].id not in self.withheld]
        resources: List[Resource] = [Namespace(sandbox.path, adopted=sandbox.netns is not None)]
        inside = [pair for pair in pairs if not pair[1].handed_over]
        leading = direct(inside)
        own = answering(sandbox, inside, leading)
        lost: Set[str] = set()
        for network, endpoint in inside:
            possible = self._as_possible(network, unit)
            made = driver(network.driver).endpoint(possible, endpoint, sandbox.path, own)
            if endpoint.address(6) is None:
                made = [resource for resource in made if not resource.needs_ipv6 or self._host.ipv6()]
            if endpoint.leased:
                made.append(_client(network, endpoint, sandbox))
                if endpoint.id in self._host.lost_leases():
                    lost.add(endpoint.interface or "")
            if endpoint.id in self.isolated:
                made = [resource.apart_from_hosts() for resource in made]
            resources += made if unit in self.insisted else [resource.unannounced() for resource in made]
            if len(pairs) > 1:
                resources += _sent_by(network, pairs)
                # Packets that come in through one network may leave through the one with the default route.
                name = f"net/ipv4/conf/{endpoint.interface}/rp_filter"
                resources.append(Sysctl(sandbox.path, name, LOOSE, endpoint.interface or ""))
        for name, value in sandbox.sysctls.items():
            resources.append(Sysctl(sandbox.path, name.replace(".", "/") if "/" not in name else name, value))
        ways = routes(sandbox, inside, leading)
        resources += [route for route in ways if ":" not in route.destination or self._host.ipv6()]
        return [each for each in resources if not _needs_ipv4_of(each, lost)] if lost else resources

    def _handed_over(self, pairs: Sequence[Attachment], unit: Unit) -> List[Resource]:
        """Return what the host has of those interfaces of a sandbox that an engine moves there.

        They wait on the host, where the engine finds them. When it has taken one, the end on the host is left alone:
        the engine may still be at work on the other one.

        :param pairs: the attachments of the sandbox
        """
        resources: List[Resource] = []
        for network, endpoint in pairs:
            if not endpoint.handed_over or (unit not in self.insisted and lost_device(network, self._host)):
                continue
            waiting = Link.at(HOST, endpoint.waiting_interface)
            taken = self._host.has_link(endpoint.device) and not self._host.has_link(endpoint.waiting_interface)
            for resource in driver(network.driver).endpoint(self._as_possible(network, unit), endpoint, HOST, {}):
                if isinstance(resource, Link) and resource.key == waiting:
                    # The host must not receive on it.
                    resources += [] if taken else [replace(resource, up=None)]
                elif waiting not in resource.within:
                    resources.append(resource)
            resources += _sent_by(network, pairs) if len(pairs) > 1 else []
        return resources

    def roaming(self) -> List[Roaming]:
        """Return the endpoints that may have moved to another host without notice."""
        roaming: List[Roaming] = []
        for network in self._store.networks():
            if network.peers and network.underlay is not None:
                asking, told = spanning(network.driver).last_wins(network), has_agents(network)
                if not asking and not told:
                    continue
                device = spanning(network.driver).device(network)
                for endpoint in self._store.running_endpoints(network.id):
                    sandbox = self._store.sandbox(str(endpoint.sandbox))
                    # An interface that waits for an engine sends nothing.
                    if sandbox is not None and not endpoint.handed_over:
                        interface = Link.at(sandbox.path, endpoint.interface or "")
                        asked = () if not asking or self.cut_off(network) else endpoint.addresses
                        questions = {(device, str(address)) for address in asked}
                        known = self.whose(network, endpoint) if told else None
                        tunnel = Link.at(HOST, device)
                        roaming.append(Roaming(endpoint.id, sandbox.id, interface, tunnel, questions, known))
        return roaming

    def _given_way(self) -> Set[str]:
        """Return the ids of endpoints that are withheld from their sandboxes."""
        endpoints = filter(None, map(self._store.endpoint, self.withheld))
        return {one.id for one in endpoints if Unit("sandbox", str(one.sandbox)) not in self.insisted}

    def whose(self, network: Network, endpoint: Endpoint) -> str:
        """Return which other host has an address of ENDPOINT, on NETWORK, as agents tell; empty if none does."""
        keys = [str(address) for address in endpoint.addresses]
        holder = holder_elsewhere(self._store, network, keys) if keys else None
        if holder is None:
            return ""
        address = next(each for each in keys if each in holder.keys)
        return f"host '{holder.place.host}' has its address {address}"

    def _lost_network(self, sandbox: Sandbox) -> str:
        pairs = attachments(self._store, sandbox.id)
        return next(filter(None, (lost_device(network, self._host) for network, _endpoint in pairs)), "")

    def why_not_made(self, sandbox: Sandbox) -> str:
        """Return why SANDBOX is not made: something adopted is missing, or it is withheld; empty if it is made."""
        lost = self._lost_namespace(sandbox) or self._lost_network(sandbox)
        if lost or not self.withheld or sandbox.netns is not None or self._host.has_own_namespace(sandbox.path):
            return lost
        return next((reason for _network, reason in self.withheld_from(sandbox)), "")

    def withheld_from(self, sandbox: Sandbox) -> List[Tuple[Network, str]]:
        """Return the networks that SANDBOX must not be on now, with the reasons."""
        pairs = attachments(self._store, sandbox.id) if self.withheld else []
        return [(network, self.withheld[endpoint.id]) for network, endpoint in pairs if endpoint.id in self.withheld]

    def _lost_namespace(self, sandbox: Sandbox) -> str:
        try:
            return self._gone(sandbox)
        except CnmError as error:
            return str(error).rstrip(".")

    def _gone(self, sandbox: Sandbox) -> str:
        """Return why the namespace that SANDBOX adopted is not there for it; empty if it is."""
        lost = lost_namespace(sandbox, self._host)
        if lost or sandbox.netns is None or sandbox.identity is not None or only_root_redirects(sandbox.netns):
            return lost
        holder = self._holder(sandbox.path)
        return f"'{sandbox.path}' leads to the namespace of sandbox '{holder.name}' now" if holder is not None else ""

    def leads_astray(self, path: str) -> bool:
        """Say whether PATH may lead to no namespace now, or to that of another sandbox, because of its owner."""
        if only_root_redirects(path):
            return False
        try:
            if self._host.namespace_id(path) is None:
                return True
        except CnmError:
            # It leads elsewhere by now. For this run, it means what it has meant from the beginning.
            pass
        return self._holder(path) is not None

    def _holder(self, path: str) -> Optional[Sandbox]:
        """Return the sandbox with another path that has the namespace to which PATH was found to lead."""
        holders = map(self._store.sandbox, self._holders.get(self._host.namespace_file(path), ()))
        return next((one for one in holders if one is not None and one.path != path), None)

    @cached_property
    def _holders(self) -> Mapping[Optional[Hashable], Sequence[str]]:
        """The ids of sandboxes by the files of the namespaces that their paths lead to."""
        holders: Dict[Optional[Hashable], List[str]] = {}
        for identifier, path, _identity in self._store.namespaces():
            holders.setdefault(self._host.namespace_file(path), []).append(identifier)
        holders.pop(None, None)
        return holders


def _needs_ipv4_of(resource: Resource, interfaces: Set[str]) -> bool:
    """Say whether RESOURCE is or needs an IPv4 address of one of INTERFACES in its sandbox."""
    if isinstance(resource, Address):
        return resource.link in interfaces and ":" not in resource.interface
    return isinstance(resource, Route) and resource.link in interfaces and ":" not in resource.destination


def _client(network: Network, endpoint: Endpoint, sandbox: Sandbox) -> Resource:
    """Return what obtains the IPv4 address of ENDPOINT on NETWORK, in SANDBOX, from a DHCP server."""
    from ..resources.dhcp import DhcpClient

    pool = network.pool(4)
    return DhcpClient(
        sandbox.path,
        endpoint.id,
        endpoint.interface or "",
        endpoint.mac,
        str(pool.subnet if pool is not None else ""),
        endpoint.name,
        address=str(endpoint.ipv4 or ""),
    )


def _sent_by(network: Network, pairs: Sequence[Attachment]) -> List[Element]:
    """Return what lets a sandbox send packets with the addresses of its other networks, in PAIRS, through NETWORK."""
    elements: List[Element] = []
    if not driver(network.driver).host_is_gateway(network):
        return elements
    for other, endpoint in pairs:
        if other.id != network.id and not other.internal and not network.internal:
            elements += elsewhere(driver(network.driver).device(network) or "", endpoint.addresses)
    return elements


def _resting_on_nothing_adopted(resources: Iterable[Resource]) -> List[Resource]:
    return [resource for resource in resources if not resource.rests_on_adopted]
