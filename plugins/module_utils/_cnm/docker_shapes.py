# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's JSON shapes of what a store holds.

There is no ``Created``, because check mode must return what the run will return.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Union

from .composition.attachments import attachments, direct, has_host_stack
from .composition.elsewhere import informed
from .drivers import driver
from .model.addresses import with_prefix
from .model.endpoint import Endpoint
from .model.ids import make_id
from .model.network import Network, Pool
from .model.overlay_peer import Remote
from .model.sandbox import Sandbox
from .model.secret_settings import told
from .model.static_route import StaticRoute
from .resources.routes import gateway_owner
from .store.objects import SqliteStore


def network(store: SqliteStore, item: Network, elsewhere: bool = True) -> Dict[str, Any]:
    """Return what ``docker network inspect`` shows, and more under ``Host``.

    :param elsewhere: whether to show endpoints on other hosts
    """
    kind = driver(item.driver)
    shown: Dict[str, Any] = {
        "Name": item.name,
        "Id": item.id,
        "Scope": kind.scope,
        "Driver": item.driver,
        "EnableIPv6": item.ipv6,
        "IPAM": {"Driver": item.ipam_driver, "Options": {}, "Config": [_pool(pool) for pool in item.pools]},
        "Internal": item.internal,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {
            str(one.sandbox): {
                "Name": one.name,
                "EndpointID": one.id,
                "MacAddress": one.mac,
                "IPv4Address": _cidr(item, one, 4),
                "IPv6Address": _cidr(item, one, 6),
            }
            for one in store.running_endpoints(item.id)
        },
        "Routes": [_route(route) for route in item.routes],
        "NoDefaultRoute": item.no_default_route,
        "DnsServers": list(item.dns_servers),
        "Options": kind.shown_options(item),
        "Labels": dict(item.labels),
        "Host": {
            "Device": kind.device(item) or "",
            "Mtu": item.mtu,
            "Dns": item.has_dns,
            "Engines": list(item.engines),
            **kind.shown(item),
        },
    }
    if item.metric is not None:
        shown["Metric"] = item.metric
    if item.underlay is not None and elsewhere:
        shown["Peers"] = [{"Name": peer.name, "IP": str(peer.address)} for peer in item.peers]
        shown["Containers"].update(_elsewhere(informed(store, item)))
    return shown


def _elsewhere(item: Network) -> Dict[str, Any]:
    """Return the endpoints on other hosts, with the keys that Docker 1.9 used for them."""
    declared = {(peer.name, remote.name) for peer, remote in item.declared_remotes()}
    shown: Dict[str, Any] = {}
    for peer, remote in item.remotes():
        # What is declared has its name for itself. Containers of different hosts may have one name.
        owner = () if (peer.name, remote.name) in declared else (peer.name,)
        identifier = make_id(item.id, *owner, remote.name)
        shown[f"ep-{identifier}"] = {
            "Name": remote.name,
            "EndpointID": identifier,
            "MacAddress": remote.mac,
            "IPv4Address": _cidr(item, remote, 4),
            "IPv6Address": _cidr(item, remote, 6),
            "Host": peer.name,
        }
    return shown


def _route(route: StaticRoute) -> Dict[str, Any]:
    shown: Dict[str, Any] = {"Destination": str(route.destination), "Type": route.type}
    if route.gateway is not None:
        shown["Gateway"] = str(route.gateway)
    if route.metric is not None:
        shown["Metric"] = route.metric
    return shown


def _pool(pool: Pool) -> Dict[str, Any]:
    shown: Dict[str, Any] = {"Subnet": str(pool.subnet)}
    if pool.iprange is not None:
        shown["IPRange"] = str(pool.iprange)
    if pool.gateway is not None:
        shown["Gateway"] = str(pool.gateway)
    if pool.auxiliary:
        shown["AuxiliaryAddresses"] = {name: str(address) for name, address in pool.auxiliary.items()}
    return shown


def _cidr(on: Optional[Network], one: Union[Endpoint, Remote], version: int) -> str:
    address, pool = one.address(version), on.pool(version) if on else None
    return with_prefix(address, pool.subnet) if address is not None and pool is not None else ""


def endpoint(store: SqliteStore, item: Endpoint) -> Dict[str, Any]:
    """Return all properties of an endpoint, with or without a sandbox."""
    on = store.network(item.network)
    inside = store.sandbox(item.sandbox) if item.sandbox else None
    return {
        "Name": item.name,
        "Id": item.id,
        "Network": on.name if on else "",
        "NetworkID": item.network,
        "Sandbox": inside.name if inside else "",
        "SandboxID": item.sandbox or "",
        "State": "joined" if item.sandbox else "left",
        "MacAddress": item.mac,
        "IPv4Address": _cidr(on, item, 4),
        "IPv6Address": _cidr(on, item, 6),
        "Aliases": list(item.aliases),
        "GwPriority": item.gateway_priority,
        "InterfaceName": item.interface or "",
        "Ports": _ports(on, item),
    }


def _ports(on: Optional[Network], item: Endpoint) -> Dict[str, List[Dict[str, str]]]:
    shown: Dict[str, List[Dict[str, str]]] = {}
    for port in item.ports:
        bindings = shown.setdefault(f"{port.container_port}/{port.protocol}", [])
        if port.host_port is None or on is None:
            continue
        for address, host_ip, translated in driver(on.driver).targets(on, item, port):
            if not translated:
                continue
            everywhere = "0.0.0.0" if address.version == 4 else "::"
            binding = {"HostIp": str(host_ip or everywhere), "HostPort": str(port.host_port)}
            if binding not in bindings:
                bindings.append(binding)
    return shown


def sandbox(store: SqliteStore, item: Sandbox) -> Dict[str, Any]:
    """Return what ``docker inspect`` shows of a container's network settings, and who gives the default routes."""
    pairs = attachments(store, item.id)
    owners = {version: gateway_owner(item, pairs, version, direct(pairs)) for version in (4, 6)}
    ports: Dict[str, List[Dict[str, str]]] = {}
    for on, one in pairs:
        for key, bindings in _ports(on, one).items():
            ports.setdefault(key, []).extend(bindings)
    return {
        "Name": item.name,
        "Id": item.id,
        "State": "running" if item.running else "stopped",
        "SandboxKey": "" if has_host_stack(pairs) else item.path,
        "Hostname": item.hostname or item.name,
        "Domainname": item.domainname or "",
        "Dns": _listed(item.dns_servers),
        "DnsSearch": _listed(item.dns_search_domains),
        "DnsOptions": _listed(item.dns_opts),
        "ExtraHosts": [
            f"{name}:{address}"
            for name, addresses in sorted(item.etc_hosts.items())
            for address in addresses.split(",")
        ],
        "Sysctls": {name: told(name, value) for name, value in item.sysctls.items()},
        "Routes": [_route(route) for route in item.routes],
        "NoDefaultRoute": item.no_default_route,
        "Labels": dict(item.labels),
        "Networks": {on.name: _attachment(on, one, owners) for on, one in sorted(pairs, key=lambda pair: pair[0].name)},
        "Ports": ports,
    }


def _listed(values: Optional[Sequence[str]]) -> Optional[List[str]]:
    return None if values is None else list(values)


def _attachment(on: Network, one: Endpoint, owners: Dict[int, Any]) -> Dict[str, Any]:
    pools = {version: on.pool(version) for version in (4, 6)}

    def gateway(version: int) -> str:
        pool = pools[version]
        return str(pool.gateway) if pool is not None and pool.gateway is not None else ""

    def prefix(version: int) -> int:
        pool = pools[version]
        return pool.subnet.prefixlen if pool is not None and one.address(version) is not None else 0

    return {
        "Aliases": list(one.aliases),
        "MacAddress": one.mac,
        "NetworkID": on.id,
        "EndpointID": one.id,
        "Gateway": gateway(4),
        "IPAddress": str(one.address(4) or ""),
        "IPPrefixLen": prefix(4),
        "IPv6Gateway": gateway(6),
        "GlobalIPv6Address": str(one.address(6) or ""),
        "GlobalIPv6PrefixLen": prefix(6),
        "GwPriority": one.gateway_priority,
        "InterfaceName": one.interface or "",
        "DefaultRoute4": owners[4] is not None and owners[4][1].id == one.id,
        "DefaultRoute6": owners[6] is not None and owners[6][1].id == one.id,
    }
