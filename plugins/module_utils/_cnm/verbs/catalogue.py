# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue of networks in etcd: what is the same on all hosts of a network, and which hosts have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..drivers import spanning
from ..etcd import layout
from ..etcd.transaction import Absent, Batch, Condition, NoneBelow, Put, Unchanged
from ..model.addresses import Address, address
from ..model.network import Network
from ..model.overlay_peer import Peer
from .context import Context, Shared
from .overlay import has_slices, wants_etcd
from .slices import parts, sliced, without_slice


def is_shared(network: Network) -> bool:
    """Say whether what the hosts of NETWORK share is in etcd."""
    return network.underlay is not None and bool(network.underlay.member)


def definition(network: Network) -> Dict[str, Any]:
    """Return what is the same on all hosts of NETWORK, in the form of an item of ``networks``."""
    way = spanning(network.driver)
    tunnel = way.tunnel(network.name, network.options)
    options = {key: text for key, text in network.options.items() if key not in way.local_options}
    return {
        "driver": network.driver,
        "driver_options": {**options, way.identifier_option: str(tunnel.id), way.port_option: str(tunnel.port)},
        "internal": network.internal,
        "ipam_config": [
            {
                "subnet": str(pool.subnet),
                "gateway": str(pool.gateway),
                "aux_addresses": {name: str(held) for name, held in pool.auxiliary.items()},
            }
            for pool in network.pools
        ],
    }


def completed(
    context: Context, existing: Optional[Network], item: Mapping[str, Any], subject: str
) -> Optional[Mapping[str, Any]]:
    """Return ITEM with what it leaves out as the other hosts have it; None if they do not have it, and it is needed."""
    kind = item.get("driver") or (existing.driver if existing is not None else "")
    if existing is not None and is_shared(existing):
        return _filled(item, kind, definition(existing))
    known = _known(context.shared(f"{subject}: it has to be looked up in etcd"), item["name"])
    if known is not None:
        return _filled(item, kind, known)
    if not item.get("ipam_config") and (existing is None or not existing.pools):
        context.problems.add(
            f"{subject}: no host has created it in etcd yet. Give its subnet in ipam_config to create it."
        )
        return None
    return item


def joined(
    context: Context, existing: Optional[Network], network: Network, item: Mapping[str, Any], subject: str
) -> Network:
    """Return NETWORK as one that this host has joined in etcd, with its slices and the other hosts that have joined."""
    underlay = network.underlay
    if underlay is None or not wants_etcd(network):
        if underlay is not None and underlay.member:
            peers = tuple(peer for peer in underlay.peers if not peer.joined)
            network = replace(network, underlay=replace(underlay, member="", peers=peers))
        return network
    earlier = existing.peers if existing is not None else ()
    members = {peer.name: peer.address for peer in earlier if peer.joined}
    if item.get("members") is not None:
        members = addresses_of(item["members"])
    if item.get("rejoin"):
        context.rejoining.add(network.name)
    elif existing is not None and is_shared(existing) and _agreed(existing) == _agreed(network):
        return with_members(network, members, earlier)
    shared = context.shared(f"{subject}: it has to be joined in etcd")
    own = underlay.member or shared.host or str(underlay.address)
    members = addresses_of(_members(shared, network.name))
    members.pop(own, None)
    known = _known(shared, network.name)
    if known is not None and members:
        differences = "; ".join(_differences(known, definition(network)))
        if differences:
            context.problems.add(f"{subject}: it is declared differently on {_named(members)}: {differences}.")
    if has_slices(network):
        pools = tuple(sliced(context, shared, network, pool, own, subject) for pool in network.pools)
    else:
        pools = tuple(without_slice(pool, existing or network, item) for pool in network.pools)
    network = replace(network, pools=pools, underlay=replace(underlay, member=own))
    return with_members(network, members, earlier)


def own_keys(network: Network) -> Dict[str, bytes]:
    """Return what etcd has of this host's membership in NETWORK, by key; nothing if it has not joined."""
    if network.underlay is None or not network.underlay.member:
        return {}
    member = network.underlay.member
    keys = {layout.members(network.name) + member: layout.packed(str(network.underlay.address))}
    for pool in network.pools:
        for each in parts(network, pool):
            keys[layout.slices(network.name) + str(each.network_address)] = layout.packed(member)
    return keys


def joining(context: Context, earlier: Optional[Network], network: Network) -> Optional[Batch]:
    """Return what makes this host a member of NETWORK, as it is now; None if it is one already."""
    had = own_keys(earlier) if earlier is not None else {}
    missing = {key: text for key, text in own_keys(network).items() if had.get(key) != text}
    known = definition(earlier) if earlier is not None and is_shared(earlier) else None
    if not missing and known == definition(network):
        return None
    shared = context.shared(f"Network '{network.name}': it has to be joined in etcd")
    member = network.underlay.member if network.underlay is not None else ""
    key = layout.definition(network.name)
    values = shared.get([key])
    puts: List[Put] = [Put(each, text) for each, text in missing.items()]
    conditions: List[Condition] = [Unchanged(key, values[key].revision) if key in values else Absent(key)]
    if _known(shared, network.name) != definition(network):
        puts.append(Put(key, layout.packed(definition(network))))
        conditions.append(NoneBelow(layout.members(network.name), layout.members(network.name) + member))
    slices = [each for each in missing if each.startswith(layout.SLICES)]
    held = shared.get(slices)
    for each in slices:
        entry = held.get(each)
        if entry is not None and entry.value == missing[each]:
            conditions.append(Unchanged(each, entry.revision))
        else:
            conditions += [Absent(each), NoneBelow(layout.addresses(network.name, each.rpartition("/")[2]))]
    return Batch(conditions, puts)


def addresses_of(members: Mapping[str, Any]) -> Dict[str, Address]:
    """Return the addresses of MEMBERS that are valid."""
    addresses = {}
    for name, text in members.items():
        try:
            addresses[name] = address(str(text))
        except ValueError:
            continue
    return addresses


def with_members(network: Network, members: Mapping[str, Address], earlier: Sequence[Peer]) -> Network:
    """Return NETWORK with MEMBERS as peers, except those that are declared as peers, and this host.

    :param earlier: peers whose reports are kept
    """
    underlay = network.underlay
    if underlay is None:
        return network
    peers = [peer for peer in underlay.peers if not peer.joined]
    reported = {peer.name: peer.reported for peer in (*earlier, *underlay.peers) if peer.joined}
    declared = {each for peer in peers for each in (peer.name, peer.address)}
    for name, end in members.items():
        is_other = name != underlay.member and end != underlay.address and end.version == underlay.address.version
        if is_other and declared.isdisjoint((name, end)):
            peers.append(Peer(name, end, reported=reported.get(name, ()), joined=True))
    ordered = tuple(sorted(peers, key=lambda peer: peer.name))
    return replace(network, underlay=replace(underlay, peers=ordered)) if ordered != underlay.peers else network


def left_over(context: Context, network: Network) -> Dict[str, bytes]:
    """Return what etcd still has of this host on NETWORK, which it joins, from before it was installed again."""
    shared = context.shared(f"Network '{network.name}': it has to be joined in etcd")
    member = network.underlay.member if network.underlay is not None else ""
    keys = {}
    for key, entry in shared.below(layout.slices(network.name)).items():
        if entry.value == layout.packed(member):
            keys[key] = entry.value
    for key, entry in shared.below(layout.addresses(network.name)).items():
        if layout.holder(entry.value).host == member:
            keys[key] = entry.value
    return keys


def _agreed(network: Network) -> Tuple[Any, ...]:
    """Return all that concerns etcd of NETWORK."""
    return definition(network), own_keys(network), [pool.iprange is None for pool in network.pools]


def _known(shared: Shared, name: str) -> Optional[Dict[str, Any]]:
    """Return the definition in etcd of the network NAME; None if there is none that can be understood."""
    values = shared.get([layout.definition(name)])
    known = layout.unpacked(values[layout.definition(name)].value) if values else None
    return known if _is_definition(known) else None


def _is_definition(known: Any) -> bool:
    """Say whether KNOWN has the form that definition() returns."""
    if not isinstance(known, dict) or not isinstance(known.get("driver_options"), dict):
        return False
    pools = known.get("ipam_config")
    return isinstance(pools, list) and all(
        isinstance(pool, dict)
        and isinstance(pool.get("subnet"), str)
        and isinstance(pool.get("gateway"), str)
        and isinstance(pool.get("aux_addresses"), dict)
        for pool in pools
    )


def _members(shared: Shared, name: str) -> Dict[str, Any]:
    prefix = layout.members(name)
    return {key[len(prefix) :]: layout.unpacked(entry.value) for key, entry in shared.below(prefix).items()}


def _filled(item: Mapping[str, Any], kind: str, known: Mapping[str, Any]) -> Dict[str, Any]:
    """Return ITEM with what it leaves out as it is KNOWN."""
    way, filled = spanning(kind), dict(item)
    if item.get("driver_options") is not None:
        own = way.tunnel(item["name"], {})
        derived = {(way.identifier_option, str(own.id)), (way.port_option, str(own.port))}
        more = {key: text for key, text in known["driver_options"].items() if (key, text) not in derived}
        filled["driver_options"] = {**more, **item["driver_options"]}
    if item.get("internal") is None:
        filled["internal"] = known.get("internal")
    entries = [dict(entry) for entry in item.get("ipam_config") or ()]
    families = {":" in str(entry.get("subnet")) for entry in entries}
    for pool in known["ipam_config"]:
        if (":" in pool["subnet"]) not in families:
            entries.append({"subnet": pool["subnet"]})
        for entry in entries:
            if entry.get("subnet") == pool["subnet"]:
                entry.update({key: pool[key] for key in ("gateway", "aux_addresses") if entry.get(key) is None})
    filled["ipam_config"] = entries
    return filled


def _named(members: Mapping[str, Any]) -> str:
    """Return the first of MEMBERS, and how many more there are, for a message."""
    first, *others = sorted(members)
    return f"host '{first}'{f' and {len(others)} more' if others else ''}"


def _differences(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs between KNOWN and WANTED, definitions, each in a part of a sentence."""
    there, here = _flat(known), _flat(wanted)
    for key in sorted(there.keys() | here.keys()):
        if there.get(key) != here.get(key):
            yield f"{key} is {there.get(key, 'not given')} there and {here.get(key, 'not given')} here"


def _flat(known: Mapping[str, Any]) -> Dict[str, str]:
    flat = {f"driver option '{key}'": f"'{text}'" for key, text in known["driver_options"].items()}
    flat["driver"], flat["internal"] = f"'{known.get('driver')}'", str(bool(known.get("internal"))).lower()
    for pool in known["ipam_config"]:
        family = "IPv6" if ":" in pool["subnet"] else "IPv4"
        flat[f"the {family} subnet"], flat[f"the {family} gateway"] = pool["subnet"], pool["gateway"]
        for name, held in pool["aux_addresses"].items():
            flat[f"the auxiliary address '{name}'"] = str(held)
    return flat
