# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges, veth pairs, VXLAN devices and macvlans: read by name, made and changed many at once."""

from __future__ import annotations

import errno
import os
from functools import cache
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from ...model.errors import CnmError, Conflict, KernelRefused, raise_all
from ...resources.link import GROUP, HostEnd, Link, Lower, Tunnel
from ...resources.plan import Step
from ...resources.resource import HOST, Key
from ..namespace import Namespaces
from ..refusals import Change, carry_out
from . import interface, macvlan, readiness, uapi, veth, vxlan
from .interface import UP, Interface
from .request import encode
from .socket import Refusal, Reply, Socket

_GONE = (errno.ENODEV, errno.ENOENT)
_VETH = "veth"
_NO_MAC = "00:00:00:00:00:00"

LEAVING = 0x78636E6D
"""Device group of our links that are about to be removed: "xcnm" in ASCII.

If a run is killed then, such a link is read as one of ours that has to be created again.
"""


class Seen(NamedTuple):
    """Interfaces of one namespace, and the number that it has for the host's namespace."""

    interfaces: Dict[str, Interface]
    host_nsid: int
    ours: bool = False
    """Whether the namespace was made by us."""


def look(namespaces: Namespaces, socket: Socket, names: Iterable[str]) -> Seen:
    """Look the interfaces called NAMES up, in one request."""
    # The number comes last: the kernel gives one when it first tells of a link whose other end is there.
    replies = socket.exchange([interface.by_name(name) for name in names] + [interface.nsid_request(namespaces.home)])
    numbered = replies.pop()
    interfaces = [interface.parse(reply) for reply in replies if isinstance(reply, bytes)]
    return Seen({i.name: i for i in interfaces}, interface.nsid(numbered) if isinstance(numbered, bytes) else -1)


def hidden(socket: Socket, seen: Seen, wanted: Set[str]) -> Dict[str, Interface]:
    """Return the links on top of the host's interfaces that a sandbox, in which WANTED were SEEN, has besides them.

    A sandbox can rename its interface. A veth is found by its end on the host, and a macvlan has none. Nobody but the
    host's root can have made it. In a namespace of somebody else it has to have our mark.
    """
    there = [seen.interfaces.get(name) for name in wanted]
    if all(one is not None and one.type == _VETH and one.peer_nsid == seen.host_nsid for one in there):
        return {}
    return {
        link.name: link
        for link in interface.dump(socket, kind=macvlan.KIND)
        if link.name not in wanted
        and link.peer_nsid == seen.host_nsid
        and (seen.ours or link.group in (GROUP, LEAVING))
    }


def resolve(namespaces: Namespaces, wanted: Dict[str, Set[str]], seen: Dict[str, Seen]) -> List[Link]:
    """Return the links that SEEN has of WANTED, names by namespace, each veth with what its host end is.

    A veth whose other end is not on the host has no ``peer``. It is down if either end is. The host's end is a link by
    itself only where its inner end was not found: a sandbox may rename it, or move it to another namespace.
    """
    host = namespaces.at(HOST)
    ends = interface.find_indices(
        host,
        {
            seen[namespace].interfaces[name].peer
            for namespace in wanted
            if namespace in seen
            for name in wanted[namespace] & set(seen[namespace].interfaces)
            if namespace != HOST or _pair_on_host(seen[namespace].interfaces[name])
        }
        - {0},
    )
    tunnels = [seen[HOST].interfaces[name] for name in wanted.get(HOST, ()) if name in seen[HOST].interfaces]
    tunnels = [entry for entry in tunnels if entry.vxlan]
    around = {entry.master for entry in tunnels} | {entry.vxlan.lower for entry in tunnels if entry.vxlan}
    found_masters = interface.find_indices(host, ({end.master for end in ends.values()} | around) - {0})
    masters = {index: entry.name for index, entry in found_masters.items() if entry.group != LEAVING}
    pinned = _pinned(host, wanted, seen, ends)
    links = []
    for namespace, names in wanted.items():
        for name in names:
            entry = seen[namespace].interfaces.get(name) if namespace in seen else None
            if entry is None:
                continue
            end = _host_end(entry, seen[namespace], ends) if namespace != HOST or _pair_on_host(entry) else None
            end = None if end and namespace == HOST and not end.master else end
            if (end or entry).group == LEAVING:
                links.append(Link(namespace, name, ""))
                continue
            peer = None
            if end:
                master = masters.get(end.master, "")
                peer = HostEnd(end.name, master, end.mtu, end.isolated, end.hairpin, end.index in pinned, end.group)
            up = entry.up and (end is None or end.up)
            tunnel = vxlan.tunnel(entry.vxlan, masters, masters.get(entry.master, "")) if entry.vxlan else None
            lower, group = _lower(entry, seen[namespace], ends), entry.group
            if lower and seen[namespace].ours:
                # The sandbox can change the mark, but not put a link onto an interface of the host.
                group = GROUP
            links.append(
                Link(namespace, name, entry.type, entry.address, entry.mtu, up, group, peer, tunnel=tunnel, lower=lower)
            )
    told = {link.end for link in links}
    return [link for link in links if link.namespace != HOST or link.name not in told]


def _pinned(host: Socket, wanted: Dict[str, Set[str]], seen: Dict[str, Seen], ends: Dict[int, Interface]) -> Set[int]:
    """Return those of ENDS to which their bridge sends all frames for the inner end, whatever it hears."""
    inner = [
        seen[namespace].interfaces[name]
        for namespace, names in wanted.items()
        if namespace != HOST and namespace in seen
        for name in names & set(seen[namespace].interfaces)
    ]
    ports = [(end.peer, end.address) for end in inner if end.peer in ends and ends[end.peer].master]
    if not ports:
        return set()
    from . import neighbour

    return neighbour.pinned(host, ports)


def _pair_on_host(found: Interface) -> bool:
    """Say whether FOUND, an interface of the host, is the end of a pair with both ends there, and no bridge's port."""
    return found.type == _VETH and found.peer_nsid < 0 and not found.master


def _lower(found: Interface, seen: Seen, others: Dict[int, Interface]) -> Optional[Lower]:
    """Return what FOUND, a macvlan in the namespace that was SEEN, is on; None if that is not on the host."""
    below = others.get(found.peer) if found.mode and found.peer_nsid == seen.host_nsid else None
    return Lower(below.name, found.mode) if below is not None else None


def _host_end(inner: Interface, seen: Seen, ends: Dict[int, Interface]) -> Optional[Interface]:
    end = ends.get(inner.peer)
    paired = end is not None and inner.type == end.type == _VETH and end.peer == inner.index
    return end if paired and inner.peer_nsid == seen.host_nsid else None


def read(namespaces: Namespaces, wanted: Dict[str, Set[str]]) -> List[Link]:
    """Return those links of WANTED, names by namespace, that exist."""
    seen = {}
    for namespace, names in wanted.items():
        socket = namespaces.find(namespace)
        if socket:
            seen[namespace] = look(namespaces, socket, names)
    return resolve(namespaces, wanted, seen)


def remove(namespaces: Namespaces, links: Sequence[Link]) -> List[CnmError]:
    """Remove LINKS and return the errors. A veth is removed by its host end, so that one send is enough for all."""
    errors: List[CnmError] = []
    names: Dict[str, Dict[str, str]] = {}
    for link in links:
        namespace, name = (HOST, link.peer.name) if link.peer else (link.namespace, link.name)
        names.setdefault(namespace, {})[name] = str(link)
    for namespace, leaving in names.items():
        socket = namespaces.find(namespace)
        if socket:
            errors += carry_out(socket, _removal(leaving))
    return errors


def apply(namespaces: Namespaces, steps: Sequence[Step]) -> None:
    """Make and change links: first bridges, then what is a port of them, VXLAN devices and veth pairs.

    A port that is to be isolated is so before there is another that it must not reach.

    :raises Conflict: when a name is taken by something that is not ours.
    """
    for turn in range(3):
        part = [step for step in steps if _turn(step) == turn]
        _create(namespaces, [_link(step.after) for step in part if step.before is None])
        _change(namespaces, [step for step in part if step.before])
    # The kernel notices carriers in their order, so when it has noticed the last new one, it has noticed all.
    ports = [_port(step) for step in steps if step.before is None and _port(step)][-1:]
    ports += [_port(step) for step in steps if step.before and _comes_up(step) and _port(step)]
    if ports:
        readiness.await_ports(namespaces.at(HOST), ports)


def _port(step: Step) -> str:
    """Return the name of the bridge port that STEP is about; empty if it is about none, or one that is to be down."""
    link = _link(step.after)
    if link.up is False or (link.peer and link.namespace == HOST):
        return ""
    if link.tunnel:
        return link.name if link.tunnel.master else ""
    return link.peer.name if link.peer and link.peer.master else ""


def _comes_up(step: Step) -> bool:
    """Say whether a link that is there is set up, or connected to another bridge."""
    before, after = _link(step.before), _link(step.after)
    moved = before.peer and after.peer and before.peer.master != after.peer.master
    return not before.up or bool(moved)


def _turn(step: Step) -> int:
    link, before = _link(step.resource), step.before
    if isinstance(before, Link) and before.peer and link.peer and link.peer.isolated and not before.peer.isolated:
        return 0
    return 2 if link.namespace != HOST else 1 if link.tunnel or link.peer else 0


def _link(resource: object) -> Link:
    if not isinstance(resource, Link):
        raise TypeError(f"not a link: {resource!r}")
    return resource


def _create(namespaces: Namespaces, links: Sequence[Link]) -> None:
    in_the_way = _try_to_create(namespaces, links)
    if not in_the_way:
        return
    changes = _make_way(namespaces, in_the_way)
    _change(namespaces, changes)
    done = {step.resource.key for step in changes}
    left = _try_to_create(namespaces, [link for link in in_the_way if link.key not in done])
    raise_all([KernelRefused(f"The kernel refused to make {link}: its name is taken.", link.key) for link in left])


def _try_to_create(namespaces: Namespaces, links: Sequence[Link]) -> List[Link]:
    """Make LINKS and return those whose name, or whose host end's name, is taken."""
    taken: List[Link] = []
    host = namespaces.at(HOST)
    masters = interface.find(host, sorted(set().union(*map(_named, links)) - {""}))
    errors: List[CnmError] = []
    for start in range(0, len(links), namespaces.at_once):
        messages: Dict[Link, bytes] = {}
        descriptors: Dict[str, int] = {}
        try:
            for link in links[start : start + namespaces.at_once]:
                try:
                    if (link.peer or link.lower) and link.namespace not in descriptors:
                        namespaces.at(link.namespace)
                        opened = (
                            os.dup(namespaces.home) if link.namespace == HOST else namespaces.opened(link.namespace)
                        )
                        descriptors[link.namespace] = opened
                    messages[link] = _creation(link, descriptors, masters)
                except CnmError as error:
                    errors.append(error.of(link.key))
            replies = _patiently(host, messages, host.exchange(list(messages.values())))
        finally:
            for descriptor in descriptors.values():
                os.close(descriptor)
        for link, reply in zip(messages, replies):
            if isinstance(reply, Refusal) and reply.number == errno.EEXIST:
                taken.append(link)
            elif isinstance(reply, Refusal):
                text = f"The kernel refused to make {link}: {_reason(link, reply)}."
                errors.append(KernelRefused(text, link.key))
    refused = {error.about for error in errors}
    errors += _finish(namespaces, [link for link in links if link not in taken and link.key not in refused])
    raise_all(errors)
    return taken


def _patiently(host: Socket, messages: Dict[Link, bytes], replies: Sequence[Reply]) -> List[Reply]:
    """Return the REPLIES to MESSAGES; send those again that were refused as another link has the MAC address.

    It may be one in a namespace that was removed just now: the kernel takes that apart a moment later.
    """
    answers = dict(zip(messages, replies))

    def refused(left: Sequence[Link]) -> List[Link]:
        answers.update(zip(left, host.exchange([messages[link] for link in left])))
        return [link for link in left if _is_taken(link, answers[link])]

    waiting = [link for link in messages if _is_taken(link, answers[link])]
    if waiting:
        readiness.wait(refused, waiting)
    return list(answers.values())


def _is_taken(link: Link, reply: Reply) -> bool:
    """Say whether REPLY refuses LINK as another link on its lower interface has its MAC address."""
    return link.lower is not None and isinstance(reply, Refusal) and reply.number in (errno.EADDRINUSE, errno.EBUSY)


def _named(link: Link) -> Set[str]:
    """Return the names of the interfaces of the host that LINK is connected to."""
    ports = {link.peer.master} if link.peer else {link.lower.device} if link.lower else set()
    return ports | ({link.tunnel.master, link.tunnel.device} if link.tunnel else set())


def _reason(link: Link, refusal: Refusal) -> str:
    if link.tunnel and refusal.number in (errno.EADDRINUSE, errno.EBUSY):
        return f"UDP port {link.tunnel.port} is in use ({refusal.text})"
    if link.lower and refusal.number in (errno.EADDRINUSE, errno.EBUSY) and link.address:
        return (
            f"'{link.lower.device}' is a port of something else, or another link on it has the MAC address "
            f"{link.address}, perhaps in a removed sandbox in which programs still run ({refusal.text})"
        )
    if link.lower and refusal.number == errno.EINVAL:
        return (
            f"'{link.lower.device}' cannot have a {link.type} in mode {link.lower.mode}: mode passthru needs it alone "
            f"({refusal.text})"
        )
    if refusal.number == errno.EOPNOTSUPP:
        return f"it has no support for links of type '{link.type}', its module '{link.type}' is missing"
    return refusal.text


def _finish(namespaces: Namespaces, links: Sequence[Link]) -> List[CnmError]:
    """Do what the kernel does not do when it makes a link; return what went wrong.

    A port has no modes; an inner end is not set up, as it has no peer yet while it is configured
    (veth_newlink in drivers/net/veth.c); and a bridge follows the MTU of its ports unless its own was
    changed to another value (br_mtu_auto_adjust in net/bridge/br_if.c).
    """
    changes: Dict[str, List[Change]] = {}
    for link in links:
        if link.peer and (link.peer.isolated or link.peer.hairpin):
            message = _port_modes(link.peer)
            changes.setdefault(HOST, []).append(
                Change(f"set the modes of bridge port '{link.peer.name}'", message, about=link.key)
            )
        if link.tunnel:
            message = encode(
                "link", uapi.RTM_NEWLINK, uapi.NLM_F_ACK, [("IFLA_IFNAME", link.name), vxlan.port_modes(link.tunnel)]
            )
            changes.setdefault(HOST, []).append(
                Change(f"set the modes of bridge port '{link.name}'", message, about=link.key)
            )
        if link.lower and link.address and link.lower.mode == "passthru":
            # It is created with its parent's (macvlan_common_newlink in drivers/net/macvlan.c).
            message = _setting(link.name, [("IFLA_ADDRESS", link.address)])
            changes.setdefault(link.namespace, []).append(
                Change(f"set the MAC address of {link}", message, about=link.key)
            )
        if link.peer is None and link.lower is None and link.mtu is not None:
            message = _setting(link.name, [("IFLA_MTU", link.mtu)])
            changes.setdefault(HOST, []).append(Change(f"set the MTU of {link} to {link.mtu}", message, about=link.key))
        if link.peer and link.up is not False:
            changes.setdefault(link.namespace, []).append(Change(f"set up {link}", _set_up(link.name), about=link.key))
    errors = _carried_out(namespaces, changes)
    return errors + _pin(namespaces.at(HOST), [Step(None, link) for link in links])


def _carried_out(namespaces: Namespaces, changes: Dict[str, List[Change]]) -> List[CnmError]:
    return [error for namespace in changes for error in carry_out(namespaces.at(namespace), changes[namespace])]


def _pin(host: Socket, steps: Sequence[Step]) -> List[CnmError]:
    """Let bridges send all frames for the inner end of a pair to its port, as STEPS want it, whatever they hear.

    Return what went wrong.
    """
    removed: List[Tuple[str, str, Key]] = []
    added: List[Tuple[str, str, Key]] = []
    for step in steps:
        before, after = _pinned_as(step.before), _pinned_as(step.after)
        if before != after:
            removed += [(*before[:2], step.resource.key)] if before and step.after else []
            added += [(*after[:2], step.resource.key)] if after else []
    if not removed and not added:
        return []
    from . import neighbour

    interfaces = interface.find(host, {name for name, _mac, _key in (*removed, *added)})
    changes = [
        Change(f"{verb} {mac} {where} bridge port '{name}'", message(interfaces[name].index, mac), harmless, key)
        for verb, where, message, harmless, ports in (
            ("unpin", "from", neighbour.unpin, _GONE, removed),
            ("pin", "to", neighbour.pin, (), added),
        )
        for name, mac, key in ports
        if name in interfaces
    ]
    return carry_out(host, changes)


def _pinned_as(link: object) -> Optional[Tuple[str, str, str]]:
    """Return the host's end of LINK, the MAC address that is pinned to it and the bridge; None without a pin."""
    if not isinstance(link, Link) or link.peer is None or not link.peer.pinned or not link.address:
        return None
    return link.peer.name, link.address, link.peer.master


def _make_way(namespaces: Namespaces, links: Sequence[Link]) -> List[Step]:
    """Remove what an interrupted run left in the place of LINKS; return changes for those LINKS that exist."""
    wanted: Dict[str, Set[str]] = {}
    for link in links:
        wanted.setdefault(link.namespace, set()).add(link.name)
    present = {link.key: link for link in read(namespaces, wanted)}
    ends = interface.find(namespaces.at(HOST), [link.peer.name for link in links if link.peer])
    changes: List[Step] = []
    stale: List[Link] = []
    conflicts: List[CnmError] = []
    for link in links:
        there = present.get(link.key)
        end = ends.get(link.peer.name) if link.peer else None
        if (there and there.foreign) or (end and end.group not in (GROUP, LEAVING)):
            name = str(there) if there and there.foreign else f"interface '{end.name}'" if end else ""
            text = f"A {name} that was not made by us is in the place of {link}. Remove or rename it."
            conflicts.append(Conflict(text, link.key))
            continue
        same_pair = link.peer is None or (there and there.peer and there.peer.name == link.peer.name)
        if there and (there.type, there.base) == (link.type, link.base) and same_pair:
            changes.append(Step(there, link))
            continue
        if there:
            stale.append(there)
        if end:
            stale.append(Link(HOST, end.name, end.type))
    raise_all(conflicts or remove(namespaces, stale))
    return changes


def _change(namespaces: Namespaces, steps: Sequence[Step]) -> None:
    host = namespaces.at(HOST)
    names = {_link(step.after).peer for step in steps} - {None}
    masters = interface.find(host, sorted({end.master for end in names if end} - {""}))
    changes: Dict[str, List[Change]] = {}
    errors: List[CnmError] = []
    for step in steps:
        before, after = _link(step.before), _link(step.after)
        what = f"change {after}"
        own = _difference(before, after)
        if own:
            changes.setdefault(after.namespace, []).append(Change(what, _setting(after.name, *own), about=after.key))
        try:
            messages = _end_changes(before, after, masters)
        except CnmError as error:
            errors.append(error.of(after.key))
            continue
        changes.setdefault(HOST, []).extend(Change(what, message, about=after.key) for message in messages)
    raise_all(errors + _carried_out(namespaces, changes) + _pin(host, steps))


def _difference(before: Link, after: Link) -> Optional[Tuple[List[Tuple[str, Any]], Optional[bool]]]:
    changed: List[Tuple[str, Any]] = []
    if after.address is not None and after.address != before.address:
        changed.append(("IFLA_ADDRESS", after.address))
    elif after.adopted and after.group != before.group and before.address != _NO_MAC:
        # A bridge has the lowest of its ports' addresses, so our ports would change it, until it is given one
        # (br_stp_recalculate_bridge_id in net/bridge/br_stp_if.c).
        changed.append(("IFLA_ADDRESS", before.address))
    if after.mtu is not None and after.mtu != before.mtu:
        changed.append(("IFLA_MTU", after.mtu))
    if after.group != before.group:
        changed.append(("IFLA_GROUP", after.group))
    if after.lower and before.lower and after.lower.mode != before.lower.mode:
        changed.append(macvlan.information(after.lower.mode))
    up = after.up if after.up != before.up else None
    return (changed, up) if changed or up is not None else None


def _end_changes(before: Link, after: Link, masters: Dict[str, Interface]) -> List[bytes]:
    if before.peer is None or after.peer is None:
        return []
    old, new = before.peer, after.peer
    changed: List[Tuple[str, Any]] = []
    if new.mtu is not None and new.mtu != old.mtu:
        changed.append(("IFLA_MTU", new.mtu))
    if new.group != old.group:
        changed.append(("IFLA_GROUP", new.group))
    moved = new.master != old.master
    if moved:
        changed.append(("IFLA_MASTER", _master(after, masters)))
    up = after.up if after.up != before.up else None
    messages = [_setting(new.name, changed, up)] if changed or up is not None else []
    now = (False, False) if moved else (old.isolated, old.hairpin)
    if new.master and (new.isolated, new.hairpin) != now:
        messages.append(_port_modes(new))
    return messages


def _master(link: Link, masters: Dict[str, Interface]) -> int:
    if link.peer is None or not link.peer.master:
        return 0
    if link.peer.master not in masters:
        raise KernelRefused(f"There is no bridge '{link.peer.master}' to connect {link} to.")
    return masters[link.peer.master].index


def _removal(leaving: Dict[str, str]) -> List[Change]:
    """Return the changes that remove the interfaces LEAVING, descriptions by name.

    One by one, each would wait for an RCU grace period, some 20 ms. The kernel removes a group as one.
    """
    if len(leaving) == 1:
        return [Change(f"remove {what}", _deletion("IFLA_IFNAME", name), _GONE) for name, what in leaving.items()]
    changes = [Change(f"remove {what}", _setting(n, [("IFLA_GROUP", LEAVING)]), _GONE) for n, what in leaving.items()]
    return [*changes, Change("remove links", _deletion("IFLA_GROUP", LEAVING), _GONE)]


def _deletion(attribute: str, value: Any) -> bytes:
    return encode("link", uapi.RTM_DELLINK, uapi.NLM_F_ACK, [(attribute, value)])


def _setting(name: str, changed: Sequence[Tuple[str, Any]], up: Optional[bool] = None) -> bytes:
    flags, mask = (UP if up else 0), (UP if up is not None else 0)
    return encode("link", uapi.RTM_NEWLINK, uapi.NLM_F_ACK, [("IFLA_IFNAME", name), *changed], flags=flags, change=mask)


@cache
def _set_up(name: str) -> bytes:
    return _setting(name, [], up=True)


def _port_modes(end: HostEnd) -> bytes:
    port = [
        ("IFLA_BRPORT_ISOLATED", int(bool(end.isolated))),
        ("IFLA_BRPORT_LEARNING", int(not end.isolated)),
        ("IFLA_BRPORT_MODE", int(end.hairpin)),
    ]
    information = [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", port)]
    return encode("link", uapi.RTM_NEWLINK, uapi.NLM_F_ACK, [("IFLA_IFNAME", end.name), ("IFLA_LINKINFO", information)])


def _creation(link: Link, descriptors: Dict[str, int], masters: Dict[str, Interface]) -> bytes:
    up = link.up is not False
    if link.tunnel:
        return _tunnel_creation(link, link.tunnel, masters)
    if link.lower:
        if link.lower.device not in masters:
            raise KernelRefused(f"There is no interface '{link.lower.device}' that {link} could be on.")
        own = veth.properties(link.name, link.address, link.mtu, link.group)
        own += [("IFLA_LINK", masters[link.lower.device].index), ("IFLA_NET_NS_FD", descriptors[link.namespace])]
        return veth.request([*own, macvlan.information(link.lower.mode)], up)
    if link.peer is None:
        own = veth.properties(link.name, link.address, None, link.group)
        return veth.request([*own, ("IFLA_LINKINFO", [("IFLA_INFO_KIND", link.type)])], up)
    pair = veth.Pair(link.mtu, link.peer.mtu or link.mtu, link.group, _master(link, masters), up)
    return veth.creation(pair, link.peer.name, link.name, link.address, descriptors[link.namespace])


def _tunnel_creation(link: Link, tunnel: Tunnel, found: Dict[str, Interface]) -> bytes:
    for name, what in ((tunnel.master, "bridge"), (tunnel.device, "interface")):
        if name and name not in found:
            raise KernelRefused(f"There is no {what} '{name}' to connect {link} to.")
    lower = found[tunnel.device].index if tunnel.device else 0
    own = veth.properties(link.name, link.address, link.mtu, link.group)
    if tunnel.master:
        own.append(("IFLA_MASTER", found[tunnel.master].index))
    return veth.request([*own, vxlan.information(tunnel, lower)], link.up is not False)
