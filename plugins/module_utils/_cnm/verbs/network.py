# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, change and remove a network."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any, Dict, Mapping, Optional

from ..drivers import DEFAULT, ETCD, PREDEFINED, SPANNING, creatable, driver, spanning
from ..model.errors import every
from ..model.ids import check_name, make_id
from ..model.network import Network
from ..model.suggestions import not_supported
from ..resources.kinds import Address
from ..resources.link import Link
from ..resources.resource import HOST
from ..store.journal import Unit
from .context import Context, check_absent, listed, quoted, texts
from .dns import name_server, wanted_dns
from .ipam import wanted_ipam
from .pools import wanted_pools
from .renumber import readdress, republish
from .routes import check_metric, check_ways, read_routes


def predefine(context: Context) -> None:
    """Write the networks that always exist; ``bridge`` claims its pool."""
    for name, kind in PREDEFINED.items():
        network = Network(context.id_for("network", name), name, kind)
        if driver(kind).has_addresses:
            pools, _choices = wanted_pools(context, network, None, False, name)
            network = replace(network, pools=pools, mtu=context.host.egress_mtu())
        context.store.put_network(network)


def ensure(context: Context, item: Mapping[str, Any]) -> Optional[str]:
    """Bring the network that ITEM describes into its state; return its id, None if it does not exist afterwards."""
    name = item["name"]
    subject = f"Network '{name}'"
    existing = context.store.network_named(name)
    if item.get("state") == "absent":
        if existing is not None:
            _remove(context, existing, bool(item.get("force")), subject)
        else:
            check_absent(context, name, subject)
        return None
    if existing is not None and existing.predefined:
        return _keep(context, existing, item, subject)
    if _is_in_etcd(existing, item):
        from .catalogue import completed

        complete = completed(context, existing, item, subject)
        if complete is None:
            return existing.id if existing else None
        item = complete
    wanted = _wanted(context, existing, item, subject)
    if wanted is None:
        return existing.id if existing else None
    context.subjects[Unit("network", wanted.id)] = subject
    # Written even if there are problems, although nothing is kept then: later checks may find its subnet taken.
    context.store.put_network(wanted)
    if wanted.peers and item.get("peers"):
        from .overlay import delete_moved_endpoints

        delete_moved_endpoints(context, wanted)
    if existing is not None and not item.get("force"):
        _keep_device(context, existing, wanted, subject)
    if existing is not None and existing.pools != wanted.pools:
        readdress(context, existing, wanted, bool(item.get("force")), subject)
    # These decide whether ports are published, and at which addresses.
    if existing is not None and (existing.options, existing.internal) != (wanted.options, wanted.internal):
        republish(context, wanted, subject)
    return wanted.id


def _is_in_etcd(existing: Optional[Network], item: Mapping[str, Any]) -> bool:
    """Say whether the hosts of the network that ITEM describes share in etcd what it is."""
    kind = item.get("driver") or (existing.driver if existing is not None else DEFAULT)
    options = item.get("driver_options")
    if options is None:
        options = existing.options if existing is not None else {}
    return kind in SPANNING and options.get(spanning(kind).control_option) == ETCD


def _keep_device(context: Context, existing: Network, wanted: Network, subject: str) -> None:
    """Refuse to replace the network's device while endpoints are connected to it."""
    kind = driver(wanted.driver)
    running = context.store.running_endpoints(existing.id)
    if running and kind.immutable(wanted) != kind.immutable(existing):
        context.problems.add(
            f"{subject}: rebuilding it as '{kind.device(wanted)}' would interrupt endpoints {quoted(running)}. "
            "Let them leave first, or use force: true."
        )


def _keep(context: Context, network: Network, item: Mapping[str, Any], subject: str) -> str:
    """Refuse whatever would change a predefined network."""
    asked: Dict[str, Any] = {
        "driver": network.driver,
        "ipam_driver": network.ipam_driver,
        "driver_options": dict(network.options),
        "labels": dict(network.labels),
        "internal": network.internal,
        "enable_ipv6": network.ipv6,
        "dns": network.dns,
        "dns_servers": None,
        "routes": None,
        "no_default_route": network.no_default_route,
        "metric": None,
        "ipam_config": None,
        "engines": None,
    }
    for option, value in asked.items():
        if item.get(option) not in (None, value, [], {}):
            context.problems.add(f"{subject}: it is a predefined network, and its {option} cannot be changed.")
    return network.id


def _remove(context: Context, network: Network, force: bool, subject: str) -> None:
    if network.predefined:
        context.problems.add(f"{subject}: it is a predefined network and cannot be removed.")
        return
    endpoints = context.store.endpoints_of_network(network.id)
    if endpoints and not force:
        context.problems.add(
            f"{subject}: it has active endpoints: {quoted(endpoints)}. Remove them first, or use force: true."
        )
        return
    for endpoint in endpoints:
        context.store.delete_endpoint(endpoint)
    context.store.delete_network(network)


def _wanted(context: Context, existing: Optional[Network], item: Mapping[str, Any], subject: str) -> Optional[Network]:
    """Return the network as it is to be; add problems to the context's. None if its driver is impossible."""
    problems = context.problems
    labels = _texts(context, item.get("labels"), existing.labels if existing else {}, "labels", subject)
    kind = item.get("driver") or (existing.driver if existing else DEFAULT)
    if existing is None:
        with problems.about(subject):
            check_name(item["name"])
    # Without a driver, nothing else in the item can be checked.
    if kind not in creatable():
        reason = (
            f"driver '{kind}' has one predefined network and cannot have others"
            if kind in PREDEFINED.values()
            else f"there is no driver '{kind}'; the drivers are {', '.join(creatable())}{not_supported(kind)}"
        )
        problems.add(f"{subject}: {reason}.")
        return None
    # Its options, its device and the interfaces of its endpoints are the driver's own.
    if existing is not None and kind != existing.driver:
        problems.add(
            f"{subject}: its driver is '{existing.driver}' and cannot be changed to '{kind}'. Remove the network "
            "first, or give the new one another name."
        )
        return None
    options = _texts(
        context, item.get("driver_options"), existing.options if existing else {}, "driver_options", subject
    )
    wrong = driver(kind).option_problems(options)
    for problem in wrong.values():
        problems.add(f"{subject}: {problem}")
    # The valid ones are used, so that what depends on them is checked in the same run.
    options = driver(kind).normalized({key: text for key, text in options.items() if key not in wrong})
    # A network of several hosts has the same id on all of them.
    everywhere = driver(kind).scope == "global"
    new = make_id("global", "network", item["name"]) if everywhere else context.id_for("network", item["name"])
    identifier = existing.id if existing else new
    network = existing or Network(identifier, item["name"], kind)
    network = replace(network, driver=kind, options=options, labels=labels)
    internal = item["internal"] if item.get("internal") is not None else driver(kind).settings(options).internal
    if internal is not None:
        network = replace(network, internal=internal)
    # Before the pools, because an adopted bridge brings its own.
    network = _adopt(context, existing, network, subject)
    pools, ipv6 = wanted_pools(context, network, item.get("ipam_config"), item.get("enable_ipv6"), subject)
    network = wanted_ipam(context, existing, replace(network, pools=pools), item, subject)
    if ipv6 and not context.host.ipv6():
        problems.add(
            f"{subject}: IPv6 is disabled on this host (net.ipv6.conf.all.disable_ipv6), or its kernel does not "
            "support it."
        )
    network = replace(network, mtu=_mtu(context, existing, network))
    network = _routed(context, network, item, subject)
    network = replace(network, dns=wanted_dns(context, existing, network, item.get("dns"), subject))
    if everywhere:
        from .overlay import underlaid, wants_etcd

        network = underlaid(context, network, item, subject)
        if wants_etcd(network) or (network.underlay is not None and network.underlay.member):
            from .catalogue import joined

            network = joined(context, existing, network, item, subject)
    elif item.get("peers"):
        problems.add(f"{subject}: peers work only with driver '{SPANNING[0]}', and its driver is '{kind}'.")
    if network.engines or network.docker_networks or item.get("engines") or item.get("docker_networks") is not None:
        from .engines import known_to_engines

        network = known_to_engines(context, existing, network, item, subject)
    # Last, because drivers look at the network as a whole.
    for problem in (*driver(kind).problems(network), *driver(kind).host_problems(network, context.host)):
        problems.add(f"{subject}: {problem}")
    return network


def _texts(context: Context, given: Any, present: Mapping[str, str], option: str, subject: str) -> Mapping[str, str]:
    result = present
    if given is not None:
        with context.problems.about(f"{subject}: {option}"):
            result = texts(given)
    return result


def _routed(context: Context, network: Network, item: Mapping[str, Any], subject: str) -> Network:
    """Return NETWORK with the routes and the name servers of ITEM."""
    asked: Dict[str, Any] = {}
    if item.get("routes") is not None:
        asked["routes"] = read_routes(context.problems, item["routes"], subject)
    if item.get("no_default_route") is not None:
        asked["no_default_route"] = item["no_default_route"]
    if item.get("metric") is not None:
        with context.problems.about(subject):
            asked["metric"] = check_metric(item["metric"])
    if item.get("dns_servers") is not None:
        with context.problems.about(f"{subject}: dns_servers"):
            asked["dns_servers"] = tuple(every(name_server, listed(item["dns_servers"])))
    network = replace(network, **asked) if asked else network
    check_ways(context.problems, network, subject)
    own = {str(gateway) for _pool, gateway in network.gateways() if driver(network.driver).host_is_gateway(network)}
    for server in network.dns_servers:
        if server in own:
            context.problems.add(
                f"{subject}: dns_servers: {server} is the network's own gateway, which would query itself. Give the "
                "servers that resolve external names."
            )
    return network


def _mtu(context: Context, existing: Optional[Network], network: Network) -> int:
    kind = driver(network.driver)
    given, borrowed = kind.settings(network.options).mtu, kind.borrowed(network)
    if given is not None:
        return given
    # On another interface, the network gets that interface's MTU.
    before = kind.borrowed(existing) if existing is not None else None
    if borrowed is not None and (before is None or before.device != borrowed.device):
        return context.host.link_mtu(borrowed.device)
    # Another default route of the host does not change the MTU of a network that exists.
    if existing is not None and kind.settings(existing.options).mtu is None:
        return existing.mtu
    return context.host.egress_mtu()


def _adopt(context: Context, existing: Optional[Network], network: Network, subject: str) -> Network:
    """Note whether the device that NETWORK's options name exists on the host already, and is adopted."""
    kind = driver(network.driver)
    device = kind.settings(network.options).device
    if existing is not None:
        before = kind.settings(existing.options).device
        if before == device:
            return network
        if existing.adopted and before == kind.device(network):
            context.problems.add(
                f"{subject}: it has adopted '{before}', which is not ours to change. Remove the network first."
            )
            return network
    # The device is named after the network's id, so nobody else has made it.
    if device is None:
        return replace(network, adopted=False, kept=())
    # A bridge that an interrupted run was adopting already carries our mark.
    if not kind.has_foreign(device, context.host) and Link.at(HOST, device) not in context.unfinished.lent:
        return replace(network, adopted=False, kept=())
    if device != kind.device(network) or not kind.has_bridge:
        return replace(network, adopted=True, kept=())
    begun = context.unfinished.keys
    # What an interrupted run has added is ours, not the bridge's.
    kept = (held for held in context.host.addresses(device) if Address.at(HOST, device, held) not in begun)
    return replace(network, adopted=True, kept=tuple(map(ipaddress.ip_interface, kept)))
