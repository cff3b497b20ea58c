# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks and services of a compose file, as networks and sandboxes."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple, Union

from ...module_utils._cnm.drivers import DEFAULT, creatable
from ...module_utils._cnm.model.network import PREDEFINED
from .inspected import driver_options
from .renamed import renamed

_NETWORK = {"driver": "driver", "internal": "internal", "enable_ipv6": "enable_ipv6"}
_POOL = {"subnet": "subnet", "gateway": "gateway", "ip_range": "iprange", "aux_addresses": "aux_addresses"}
_LISTS = {"dns": "dns_servers", "dns_search": "dns_search_domains", "dns_opt": "dns_opts"}
_PORT = {"target": "container_port", "published": "host_port", "host_ip": "host_ip", "protocol": "protocol"}
_ATTACHED = {
    "ipv4_address": "ipv4_address",
    "ipv6_address": "ipv6_address",
    "mac_address": "mac_address",
    "gw_priority": "gateway_priority",
    "interface_name": "interface_name",
}
_ATTACHED_LEFT_OUT = ("driver_opts", "link_local_ips")
_LEFT_OUT = {
    "links": "use the names of services",
    "external_links": "use aliases on a common network",
}


class Composed(NamedTuple):
    """What a compose file describes, as far as networks are concerned."""

    networks: List[Dict[str, Any]]
    sandboxes: List[Dict[str, Any]]
    differences: List[str]
    """A sentence for each difference."""


def composed(document: Mapping[str, Any], project: str = "") -> Composed:
    """Return the networks and services of DOCUMENT, as ``docker compose config`` prints it.

    :param project: the name of the project, if DOCUMENT does not have it
    :raises ValueError: if DOCUMENT is something else, or if the project has no name
    """
    services = document.get("services") if isinstance(document, Mapping) else None
    if not isinstance(services, Mapping):
        raise ValueError("this is not a compose file with services.")
    project = project or document.get("name") or ""
    if not project:
        raise ValueError("the compose file has no name. Give the name of the project.")
    declared: Dict[str, Any] = {key: each or {} for key, each in (document.get("networks") or {}).items()}
    if any(not each.get("networks") and not each.get("network_mode") for each in services.values()):
        declared.setdefault("default", {})
    names = {key: _name(project, key, each) for key, each in declared.items()}
    differences: List[str] = []
    own = ((names[key], each) for key, each in declared.items() if not each.get("external"))
    networks = [item for name, each in own for item in _network(name, each, differences)]
    sandboxes = [
        sandbox for key, each in services.items() for sandbox in _sandboxes(project, key, each, names, differences)
    ]
    return Composed(networks, sandboxes, differences)


def _name(project: str, key: str, network: Mapping[str, Any]) -> str:
    external = network.get("external")
    if isinstance(external, Mapping) and external.get("name"):
        return str(external["name"])
    return str(network.get("name") or (key if external else f"{project}_{key}"))


def _network(name: str, network: Mapping[str, Any], differences: List[str]) -> Iterator[Dict[str, Any]]:
    """Yield NETWORK as an item, unless it has no counterpart."""
    kind = str(network.get("driver") or DEFAULT)
    if kind not in creatable():
        differences.append(f"Network '{name}': there is no driver '{kind}'.")
        return
    item: Dict[str, Any] = {"name": name}
    item.update(driver_options(f"Network '{name}'", kind, network.get("driver_opts") or {}, differences))
    item.update(renamed(network, _NETWORK))
    if network.get("labels"):
        item["labels"] = _pairs(network["labels"])
    ipam = network.get("ipam") or {}
    if ipam.get("driver") not in (None, "default"):
        differences.append(f"Network '{name}': addresses come from cnm.linux, not from IPAM driver '{ipam['driver']}'.")
    pools = [renamed(pool, _POOL) for pool in ipam.get("config") or []]
    if any(pools):
        item["ipam_config"] = [pool for pool in pools if pool]
    yield item


def _sandboxes(
    project: str, key: str, service: Mapping[str, Any], names: Mapping[str, str], differences: List[str]
) -> Iterator[Dict[str, Any]]:
    """Yield a sandbox for each container of SERVICE."""
    subject = f"Service '{key}'"
    mode = str(service.get("network_mode") or "")
    if mode and mode not in PREDEFINED:
        differences.append(f"{subject}: it has no sandbox of its own. Run its program in the sandbox of '{mode}'.")
        return
    for option, instead in _LEFT_OUT.items():
        if service.get(option):
            differences.append(f"{subject}: {option} is left out; {instead}.")
    item: Dict[str, Any] = {name: service[name] for name in ("hostname", "domainname") if service.get(name)}
    item.update({name: _list(values) for name, values in renamed(service, _LISTS).items()})
    for theirs, ours in (("sysctls", "sysctls"), ("labels", "labels")):
        if service.get(theirs):
            item[ours] = _pairs(service[theirs])
    hosts = dict(_hosts(subject, service.get("extra_hosts") or [], differences))
    if hosts:
        item["etc_hosts"] = hosts
    item["networks"] = [{"name": mode}] if mode else list(_attachments(key, service, names, differences))
    ports = [_port(each) for each in service.get("ports") or []]
    if ports:
        item["published_ports"] = ports
    count = int((service.get("deploy") or {}).get("replicas") or service.get("scale") or 1)
    if count > 1 and (ports or service.get("container_name")):
        differences.append(f"{subject}: {count} sandboxes cannot all have its published ports, or its name.")
    for number in range(1, count + 1):
        name = service.get("container_name") if count == 1 else None
        yield {"name": name or f"{project}-{key}-{number}", **item}


def _attachments(
    key: str, service: Mapping[str, Any], names: Mapping[str, str], differences: List[str]
) -> Iterator[Dict[str, Any]]:
    """Yield the networks of SERVICE, where it is also found by its KEY."""
    on: Any = service.get("networks") or ["default"]
    if service.get("mac_address") and len(on) > 1:
        differences.append(f"Service '{key}': mac_address is left out; give it to one of the networks.")
    for network, options in on.items() if isinstance(on, Mapping) else ((each, None) for each in on):
        options = options or {}
        there: Dict[str, Any] = {"name": names.get(network, network)}
        there["aliases"] = list(dict.fromkeys([key, *(options.get("aliases") or [])]))
        there.update(renamed(options, _ATTACHED))
        if service.get("mac_address") and len(on) == 1:
            there.setdefault("mac_address", service["mac_address"])
        for option in _ATTACHED_LEFT_OUT:
            if options.get(option):
                differences.append(f"Service '{key}': {option} on network '{there['name']}' is left out.")
        yield there


def _port(port: Union[str, int, Mapping[str, Any]]) -> Union[str, Dict[str, Any]]:
    if not isinstance(port, Mapping):
        return str(port)
    return renamed(port, _PORT)


def _hosts(
    subject: str, entries: Union[Sequence[str], Mapping[str, Any]], differences: List[str]
) -> Iterator[Tuple[str, str]]:
    if isinstance(entries, Mapping):
        pairs = [(name, str(address)) for name, address in entries.items()]
    else:
        pairs = [
            (each.partition(sign)[0], each.partition(sign)[2])
            for each in entries
            for sign in ["=" if "=" in each else ":"]
        ]
    for name, address in pairs:
        if address == "host-gateway":
            differences.append(f"{subject}: extra host '{name}' is left out; give it the gateway of a network.")
        else:
            yield name, address


def _pairs(values: Union[Sequence[str], Mapping[str, Any]]) -> Dict[str, str]:
    if isinstance(values, Mapping):
        return {str(key): "" if value is None else str(value) for key, value in values.items()}
    return {each.partition("=")[0]: each.partition("=")[2] for each in values}


def _list(values: Union[str, Sequence[str]]) -> List[str]:
    return [values] if isinstance(values, str) else list(values)
