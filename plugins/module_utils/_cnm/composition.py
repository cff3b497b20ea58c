# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From objects to resources: the resources of each object of a store, and the units that its change affects."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Protocol, Sequence, Set, Tuple

from .adopted import Holding, lost_device, lost_namespace, lost_underlay
from .drivers import LOADERS, driver, spanning
from .model.endpoint import Endpoint
from .model.errors import CnmError
from .model.network import DEFAULT, Network
from .model.overlay_peer import Remote
from .model.sandbox import Sandbox
from .naming import hosts_files
from .resources.firewall import RULESET, elsewhere, tunnel_elements
from .resources.kinds import FORWARDING, Element, ForwardAccept, Namespace, Ruleset, Sysctl
from .resources.link import Link
from .resources.resource import HOST, Key, Resource
from .resources.routes import answering, gateway_order, routes
from .store.journal import Setting, Unit
from .store.objects import SqliteStore

HOST_UNIT = Unit("host", "")
"""Resources of the host itself as long as packets of a network pass it: the firewall's table, forwarding."""

APART_UNIT = Unit("host", "apart")
"""Resources that record the interfaces between which the host did not forward before us."""

LOOSE = "2"
"""Loose mode of rp_filter: a source address is valid if it is reachable at all (RFC 3704 2.4; ip-sysctl.rst)."""


class Host(Holding, Protocol):
    """The facts about the host that the resources of objects depend on."""

    def resolv_conf(self) -> str:
        """Return the text of the host's resolv.conf."""

    def ipv6(self) -> bool:
        """Say whether the host has IPv6."""

    def unforwarded(self, version: int) -> Sequence[str]:
        """Return the interfaces that are not ours if the host does not forward family VERSION; empty if it does."""

    def lan_interfaces(self) -> Sequence[str]:
        """Return the interfaces that are not ours and join the host to a LAN: hardware, VLANs, bonds."""

    def is_router(self) -> bool:
        """Say whether the administrator wants the host to forward for its neighbours, too."""

    def router_advertised(self) -> Sequence[str]:
        """Return the devices whose default route comes from router advertisements."""

    def docker_chains(self) -> Sequence[str]:
        """Return the families, ``ip`` and ``ip6``, for which Docker has its chain ``DOCKER-USER`` or would make it."""

    def has_name_server(self) -> bool:
        """Say whether the name server program is installed."""

    def other_bridges(self) -> Sequence[str]:
        """Return the bridges of the host that are not ours."""


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


class Topology:
    """The objects of a store, with the resources that they are made of."""

    def __init__(self, store: SqliteStore, host: Host) -> None:
        self._store = store
        self._host = host
        self._lines: Dict[str, str] = {}
        self._networks: Dict[str, Optional[Network]] = {}
        self._resolv_conf: Optional[str] = None
        self._ipv6: Optional[bool] = None
        self._cut_off: Dict[str, str] = {}
        self.insisted: Set[Unit] = set()
        """Units that are made completely, even if something that they adopted is missing."""
        self.withheld: Dict[str, str] = {}
        """Ids of endpoints that must not be made, with the reason, unless their units are in ``insisted``."""
        self.isolated: Set[str] = set()
        """Ids of endpoints that must not reach other hosts yet."""

    def resources(self, unit: Unit) -> List[Resource]:
        """Return the resources of UNIT; empty if there is no such object."""
        kind, identifier = unit
        if kind == "network":
            network = self._network(identifier)
            resources = self._of_network(network, unit) if network and self._realised(network) else []
            if network and unit not in self.insisted and lost_device(network, self._host):
                resources = _resting_on_nothing_adopted(resources)
            return [each for each in resources if not each.needs_ipv6 or self._host.ipv6()]
        if kind == "host":
            return self._host_resources()
        sandbox = self._store.sandbox(identifier)
        if sandbox is None or not sandbox.running:
            return []
        if kind == "names":
            return self._names(sandbox)
        lost = self.why_not_made(sandbox) if unit not in self.insisted else lost_namespace(sandbox, self._host)
        return _resting_on_nothing_adopted(self._sandbox(sandbox, unit)) if lost else self._sandbox(sandbox, unit)

    def unused_ends(self, unit: Unit) -> Set[Key]:
        """Return the keys of the host's ends of interfaces that a stopped sandbox must not have."""
        sandbox = self._store.sandbox(unit.id) if unit.kind == "sandbox" else None
        if sandbox is None or (sandbox.running and not self._lost_namespace(sandbox)):
            return set()
        endpoints = self._store.endpoints_of_sandbox(sandbox.id)
        return {(Link.kind, HOST, endpoint.device) for endpoint in endpoints}

    def everything(self) -> Set[Unit]:
        """Return the units of all objects."""
        units: Set[Unit] = {HOST_UNIT} | {Unit("network", network.id) for network in self._store.networks()}
        for sandbox in self._store.sandboxes():
            units |= {Unit("sandbox", sandbox.id), Unit("names", sandbox.id)}
        return units

    def on_network(self, identifier: str) -> Set[Unit]:
        """Return the units of a network and of everything on it."""
        units: Set[Unit] = {Unit("network", identifier)}
        for endpoint in self._store.running_endpoints(identifier):
            units |= {Unit("sandbox", str(endpoint.sandbox)), Unit("names", str(endpoint.sandbox))}
        return units

    def names_on_network(self, identifier: str) -> Set[Unit]:
        """Return the units of a network and of the files with the names of its endpoints."""
        network = self._network(identifier)
        if network is not None and self._has_dns(network):
            return {Unit("network", identifier)}
        endpoints = self._store.running_endpoints(identifier)
        return {Unit("network", identifier)} | {Unit("names", str(endpoint.sandbox)) for endpoint in endpoints}

    def of_sandbox(self, identifier: str) -> Set[Unit]:
        """Return the units of a sandbox and of the networks that it is on."""
        endpoints = self._store.endpoints_of_sandbox(identifier)
        return {Unit("sandbox", identifier), Unit("names", identifier)} | {
            Unit("network", one.network) for one in endpoints
        }

    def _network(self, identifier: str) -> Optional[Network]:
        if identifier not in self._networks:
            self._networks[identifier] = self._store.network(identifier)
        return self._networks[identifier]

    def _has_dns(self, network: Network) -> bool:
        """Say whether NETWORK uses DNS. If the name server program was uninstalled, names are in files again."""
        return network.has_dns and self._host.has_name_server()

    def cut_off(self, network: Network) -> str:
        """Return why NETWORK cannot reach other hosts now; empty if it can, or if it is on this host only."""
        if network.id not in self._cut_off:
            self._cut_off[network.id] = lost_underlay(network, self._host)
        return self._cut_off[network.id]

    def _as_possible(self, network: Network, unit: Unit) -> Network:
        """Return NETWORK as it is possible for UNIT now: on this host only, if it cannot reach the others."""
        return network if unit in self.insisted or not self.cut_off(network) else replace(network, underlay=None)

    def _of_network(self, network: Network, unit: Unit) -> List[Resource]:
        resources = driver(network.driver).network(self._as_possible(network, unit))
        if self._has_dns(network):
            from .naming.dns_records import records
            from .resources.dns import NameServer

            here = self._store.running_endpoints(network.id)
            servers = dict.fromkeys((str(one.sandbox) for one in here), network.dns_servers)
            servers.update(self._store.name_servers(network.id))
            resources.append(records(network, here, _away(network, here), servers))
            resources += [NameServer(str(gateway)) for _pool, gateway in network.gateways()]
        return resources

    def _realised(self, network: Network) -> bool:
        return not network.predefined or bool(self._store.running_endpoints(network.id))

    def attachments(self, sandbox: Sandbox) -> List[Tuple[Network, Endpoint]]:
        """Return the endpoints of SANDBOX with their networks, in the order in which they give default routes."""
        pairs = []
        for endpoint in self._store.endpoints_of_sandbox(sandbox.id):
            network = self._network(endpoint.network)
            if network is not None:
                pairs.append((network, endpoint))
        return gateway_order(pairs)

    def _sandbox(self, sandbox: Sandbox, unit: Unit) -> List[Resource]:
        attachments = self.attachments(sandbox)
        if has_host_stack(attachments):
            return []
        if unit not in self.insisted:
            attachments = [pair for pair in attachments if pair[1].id not in self.withheld]
        resources: List[Resource] = [Namespace(sandbox.path, adopted=sandbox.netns is not None)]
        own = answering(sandbox, attachments)
        for network, endpoint in attachments:
            possible = self._as_possible(network, unit)
            made = driver(network.driver).endpoint(possible, endpoint, sandbox.path, own)
            if endpoint.address(6) is None:
                made = [resource for resource in made if not resource.needs_ipv6 or self._host.ipv6()]
            if endpoint.id in self.isolated:
                made = [resource.apart_from_hosts() for resource in made]
            resources += made if unit in self.insisted else [resource.unannounced() for resource in made]
            if len(attachments) > 1:
                resources += _sent_by(network, attachments)
                # Packets that come in through one network may leave through the one with the default route.
                name = f"net/ipv4/conf/{endpoint.interface}/rp_filter"
                resources.append(Sysctl(sandbox.path, name, LOOSE, endpoint.interface or ""))
        for name, value in sandbox.sysctls.items():
            resources.append(Sysctl(sandbox.path, name.replace(".", "/") if "/" not in name else name, value))
        resources += [
            route for route in routes(sandbox, attachments) if ":" not in route.destination or self._host.ipv6()
        ]
        return resources

    def roaming(self) -> List[Roaming]:
        """Return the endpoints that may have moved to another host without notice."""
        roaming: List[Roaming] = []
        for network in self._store.networks():
            if not network.peers:
                continue
            way = spanning(network.driver)
            if way.tunnel(network.name, network.options).learning:
                device = way.device(network)
                for endpoint in self._store.running_endpoints(network.id):
                    sandbox = self._store.sandbox(str(endpoint.sandbox))
                    if sandbox is not None:
                        interface = (Link.kind, sandbox.path, endpoint.interface or "")
                        asked = () if self.cut_off(network) else endpoint.addresses
                        questions = {(device, str(address)) for address in asked}
                        roaming.append(
                            Roaming(endpoint.id, sandbox.id, interface, (Link.kind, HOST, device), questions)
                        )
        return roaming

    def _lost_network(self, sandbox: Sandbox) -> str:
        attachments = self.attachments(sandbox)
        return next(filter(None, (lost_device(network, self._host) for network, _endpoint in attachments)), "")

    def why_not_made(self, sandbox: Sandbox) -> str:
        """Return why SANDBOX is not made: something adopted is missing, or it is withheld; empty if it is made."""
        lost = self._lost_namespace(sandbox) or self._lost_network(sandbox)
        if lost or not self.withheld or sandbox.netns is not None or self._host.has_own_namespace(sandbox.path):
            return lost
        return next((reason for _network, reason in self.withheld_from(sandbox)), "")

    def withheld_from(self, sandbox: Sandbox) -> List[Tuple[Network, str]]:
        """Return the networks that SANDBOX must not be on now, with the reasons."""
        attachments = self.attachments(sandbox) if self.withheld else []
        return [
            (network, self.withheld[endpoint.id]) for network, endpoint in attachments if endpoint.id in self.withheld
        ]

    def _lost_namespace(self, sandbox: Sandbox) -> str:
        try:
            return lost_namespace(sandbox, self._host)
        except CnmError as error:
            return str(error).rstrip(".")

    def _names(self, sandbox: Sandbox) -> List[Resource]:
        attachments = self.attachments(sandbox)
        if has_host_stack(attachments):
            return []
        networks = [network for network, _endpoint in attachments]
        by_name = sorted(networks, key=lambda network: network.name)
        # DNS is not asked for a name in the file, and others may have the same alias.
        parts = [self._lines_of(network) for network in by_name if not self._has_dns(network)]
        gateways = [
            str(gateway)
            for network, endpoint in attachments
            if self._has_dns(network)
            for _pool, gateway in network.gateways()
            if endpoint.address(gateway.version)
        ]
        own = [endpoint for _network, endpoint in attachments]
        reaches = {
            address.version
            for network, endpoint in attachments
            if not network.internal
            for address in endpoint.addresses
        }
        if self._resolv_conf is None or self._ipv6 is None:
            self._resolv_conf, self._ipv6 = self._host.resolv_conf(), self._host.ipv6()
        if sandbox.dns_servers is None:
            named = tuple(dict.fromkeys(one for network in networks for one in network.dns_servers))
            sandbox = replace(sandbox, dns_servers=named or None)
        return [
            hosts_files.hosts(sandbox, own, parts, self._ipv6, _host_gateways(attachments)),
            hosts_files.resolv_conf(sandbox, self._resolv_conf, reaches, gateways),
        ]

    def _lines_of(self, network: Network) -> str:
        if network.id not in self._lines:
            here = self._store.running_endpoints(network.id)
            self._lines[network.id] = hosts_files.lines(network, [*here, *_away(network, here)])
        return self._lines[network.id]

    def in_use(self) -> bool:
        """Say whether the host has any network whose packets it handles."""
        default = self._store.network_named(DEFAULT)
        return _any_passes(self._store.has_networks) or (default is not None and self._realised(default))

    def _host_resources(self) -> List[Resource]:
        if not self.in_use():
            return []
        resources: List[Resource] = [Ruleset(RULESET), Sysctl(HOST, FORWARDING[4], "1")]
        resources += map(apart_element, self.apart())
        resources += [ForwardAccept(family) for family in self._host.docker_chains()]
        resources += self._tunnels()
        if _any_passes(self._store.has_ipv6):
            # With forwarding, the kernel ignores router advertisements unless accept_ra is 2
            # (Documentation/networking/ip-sysctl.rst).
            names = {f"net/ipv6/conf/{device}/accept_ra" for device in self._host.router_advertised()}
            names |= {name for name, setting in self._store.settings().items() if _hears_routers(name, setting)}
            resources += [Sysctl(HOST, name, "2") for name in sorted(names)]
            resources.append(Sysctl(HOST, FORWARDING[6], "1"))
        return resources

    def apart(self) -> Set[str]:
        """Return the settings of the interfaces between which the host did not forward before us.

        They include hardware, VLANs and bonds that were added later. Other later interfaces, such as bridges and
        tunnels, belong to programs that rely on forwarding.
        """
        if not self.in_use():
            return set()
        remembered = {name for name, setting in self._store.settings().items() if setting.unit == APART_UNIT}
        settings: Set[str] = set()
        for version in (4, 6) if _any_passes(self._store.has_ipv6) else (4,):
            prefix = f"net/ipv{version}/conf/"
            known = {name for name in remembered if name.startswith(prefix)}
            devices = self._host.unforwarded(version)
            if devices and known and self._host.other_bridges():
                devices = ()
            if known:
                settings |= {f"{prefix}{device}/forwarding" for device in self._host.lan_interfaces()}
            settings |= known | {f"{prefix}{device}/forwarding" for device in devices}
        return set() if settings and self._host.is_router() else settings

    def _tunnels(self) -> List[Element]:
        """Return what admits the packets of other hosts. It belongs to the host, because networks may share peers."""
        elements: List[Element] = []
        for kind, name, options, device, peers in self._store.underlays():
            port = spanning(kind).tunnel(name, options).port
            elements += tunnel_elements(port, device, map(ipaddress.ip_address, peers))
        return elements


def apart_element(name: str) -> Element:
    """Return what stops forwarding between the interface with the setting NAME and others."""
    _net, family, _conf, device, _forwarding = name.split("/")
    return Element(f"apart{family[-1]}", device)


def _any_passes(has: Callable[[str], bool]) -> bool:
    """Say whether the store HAS networks of any driver whose packets pass the host."""
    return any(has(name) and driver(name).host_is_gateway for name in LOADERS)


def _host_gateways(attachments: Sequence[Tuple[Network, Endpoint]]) -> List[str]:
    """Return the host's addresses on the first network that has any, of the families that the endpoint has."""
    for network, endpoint in attachments:
        if not driver(network.driver).host_is_gateway:
            continue
        gateways = [str(gateway) for _pool, gateway in network.gateways() if endpoint.address(gateway.version)]
        if gateways:
            return gateways
    return []


def _sent_by(network: Network, attachments: Sequence[Tuple[Network, Endpoint]]) -> List[Element]:
    """Return what lets a sandbox with ATTACHMENTS send packets with its other networks' addresses through NETWORK."""
    elements: List[Element] = []
    if not driver(network.driver).host_is_gateway:
        return elements
    for other, endpoint in attachments:
        if other.id != network.id and not other.internal and not network.internal:
            elements += elsewhere(driver(network.driver).device(network) or "", endpoint.addresses)
    return elements


def _away(network: Network, here: Sequence[Endpoint]) -> List[Remote]:
    """Return the known endpoints on other hosts, except those that are HERE."""
    names = {endpoint.name for endpoint in here}
    return [remote for _peer, remote in network.remotes() if remote.name not in names]


def _hears_routers(name: str, setting: Setting) -> bool:
    """Say whether a setting was changed so that the host keeps accepting router advertisements; routes may change."""
    return setting.unit == HOST_UNIT and name.endswith("/accept_ra")


def _resting_on_nothing_adopted(resources: Iterable[Resource]) -> List[Resource]:
    return [resource for resource in resources if not resource.rests_on_adopted]


def has_host_stack(attachments: Iterable[Tuple[Network, Endpoint]]) -> bool:
    """Say whether a sandbox with ATTACHMENTS has the host's network stack."""
    return any(driver(network.driver).in_host_namespace for network, _endpoint in attachments)
