# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a network reaches other hosts: this host's tunnel end point, its peers, and their endpoints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..drivers import ETCD, EVPN, INVENTORY, Tunnel, driver, spanning
from ..model.addresses import Address, address
from ..model.allocation import check_address
from ..model.endpoint import Endpoint
from ..model.network import Network
from ..model.overlay_peer import Peer, Remote, Underlay
from ..store.objects import SqliteStore
from .context import Context, quoted
from .reports import informed, is_exchanged, remembering, remote_of, remotes

_UDP = "udp"


def underlaid(context: Context, network: Network, item: Mapping[str, Any], subject: str) -> Network:
    """Return NETWORK with its tunnel end point, its peers and its MTU, as ITEM says and the host allows."""
    _check_subnets(context, network, item, subject)
    underlay = _underlay(context, network, subject)
    if underlay is None:
        return network
    if _tunnel(network).encrypted and not context.host.is_wireguard(underlay.device):
        way = f"'{underlay.device}', the interface with" if underlay.device else "what leads to the others from"
        context.problems.add(
            f"{subject}: it is encrypted, and {way} {underlay.address}, is not WireGuard's. Give the address "
            f"of this host in such a tunnel, by cnm_vtep_address in the inventory or driver option "
            f"'{spanning(network.driver).address_option}'. The role cnm.linux.wireguard makes one."
        )
    if item.get("peers") is not None:
        with context.problems.about(subject):
            underlay = replace(
                underlay,
                peers=remembering(
                    network, _peers(context, network, underlay, item["peers"], subject), underlay.peers, item
                ),
                known=tuple(item["known"]) if item.get("known") is not None else None,
                chosen=tuple(sorted(item.get("chosen", ()))),
            )
    if item.get("reports"):
        with context.problems.about(subject):
            underlay = replace(
                underlay, peers=informed(context.store, network.id, underlay.peers, remotes(item["reports"]))
            )
    for peer in underlay.peers:
        if peer.address.version != underlay.address.version:
            context.problems.add(
                f"{subject}: peer '{peer.name}' has address {peer.address}, and this host's is {underlay.address}: "
                "all hosts need addresses of the same family."
            )
        if peer.address == underlay.address:
            context.problems.add(f"{subject}: peer '{peer.name}' has {peer.address}, which is this host's own address.")
    earlier, mtu = network.underlay, network.mtu
    if earlier is not None and earlier.address != underlay.address and _tunnel(network).address is None:
        context.warn(
            f"{subject}: {earlier.address} is no longer an address of this host, which now sends to others from "
            f"{underlay.address}. In their peers, replace it with this address of '{underlay.device}'."
        )
    given = driver(network.driver).settings(network.options).mtu
    if given is not None:
        mtu = given
    elif earlier is None or (earlier.address, earlier.mtu) != (underlay.address, underlay.mtu):
        mtu = underlay.mtu - spanning(network.driver).overhead[underlay.address.version]
    learning = _tunnel(network).learning
    if learning is None:
        # An agent tells the others of an endpoint at once, so nothing has to be flooded to find it.
        learning = is_exchanged(network) and (underlay.learning or underlay.known is None)
    network = replace(network, underlay=replace(underlay, learning=learning), mtu=mtu)
    _check_port(context, network, subject)
    return network


def wants_etcd(network: Network) -> bool:
    """Say whether what the hosts of NETWORK share should be in etcd, as its options say."""
    return network.underlay is not None and _tunnel(network).control == ETCD


def has_slices(network: Network) -> bool:
    """Say whether each host of NETWORK chooses addresses from slices of its own."""
    return _tunnel(network).slices


def _check_subnets(context: Context, network: Network, item: Mapping[str, Any], subject: str) -> None:
    """Check that the pools were given: if each host chose its own, they would differ."""
    given = {6 if ":" in str(entry.get("subnet")) else 4 for entry in item.get("ipam_config") or ()}
    existing = context.store.network(network.id)
    for pool in network.pools:
        version = pool.subnet.version
        if version not in given and (existing is None or existing.pool(version) is None):
            context.problems.add(
                f"{subject}: it needs an IPv{version} subnet in ipam_config, the same on every host: a subnet chosen "
                "on this host may be in use on another."
            )


def _underlay(context: Context, network: Network, subject: str) -> Optional[Underlay]:
    """Return the host's own end point: from the options, or as before, or the address of the default route."""
    given = _tunnel(network).address
    earlier = network.underlay
    own_end = None
    if given is None and earlier is not None:
        own_end = context.host.underlay(earlier.address)
    if own_end is None:
        own_end = context.host.underlay(given)
    if own_end is None:
        option = spanning(network.driver).address_option
        reason = (
            f"no interface of this host has the address {given} of driver option '{option}'"
            if given is not None
            else "this host has no default route, so its address for other hosts is unknown; set driver option "
            f"'{option}'"
        )
        context.problems.add(f"{subject}: {reason}.")
        return None
    address_here, device, mtu = own_end
    if earlier is not None and (earlier.address, earlier.device) == (address_here, device):
        # As for a bridge, the MTU is chosen once. It is lowered if the device's MTU has become smaller.
        mtu = min(mtu, earlier.mtu)
    return replace(earlier or Underlay(address_here), address=address_here, device=device, mtu=mtu)


def _peers(
    context: Context, network: Network, underlay: Underlay, given: Sequence[Mapping[str, Any]], subject: str
) -> Tuple[Peer, ...]:
    """Return the peers that the user describes, in the order of their names."""
    peers: List[Peer] = []
    names: Dict[str, str] = {}
    holders: Dict[object, str] = {}
    for entry in given:
        about = f"{subject}: peer '{entry['name']}'"
        remotes: List[Remote] = []
        end: Optional[Address] = None
        if not entry["name"] or not entry["name"].isprintable() or " " in entry["name"]:
            context.problems.add(f"{about}: this is not a valid host name.")
        with context.problems.about(about):
            end = address(entry["address"])
        for one in entry.get("endpoints") or ():
            with context.problems.about(f"{about}: endpoint '{one['name']}'"):
                remote = remote_of(one)
                for each in remote.addresses:
                    check_address(network.pool(each.version), each)
                for held in (*remote.addresses, remote.mac):
                    if held in holders:
                        raise ValueError(f"{held} is taken: {holders[held]} has it.")
                    holders[held] = f"endpoint '{remote.name}' on host '{entry['name']}'"
                # DNS does not distinguish upper and lower case.
                alike = remote.name.lower()
                if alike in names:
                    raise ValueError(f"host '{names[alike]}' also has an endpoint with that name.")
                names[alike] = entry["name"]
                remotes.append(remote)
        if end is not None:
            for other in peers:
                if other.name == entry["name"]:
                    context.problems.add(f"{about}: it is listed twice.")
                elif other.address == end:
                    context.problems.add(f"{about}: its address {end} is already used by peer '{other.name}'.")
            endpoints = tuple(sorted(remotes, key=lambda one: one.name))
            peers.append(Peer(entry["name"], end, endpoints, chosen=tuple(sorted(entry.get("chosen") or ()))))
    return tuple(sorted(peers, key=lambda peer: peer.name))


def delete_moved_endpoints(context: Context, network: Network) -> None:
    """Delete the endpoints here that have moved to another host: an address is on one host only."""
    for _peer, remote in network.declared_remotes():
        endpoint = context.store.endpoint_on(network.id, remote.name)
        if endpoint is not None and set(endpoint.held) & set(remote.addresses):
            context.store.delete_endpoint(endpoint)


def check_ranges(context: Context, before: SqliteStore) -> None:
    """Check that no endpoint keeps an address from a range that may belong to another host from now on."""
    for kind, identifier in sorted(context.store.touched):
        was, now = (store.network(identifier) if kind == "network" else None for store in (before, context.store))
        if was is None or now is None or now.underlay is None or now.underlay.known is None:
            continue
        for pool in was.pools:
            after = now.pool(pool.subnet.version)
            if pool.iprange is None or after is None or after.iprange in (None, pool.iprange):
                continue
            keeping = [
                endpoint
                for endpoint in context.store.endpoints_of_network(identifier)
                for held in (endpoint.address(pool.subnet.version),)
                if held is not None and held in pool.iprange and held not in (after.iprange or ())
                if str(held) not in now.underlay.known
            ]
            if keeping:
                context.problems.add(
                    f"Network '{now.name}': this host would now choose addresses from {after.iprange}, and "
                    f"{quoted(keeping)} would keep those chosen from {pool.iprange}, which another host may choose "
                    f"again. Set cnm_host_number so that {pool.iprange} stays this host's, give these sandboxes fixed "
                    "addresses in cnm_sandboxes, or remove them first."
                )


def check_controls(context: Context) -> None:
    """Check that a routing daemon makes the entries of all networks of several hosts, or of none.

    FRR has no setting that leaves a VXLAN device of the host to others ("advertise-all-vni").
    """
    controls = {
        name: (spanning(kind).tunnel(name, options).control, spanning(kind).control_option)
        for kind, name, options, _device, _peers in context.store.underlays()
    }
    routed = sorted(name for name, (control, _option) in controls.items() if control == EVPN)
    others = sorted(controls.keys() - set(routed))
    if routed and others:
        context.problems.add(
            f"Network '{routed[0]}' has '{controls[routed[0]][1]}: {EVPN}', and network '{others[0]}' has not. FRR "
            "would make entries for both, so set it for all overlays of this host in one task, or for none."
        )


def unreachable_endpoints(store: SqliteStore, network: Network) -> str:
    """Return which endpoints here other hosts cannot reach, because they do not know them; empty if there are none."""
    known = network.underlay.known if network.underlay is not None else None
    if known is None or network.underlay is None or network.underlay.learning or _tunnel(network).control != INVENTORY:
        return ""
    unknown = _undeclared(store, network, network.underlay)
    if not unknown:
        return ""
    option = spanning(network.driver).learning_option
    return (
        f"Network '{network.name}': other hosts do not know {quoted(unknown)}, and cannot reach "
        f"{'it' if len(unknown) == 1 else 'them'} before cnm.linux.topology has run for all hosts. Declare all "
        f"sandboxes on this network in cnm_sandboxes, or set its driver option '{option}' to true."
    )


def _undeclared(store: SqliteStore, network: Network, underlay: Underlay) -> List[Endpoint]:
    """Return the running endpoints here that the inventory does not declare, or not with the addresses they have."""
    known = set(underlay.known or ())
    return [
        one
        for one in store.running_endpoints(network.id)
        if one.name not in underlay.chosen and not set(map(str, one.addresses)) <= known
    ]


def settle_learning(context: Context, name: str) -> None:
    """Decide whether this host learns where the endpoints of the network NAME are, unless an option says so.

    It need not if it knows all of them, and nothing else creates any. Container engines, and endpoints that the
    inventory does not declare, show that something does. Where agents tell of endpoints, it never learns.
    """
    network = context.store.network_named(name)
    underlay = network.underlay if network is not None else None
    if network is None or underlay is None or underlay.known is None or not is_exchanged(network):
        return
    if _tunnel(network).learning is not None:
        return
    declared = underlay.known or underlay.chosen or any(peer.endpoints or peer.chosen for peer in network.peers)
    seen = {(peer.name, remote.name) for peer, remote in network.remotes()}
    reported = {(peer.name, remote.name) for peer in network.peers for remote in peer.reported}
    chosen = {(peer.name, each) for peer in network.peers for each in peer.chosen}
    learning = (
        not declared
        or bool(network.engines)
        or not chosen <= seen & reported
        or not reported <= chosen
        or bool(_undeclared(context.store, network, underlay))
    )
    if learning != underlay.learning:
        context.store.put_network(replace(network, underlay=replace(underlay, learning=learning)))


def check_holders(context: Context, network: Network) -> None:
    """Check that no endpoint here has an address of one on another host. One of the same name has moved here."""
    for peer, remote in network.declared_remotes():
        for held in remote.addresses:
            holder = context.store.holder(network.id, held.packed)
            if holder is None or holder.name == remote.name or (holder.id, held.version) in context.asked:
                continue
            context.problems.add(
                f"Network '{network.name}': peer '{peer.name}': endpoint '{remote.name}': {held} is taken: endpoint "
                f"'{holder.name}' on this host has it."
            )


def tunnel(network: Network) -> Optional[Tuple[int, int]]:
    """Return NETWORK's identifier and UDP port, which must be unique on a host; None if it has no tunnel."""
    if driver(network.driver).scope != "global":
        return None
    return _tunnel(network).id, _tunnel(network).port


def same_tunnel(network: Network, other: Network) -> str:
    """Return a sentence that says that OTHER already uses the tunnel of NETWORK."""
    own = _tunnel(network)
    option = spanning(network.driver).identifier_option
    derived = "" if own.id_is_given else ", derived from its name,"
    return (
        f"the VNI {own.id}{derived} is already used by network '{other.name}'. Give one of them another VNI with "
        f"driver option '{option}', on all hosts."
    )


def _tunnel(network: Network) -> Tunnel:
    return spanning(network.driver).tunnel(network.name, network.options)


def _check_port(context: Context, network: Network, subject: str) -> None:
    """Check that NETWORK's UDP port is free on this host."""
    port, option = _tunnel(network).port, spanning(network.driver).port_option
    tunnels = [each for each in context.host.tunnels() if each[1] == port]
    for name, _port, ours in tunnels:
        if not ours:
            context.problems.add(
                f"{subject}: UDP port {port} is already used by the VXLAN device '{name}', which we did not create. "
                f"Set another port with driver option '{option}', on all hosts."
            )
    if not any(ours for _name, _port, ours in tunnels):
        for listener in context.host.listening():
            if (listener.protocol, listener.port) == (_UDP, port) and not any(not ours for _n, _p, ours in tunnels):
                process = context.host.process(listener.inode) or "something that is not ours, such as a VXLAN device"
                context.problems.add(
                    f"{subject}: UDP port {port} is in use by {process}. Set another port with driver option "
                    f"'{option}', on all hosts."
                )
                break
