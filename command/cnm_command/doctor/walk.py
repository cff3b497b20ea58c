# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stops on the way of a packet, in its order, except that causes come before their effects."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

from _cnm.controller import Controller
from _cnm.model.errors import CnmError
from _cnm.model.network import PREDEFINED
from _cnm.resources.plan import Step

from ..check.finding import Finding
from . import stops, trials
from .ends import End, Shown, Way

RESTORE = "Run: cnm restore"
_ICC = "com.docker.network.bridge.enable_icc"
_BRIDGED = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
"""Whether the rules for forwarded packets also see those that a bridge passes on."""
_EVERYWHERE = ("0.0.0.0", "::")


def walk(core: Controller, way: Way, port: Optional[int]) -> Iterator[Finding]:
    """Yield what is found at each stop. The caller ends at the first that is wrong, because later ones depend on it.

    :param port: the TCP port of the target that has to answer; None for an echo request
    """
    for end in way.here:
        yield _state(core, end)
    yield _joined(way)
    network = way.network
    if network is None:
        yield from _answer(core, way, port)
        return
    try:
        steps = core.compare(_objects(way, network))
    except CnmError as error:
        yield Finding("host", False, str(error), f"Remove the cause. {RESTORE}")
        return
    device = network["Host"]["Device"]
    bridge = device if core.passes_host(network["Driver"]) else ""
    for end in way.here:
        yield _of(f"interface of {end.name}", steps, stops.interface(end), _fine(way, end))
        if device:
            name, fine = (f"bridge {device}", "it is up") if bridge else (f"device {device}", "it is as it should be")
            yield _of(name, steps, stops.bridge(device), fine)
            yield _of(f"port of {end.name}", steps, stops.port(end), f"it is on {device}")
        yield _of(f"routes of {end.name}", steps, stops.routes(end), "they are as they should be")
        if end is way.source:
            yield _route(core, way, network)
    uplink = core.uplink(network["Id"])
    # Two ports of one bridge reach each other without it.
    if uplink and (way.outwards or uplink == device):
        yield _link(f"uplink {uplink}", uplink)
    if bridge:
        yield _of("rules", steps, stops.rules, "nft table 'inet cnm' is complete")
        yield _of("rules in Docker's chain", steps, stops.rules_in_docker, "none is missing")
        yield _icc(way, network)
        yield _others(core, way, bridge)
    if way.outwards and bridge:
        yield _of("forwarding", steps, stops.forwarding, "the host forwards")
        yield _way_out(way.address(way.target))
    if way.other is not None:
        yield _of("tunnel", steps, stops.tunnel, f"it leads from network {network['Name']} to other hosts")
        yield _of("forwarding entries", steps, stops.entries, "they are as they should be")
        yield _peer(core, way, network, way.other)
    yield from _answer(core, way, port)
    if way.source.sandbox and not way.outwards:
        yield from _names(core, way, network, steps)


def _of(name: str, steps: Sequence[Step], belongs: stops.Belongs, fine: str) -> Finding:
    """Return the finding for the stop NAME: which of STEPS belongs to it; FINE if none does."""
    wrong = next((step for step in steps if belongs(step)), None)
    if wrong is None:
        return Finding(name, True, fine)
    return Finding(name, False, stops.difference(wrong, steps), RESTORE)


def _objects(way: Way, network: Shown) -> List[Tuple[str, str]]:
    objects = [("network", str(network["Id"]))]
    for end in way.here:
        if end.sandbox:
            objects += [(kind, str(end.sandbox["Id"])) for kind in ("sandbox", "names")]
    return objects


def _state(core: Controller, end: End) -> Finding:
    """Say whether END, a sandbox on this host, runs."""
    sandbox = end.sandbox or {}
    name = f"sandbox {end.name}"
    if sandbox["State"] == "stopped":
        return Finding(name, False, "it is stopped", "Start it, with state: present.")
    if sandbox["State"] == "lost":
        return Finding(name, False, f"its network namespace '{end.namespace}' is gone", RESTORE)
    withheld = core.given_way()
    for network, endpoint in sandbox["Networks"].items():
        if endpoint["EndpointID"] in withheld:
            advice = "Remove the one that should not be there, and run the playbook for this host."
            return Finding(name, False, f"another host has its address on network '{network}'", advice)
    lost = core.lost_leases()
    for network, endpoint in sandbox["Networks"].items():
        if endpoint["EndpointID"] in lost:
            text = f"no DHCP server on network '{network}' has renewed its address {endpoint['IPAddress']}"
            return Finding(name, False, text, "Start the server, or give it a fixed address, by ipv4_address.")
    return Finding(name, True, f"it runs in {end.namespace or 'the network of the host'}")


def _joined(way: Way) -> Finding:
    """Say whether both ends are on one network, or whether there is a way out."""
    network = way.network
    source, target = way.source, way.target
    if network is not None:
        text = "it leads out" if way.outwards else f"{way.address(source)} and {way.address(target)} are on it"
        return Finding(f"network {network['Name']}", True, text)
    if any(end.sandbox and not end.namespace for end in way.here):
        alone = next((end for end in way.here if end.namespace and not any(end.addresses.values())), None)
        if alone is not None:
            return Finding("network", False, f"{alone.name} has no address", f"Put {alone.name} on a network.")
        return Finding("network", True, "one of them is on the network of the host")
    if way.outwards:
        closed = [name for name in source.addresses if way.networks[name]["Internal"]]
        if closed and len(closed) == len(source.addresses):
            text = f"{source.name} is on internal networks only ({', '.join(closed)}), which lead nowhere else"
            return Finding("network", False, text, f"Put {source.name} on a network that is not internal.")
        text = f"{source.name} has no default route"
        return Finding("network", False, text, f"Put {source.name} on a network with a gateway.")
    text = "; ".join(f"{end.name} is on {', '.join(end.addresses) or 'none'}" for end in (source, target))
    return Finding("network", False, f"they are on no network together: {text}", "Put both on one network.")


def _fine(way: Way, end: End) -> str:
    network = way.network or {}
    return f"{end.interface(network['Name'])} is up and has {way.address(end)}"


def _route(core: Controller, way: Way, network: Shown) -> Finding:
    """Say which way the kernel sends a packet in the source."""
    source, name = way.source, f"route from {way.source.name}"
    address, interface = way.address(way.target), source.interface(network["Name"])
    chosen = trials.inside(core, source, lambda: trials.route(address)) or {"error": "it cannot be looked up"}
    look = f"Look at: ip netns exec {source.name} ip route; ip netns exec {source.name} ip rule"
    if "error" in chosen:
        return Finding(name, False, f"none leads to {address}: {chosen['error']}", look)
    taken = chosen.get("dev", "")
    if taken != interface or (chosen.get("gateway") and not way.outwards):
        gateway = f" via {chosen['gateway']}" if chosen.get("gateway") else ""
        return Finding(name, False, f"{address} is reached by {taken}{gateway} instead of {interface}", look)
    return Finding(name, True, f"{address} is reached by {taken}")


def _link(name: str, device: str) -> Finding:
    """Say whether DEVICE, an interface of the host, works."""
    flags = trials.flags(device)
    if not flags:
        return Finding(name, False, f"this host has no interface '{device}'", "Bring it back.")
    if "UP" not in flags:
        return Finding(name, False, f"'{device}' is down", f"Run: ip link set {device} up")
    if "NO-CARRIER" in flags:
        return Finding(name, False, f"'{device}' has no carrier", "Is its cable plugged in, and is the other end up?")
    return Finding(name, True, f"'{device}' is up")


def _way_out(address: str) -> Finding:
    """Say whether the host itself has a way to ADDRESS."""
    name, chosen = "way out", trials.route(address)
    if "error" in chosen:
        return Finding(name, False, f"the host has no route to {address}: {chosen['error']}", "Look at: ip route")
    found = _link(name, chosen["dev"])
    return Finding(name, True, f"the host reaches {address} by {chosen['dev']}") if found.present else found


def _icc(way: Way, network: Shown) -> Finding:
    if not way.outwards and network["Options"].get(_ICC, "true").lower() in ("false", "0", "f"):
        text = f"network {network['Name']} separates its sandboxes from each other ({_ICC} is false)"
        return Finding("isolation", False, text, f"Set this option to true, or publish a port of {way.target.name}.")
    return Finding("isolation", True, "the network does not separate its sandboxes" if not way.outwards else "none")


def _others(core: Controller, way: Way, device: str) -> Finding:
    """Say whether rules of others drop the packet."""
    name = "other firewalls"
    if not way.outwards and not (_BRIDGED.exists() and _BRIDGED.read_text().strip() == "1"):
        return Finding(name, True, "they do not see what stays on a bridge")
    dropping = [text for text in core.foreign_policies() if f"'{device}'" in text or " more, " in text]
    if dropping:
        text, _semicolon, advice = dropping[0].partition("; ")
        return Finding(name, False, text, f"{advice[:1].upper()}{advice[1:]}")
    return Finding(name, True, "none drops it")


def _peer(core: Controller, way: Way, network: Shown, other: End) -> Finding:
    """Say whether the other host is reached."""
    address = next((each["IP"] for each in network.get("Peers", ()) if each["Name"] == other.host), "")
    name = f"host {other.host}"
    if not address:
        return Finding(name, False, "it is not a peer of the network", "Run the playbook cnm.linux.topology.")
    if trials.answers(address) or _echo(core, way):
        return Finding(name, True, f"{address} answers")
    advice = f"Is {other.host} up, is there a route to it, and do firewalls between the hosts let UDP pass?"
    return Finding(name, False, f"{address} does not answer", advice)


def _echo(core: Controller, way: Way) -> bool:
    """Return whether the target answers the source, or on the target's host the other way round."""
    end = way.source if way.source.sandbox else way.target
    address = way.address(way.target if end is way.source else way.source)
    return bool(trials.inside(core, end, lambda: trials.answers(address)))


def _answer(core: Controller, way: Way, port: Optional[int]) -> Iterator[Finding]:
    """Say whether the target answers."""
    source, target = way.source, way.target
    address = way.address(target)
    if port is not None and source.sandbox:
        name = f"port {port} of {target.name}"
        problem = trials.inside(core, source, lambda: trials.connects(address, port))
        if not problem:
            yield Finding(name, True, "it answers")
            return
        if target.sandbox:
            listeners = trials.inside(core, target, lambda: trials.listening(port)) or []
            if not listeners:
                yield Finding(name, False, "no program listens on it", f"Start the program in sandbox {target.name}.")
            elif not any(each in (*_EVERYWHERE, address) for each in listeners):
                text = f"a program listens on {', '.join(listeners)} only"
                yield Finding(name, False, text, f"Let it listen on 0.0.0.0 or on {address}.")
        elif problem == "refused":
            yield Finding(name, False, "nobody listens on it", f"Start the program on {target.name}.")
        yield _unanswered(core, way, name, problem)
    elif _echo(core, way):
        yield Finding("answer", True, f"{address if source.sandbox else way.address(source)} answers")
    else:
        yield _unanswered(core, way, "answer", f"{address} does not answer")


def _unanswered(core: Controller, way: Way, name: str, text: str) -> Finding:
    """Return the finding for packets that are lost although all else is right."""
    for end in way.here:
        if end.namespace and trials.inside(core, end, trials.has_rules):
            advice = f"Look at the rules in the sandbox: ip netns exec {end.name} nft list ruleset"
            return Finding(name, False, f"{text}; sandbox {end.name} has rules of its own", advice)
    if way.other is not None:
        source, target = way.source.name, way.target.name
        advice = (
            f"Run: cnm doctor {source} {target} on host {way.other.host}. Do firewalls between the hosts let UDP pass?"
        )
        return Finding(name, False, text, advice)
    advice = "All of ours is right. Does the target answer others? Look at the packets with tcpdump."
    return Finding(name, False, text, advice)


def _names(core: Controller, way: Way, network: Shown, steps: Sequence[Step]) -> Iterator[Finding]:
    """Say whether the source knows the target by its name."""
    if network["Name"] in PREDEFINED:
        # It has no names, as in Docker.
        return
    name = f"name {way.target.name}"
    wrong = _of(name, steps, stops.names, "")
    if not wrong.present:
        yield wrong
        return
    addresses = trials.inside(core, way.source, lambda: trials.known_as(way.target.name)) or []
    expected = [text for addresses in way.target.addresses.values() for text in addresses]
    if any(text in expected for text in addresses):
        yield Finding(name, True, f"it is {addresses[0]}")
        return
    text = f"it is {', '.join(addresses)} in {way.source.name}" if addresses else f"{way.source.name} does not know it"
    advice = f"{RESTORE}. Look at: cnm sandbox exec {way.source.name} cat /etc/hosts /etc/resolv.conf"
    yield Finding(name, False, text, advice)
