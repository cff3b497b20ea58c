# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, change, stop, start and remove a sandbox, and put it on networks."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..adopted import is_of_host, lost_namespace
from ..composition.attachments import attachments
from ..drivers import driver
from ..model.addresses import address
from ..model.endpoint import Endpoint, Port
from ..model.errors import Problems, every
from ..model.ids import check_hostname, check_name
from ..model.network import Network
from ..model.sandbox import HOST_GATEWAY, Sandbox
from ..resources.routes import Attachment
from ..store.journal import Unit
from .context import Context, check_absent, listed, texts
from .membership import Wishes, joined, leave, read, read_ports, wanted
from .ports import assign, particular_first, resume

_PATH = r"/[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*"
_WORD = r"[!\"$-:<-~]+"
_SETTING = r"net[./][!-~]*[!-\-0-~]"
_VALUE = r"[\t -~]+"


def ensure(context: Context, item: Mapping[str, Any]) -> Optional[str]:
    """Bring the sandbox that ITEM describes into its state; return its id, None if it does not exist afterwards."""
    name, state = item["name"], item.get("state") or "present"
    subject = f"Sandbox '{name}'"
    existing = context.store.sandbox_named(name)
    if state == "absent":
        if existing is not None:
            _remove(context, existing)
        else:
            check_absent(context, name, subject)
        return None
    if existing is None:
        with context.problems.about(subject):
            check_name(name)
    sandbox = existing or Sandbox(context.id_for("sandbox", name), name)
    sandbox = _adopt(context, sandbox, item, subject)
    sandbox = with_options(context.problems, sandbox, item, subject)
    if sandbox.running != (state != "stopped"):
        sandbox = replace(sandbox, running=state != "stopped")
    wishes = None
    if item.get("published_ports") is not None:
        wishes = read_ports(context.problems, item["published_ports"], subject)
    context.subjects[Unit("sandbox", sandbox.id)] = subject
    # Written even if there are problems, although nothing is kept then: what follows may find more problems.
    context.store.put_sandbox(sandbox)
    # A sysctl of the item may have switched IPv6 off, or on again.
    for endpoint in context.store.endpoints_of_sandbox(sandbox.id):
        ipv6_off = sandbox.ipv6_off(endpoint.interface or "")
        if endpoint.ipv6_off != ipv6_off:
            context.store.put_endpoint(replace(endpoint, ipv6_off=ipv6_off))
    problems_before = len(context.problems.found)
    before = [endpoint for _network, endpoint in _own(context, sandbox)]
    if item.get("networks") is not None:
        _put_on(context, sandbox, item["networks"], subject)
    # Problems with networks would cause misleading ones here.
    if len(context.problems.found) == problems_before:
        _check_ways(context, sandbox, subject)
        _publish(context, sandbox, before, wishes, subject)
    if sandbox.running and existing is not None and not existing.running:
        for _network, endpoint in attachments(context.store, sandbox.id):
            resume(context, endpoint, subject)
    if state == "restarted" and existing is not None:
        context.renew.add(sandbox.id)
    return sandbox.id


def _remove(context: Context, sandbox: Sandbox) -> None:
    for endpoint in context.store.endpoints_of_sandbox(sandbox.id):
        leave(context, endpoint)
    context.store.delete_sandbox(sandbox)


def _adopt(context: Context, sandbox: Sandbox, item: Mapping[str, Any], subject: str) -> Sandbox:
    """Return SANDBOX with the namespace that ITEM names by path or by pid."""
    if item.get("netns") is None and item.get("pid") is None:
        lost = lost_namespace(sandbox, context.host) if item.get("state") != "stopped" else ""
        if lost:
            context.problems.add(f"{subject}: {lost}. {'Give another pid' if sandbox.identity else 'Bring it back'}.")
        return sandbox
    path = item["netns"] if item.get("netns") is not None else f"/proc/{item['pid']}/ns/net"
    identity = context.host.namespace_id(path) if re.fullmatch(_PATH, path) else None
    if identity is None and item.get("netns") is None:
        context.problems.add(f"{subject}: process {item['pid']} does not exist, or it has ended.")
    elif identity is None:
        # An engine asks before it has made the namespace.
        if not item.get("netns_awaited"):
            context.problems.add(f"{subject}: there is no network namespace at '{path}'.")
    elif is_of_host(identity, context.host):
        context.problems.add(
            f"{subject}: '{path}' is the host's own network namespace. Put the sandbox on network 'host'."
        )
    # The path of its own namespace is not an adoption.
    elif path == Sandbox(sandbox.id, sandbox.name).path and context.store.sandbox(sandbox.id) and sandbox.netns is None:
        return sandbox
    # The pid may be that of another process later, so the namespace behind it is remembered, too.
    return replace(sandbox, netns=path, identity=identity if item.get("netns") is None else None)


def with_options(problems: Problems, sandbox: Sandbox, item: Mapping[str, Any], subject: str) -> Sandbox:
    """Return SANDBOX with the names, settings, routes and labels of ITEM; add to PROBLEMS what is not valid."""
    fields: Dict[str, Any] = {}
    readers = (
        ("hostname", "hostname", check_hostname),
        ("domainname", "domainname", check_hostname),
        ("dns_servers", "dns_servers", _name_servers),
        ("dns_search_domains", "dns_search_domains", lambda values: tuple(every(check_hostname, values))),
        ("dns_opts", "dns_opts", lambda values: tuple(listed(every(_word, values)))),
        ("etc_hosts", "etc_hosts", _etc_hosts),
        ("sysctls", "sysctls", _sysctls),
        ("labels", "labels", texts),
    )
    for field, option, reader in readers:
        if item.get(option) is not None:
            with problems.about(f"{subject}: {option}"):
                fields[field] = reader(item[option])
    if "dns_opts" in fields and set(fields["dns_opts"]) == set(sandbox.dns_opts or ()) != set():
        # Their order does not matter, as in community.docker.
        del fields["dns_opts"]
    if item.get("routes") is not None:
        from .routes import read_routes

        fields["routes"] = read_routes(problems, item["routes"], subject)
    if item.get("no_default_route") is not None:
        fields["no_default_route"] = item["no_default_route"]
    return replace(sandbox, **fields) if fields else sandbox


def _name_servers(values: Sequence[str]) -> Tuple[str, ...]:
    from .dns import name_server

    return tuple(every(name_server, listed(values)))


def _word(text: str) -> str:
    if not re.fullmatch(_WORD, text):
        raise ValueError(f"'{text}' is not one word of printable ASCII without '#' and ';'.")
    return text


def _etc_hosts(values: Mapping[Any, Any]) -> Mapping[str, str]:
    return dict(every(_hosts_lines, values.items()))


def _hosts_lines(pair: Tuple[Any, Any]) -> Tuple[str, str]:
    """Return a name and its addresses, separated by commas; PAIR has one address or a list."""
    name, given = pair
    written = [texts({name: one})[str(name)] for one in (given if isinstance(given, list) else [given])]
    if not written:
        raise ValueError(f"'{name}' has no address.")
    return check_hostname(str(name)), ",".join(listed(every(_hosts_address, written)))


def _hosts_address(text: str) -> str:
    return text if text == HOST_GATEWAY else str(address(text))


def _sysctls(values: Mapping[Any, Any]) -> Mapping[str, str]:
    return dict(every(_sysctl, texts(values).items()))


def _sysctl(pair: Tuple[str, str]) -> Tuple[str, str]:
    name, value = pair
    if not re.fullmatch(_SETTING, name) or ".." in name.replace("/", "."):
        raise ValueError(f"'{name}' is not a setting of a network namespace, such as 'net.ipv4.ip_forward'.")
    if not re.fullmatch(_VALUE, value):
        raise ValueError(f"the value of '{name}' is not one line of printable ASCII.")
    # The kernel separates numbers by tabs or several spaces; both sides are compared in this form.
    return name, " ".join(value.split())


def _put_on(context: Context, sandbox: Sandbox, entries: Sequence[Mapping[str, Any]], subject: str) -> None:
    """Put SANDBOX on the networks that ENTRIES name, and take it off those that they no longer name."""
    chosen: List[Tuple[Network, Wishes]] = []
    for entry in entries:
        network = context.network(entry["name"], subject)
        name = network.name if network else entry["name"]
        wishes = read(context.problems, entry, f"{subject} on network '{name}'")
        if network is None:
            continue
        if network.id in [other.id for other, _wishes in chosen]:
            context.problems.add(f"{subject}: network '{network.name}' is listed twice.")
            continue
        chosen.append((network, wishes))
    special = [network.name for network, _wishes in chosen if not driver(network.driver).has_addresses]
    alone = not special or len(chosen) == 1
    if not alone:
        context.problems.add(f"{subject}: network '{special[0]}' cannot be combined with others.")
    identifiers = {network.id for network, _wishes in chosen}
    present = {}
    for endpoint in context.store.endpoints_of_sandbox(sandbox.id):
        if endpoint.network in identifiers:
            present[endpoint.network] = endpoint
        # What cnm_endpoint has joined stays.
        elif endpoint.declared:
            leave(context, endpoint)
    for network, wishes in chosen:
        about = f"{subject} on network '{network.name}'"
        existing = present.get(network.id) or context.store.endpoint_on(network.id, sandbox.name)
        if existing is not None and existing.sandbox not in (None, sandbox.id):
            other = context.store.sandbox(str(existing.sandbox))
            context.problems.add(
                f"{about}: the endpoint '{existing.name}' is in sandbox '{other.name if other else ''}'."
            )
            continue
        name = existing.name if existing else sandbox.name
        endpoint, possible = wanted(context, network, existing, name, wishes, about)
        if possible and alone:
            endpoint = joined(context, endpoint, sandbox, wishes.interface, declared=True)
        # Written even if there are problems, although nothing is kept then: later checks may find its addresses taken.
        context.store.put_endpoint(endpoint)


def _check_ways(context: Context, sandbox: Sandbox, subject: str) -> None:
    """Check that each gateway of SANDBOX's routes is on one of its networks. Without networks, routes have to wait."""
    if not sandbox.routes:
        return
    pairs = attachments(context.store, sandbox.id)
    held = [pool.subnet for network, _endpoint in pairs for pool in network.pools]
    for route in sandbox.routes if held else ():
        if route.gateway is not None and not any(route.gateway in subnet for subnet in held):
            context.problems.add(
                f"{subject}: route '{route.destination}': its gateway {route.gateway} is not on any of the sandbox's "
                f"networks, which have {', '.join(map(str, held))}."
            )
        if route.destination in held:
            context.problems.add(
                f"{subject}: route '{route.destination}': it is the subnet of one of its networks and needs no route."
            )


def _own(context: Context, sandbox: Sandbox) -> List[Attachment]:
    """Return the endpoints from SANDBOX's own list of networks, which are removed with it."""
    return [pair for pair in attachments(context.store, sandbox.id) if pair[1].declared]


def _publish(
    context: Context, sandbox: Sandbox, before: Sequence[Endpoint], given: Optional[Sequence[Port]], subject: str
) -> None:
    """Have SANDBOX publish the GIVEN ports: ports that it already has stay on their endpoints.

    New ports are published by the endpoint that gives the default route, and so are those of removed endpoints.

    :param before: its former endpoints; if no ports are GIVEN, those of removed endpoints move
    """
    own = _own(context, sandbox)
    staying = [endpoint for _network, endpoint in own]
    gone = [endpoint for endpoint in before if endpoint.id not in {one.id for one in staying}]
    for endpoint in gone:
        # An endpoint that leaves and is kept no longer publishes anything for the sandbox.
        reserved = context.store.endpoint(endpoint.id)
        if reserved is not None:
            context.store.put_endpoint(replace(reserved, ports=()))
    if given is None:
        given = [port for endpoint in (*gone, *staying) for port in endpoint.ports]
    left = particular_first(given)
    kept: Dict[str, Tuple[Port, ...]] = {}
    for _network, endpoint in own:
        mine = []
        for port in endpoint.ports:
            wish = next((wish for wish in left if port.meets(wish)), None)
            if wish is not None:
                left.remove(wish)
                mine.append(port)
        kept[endpoint.id] = tuple(mine)
    publisher = _publisher(context, [network for network, _endpoint in own], subject) if left else None
    for network, endpoint in own:
        ports = kept[endpoint.id]
        if network is publisher:
            ports = assign(context, network, replace(endpoint, ports=ports), [*ports, *left], subject)
        if ports != endpoint.ports:
            context.store.put_endpoint(replace(endpoint, ports=ports))


def _publisher(context: Context, networks: Sequence[Network], subject: str) -> Optional[Network]:
    """Return the first of NETWORKS that can publish ports; if there is none, add a problem with SUBJECT."""
    able = [network for network in networks if not driver(network.driver).unpublishable(network)]
    others = [
        network for network in networks if not driver(network.driver).host_is_gateway(network) and not network.internal
    ]
    if able:
        return able[0]
    if others and driver(others[0].driver).has_addresses:
        context.problems.add(f"{subject}: published_ports: {driver(others[0].driver).unpublishable(others[0])}")
    else:
        context.problems.add(
            f"{subject}: published_ports need a network that is neither internal, nor 'host', nor 'none'. "
            "To publish nothing, give an empty list."
        )
    return None
