# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads links: bridges, veth pairs, VXLAN devices, VLANs, macvlans and ipvlans."""

from __future__ import annotations

from typing import Dict, Iterable, List, NamedTuple, Optional, Set

from ...resources.link import GROUP, INTERNAL, HostEnd, Link, Lower
from ...resources.resource import HOST
from ..namespace import Namespaces
from . import interface, internal_port, ipvlan, macvlan
from .interface import LEAVING, Interface
from .socket import Socket

_VETH = "veth"


class Seen(NamedTuple):
    """Interfaces of one namespace, and the number by which it knows the host's namespace."""

    interfaces: Dict[str, Interface]
    host_nsid: int
    ours: bool = False
    """Whether we made the namespace."""


def look(namespaces: Namespaces, socket: Socket, names: Iterable[str]) -> Seen:
    """Look up the interfaces called NAMES in the namespace of SOCKET, in one request."""
    # The kernel assigns the number when it first describes a link whose other end is there, so ask for it last.
    replies = socket.exchange([interface.by_name(name) for name in names] + [interface.nsid_request(namespaces.home)])
    nsid_reply = replies.pop()
    interfaces = [interface.parse(reply) for reply in replies if isinstance(reply, bytes)]
    return Seen({i.name: i for i in interfaces}, interface.nsid(nsid_reply) if isinstance(nsid_reply, bytes) else -1)


def hidden(socket: Socket, seen: Seen, wanted: Set[str]) -> Dict[str, Interface]:
    """Return our macvlans and ipvlans in a sandbox whose names are not among those WANTED there.

    A sandbox can rename its interfaces. A renamed veth is found by its end on the host, but these have no such end.
    Only root on the host can put them on an interface of the host, so in a namespace that we made they are ours. In an
    adopted namespace they must have our mark.

    :param seen: the interfaces of the sandbox that were looked up
    """
    interfaces = [seen.interfaces.get(name) for name in wanted]
    if all(each is not None and each.type == _VETH and each.peer_nsid == seen.host_nsid for each in interfaces):
        # Everything wanted is there, and all of it has an end on the host.
        return {}
    return {
        link.name: link
        for link in interface.dump(socket)
        if link.type in (macvlan.KIND, ipvlan.KIND)
        and link.name not in wanted
        and link.peer_nsid == seen.host_nsid
        and (seen.ours or link.group in (GROUP, LEAVING))
    }


def read(namespaces: Namespaces, wanted: Dict[str, Set[str]]) -> List[Link]:
    """Return those links of WANTED, names by namespace, that exist."""
    seen = {}
    for namespace, names in wanted.items():
        socket = namespaces.find(namespace)
        if socket:
            seen[namespace] = look(namespaces, socket, names)
    return resolve(namespaces, wanted, seen)


def resolve(namespaces: Namespaces, wanted: Dict[str, Set[str]], seen: Dict[str, Seen]) -> List[Link]:
    """Return those links of WANTED, names by namespace, that SEEN has, each veth with its end on the host.

    A veth whose other end is not on the host has no ``peer``. A pair is down if either end is. The end on the host is a
    link of its own only if the inner end was not found: a sandbox may rename that, or move it to another namespace.
    """
    host = namespaces.at(HOST)
    present = {
        namespace: [seen[namespace].interfaces[name] for name in names if name in seen[namespace].interfaces]
        for namespace, names in wanted.items()
        if namespace in seen
    }
    known = {each.index: each for each in seen[HOST].interfaces.values()} if HOST in seen else {}
    ends = _of_host(
        host,
        known,
        {
            each.peer
            for namespace, interfaces in present.items()
            for each in interfaces
            if namespace != HOST or _is_pair_on_host(each) or each.tag is not None
        },
    )
    masters = _master_names(host, known, ends, present.get(HOST, ()))
    pinned = _pinned(host, present, ends)
    links = []
    for namespace, interfaces in present.items():
        for each in interfaces:
            end = _host_end(each, seen[namespace], ends) if namespace != HOST or _is_pair_on_host(each) else None
            if end and namespace == HOST and not end.master:
                # Of a pair with both ends on the host, the peer is the end on a bridge.
                end = None
            if (end or each).group == LEAVING:
                # Without a type it differs from every wanted link, so it is created again.
                links.append(Link(namespace, each.name, ""))
                continue
            peer = None
            if end:
                master = masters.get(end.master, "")
                peer = HostEnd(
                    end.name,
                    master,
                    end.mtu,
                    end.isolated,
                    end.hairpin,
                    end.index in pinned,
                    end.group,
                    end.learning,
                    pinned.get(end.index, True),
                )
            up = each.up and (end is None or end.up)
            tunnel = None
            if each.vxlan:
                from . import vxlan

                tunnel = vxlan.tunnel(each.vxlan, masters, masters.get(each.master, ""))
            lower, group, kind = _lower(each, namespace, seen[namespace], ends), each.group, each.type
            if lower and seen[namespace].ours:
                # A sandbox can change the mark, but it cannot put a link on an interface of the host.
                group = GROUP
            if seen[namespace].ours and internal_port.is_one(each):
                # One that is no longer connected is replaced, like one that is about to be removed.
                kind, group = INTERNAL if internal_port.works(each) else "", GROUP
            links.append(
                Link(
                    namespace,
                    each.name,
                    kind,
                    each.address,
                    each.mtu,
                    up,
                    group,
                    peer,
                    tunnel=tunnel,
                    lower=lower,
                    vlan_filtering=each.vlan_filtering,
                )
            )
    with_inner_end = {link.end for link in links}
    return [link for link in links if link.namespace != HOST or link.name not in with_inner_end]


def inner_end(namespaces: Namespaces, namespace: str, device: str) -> str:
    """Return the name in NAMESPACE of the other end of DEVICE, a veth of the host; empty if it is not there."""
    socket = namespaces.find(namespace)
    end = interface.find(namespaces.at(HOST), [device]).get(device)
    if socket is None or end is None:
        return ""
    seen = look(namespaces, socket, [link.name for link in interface.dump(socket, kind=_VETH)])
    return next((each.name for each in seen.interfaces.values() if _host_end(each, seen, {end.index: end})), "")


def _of_host(host: Socket, known: Dict[int, Interface], indices: Set[int]) -> Dict[int, Interface]:
    """Return the interfaces of the host that have INDICES, from those that are KNOWN or else from the kernel."""
    found = interface.find_indices(host, indices - known.keys() - {0})
    return {**found, **{index: known[index] for index in indices & known.keys()}}


def _master_names(
    host: Socket, known: Dict[int, Interface], ends: Dict[int, Interface], of_host: Iterable[Interface]
) -> Dict[int, str]:
    """Return the names, by index, of the bridges of ENDS, and of the bridges and devices of VXLAN devices OF_HOST."""
    tunnels = [each for each in of_host if each.vxlan]
    indices = {end.master for end in ends.values()} | {each.master for each in tunnels}
    indices |= {each.vxlan.lower for each in tunnels if each.vxlan}
    interfaces = _of_host(host, known, indices)
    # A bridge that is about to be removed counts as missing, so that its ports are moved. That of Open vSwitch's ports
    # is no bridge.
    return {index: each.name for index, each in interfaces.items() if each.group != LEAVING and each.type != INTERNAL}


def _pinned(host: Socket, present: Dict[str, List[Interface]], ends: Dict[int, Interface]) -> Dict[int, bool]:
    """Return the indices of those ENDS that are pinned, each with whether the entry is sticky."""
    inner = [
        each
        for namespace, interfaces in present.items()
        for each in interfaces
        if namespace != HOST or _is_pair_on_host(each)
    ]
    ports = [(each.peer, each.address) for each in inner if each.peer in ends and ends[each.peer].master]
    if not ports:
        return {}
    from . import neighbour

    return neighbour.pinned(host, ports)


def _is_pair_on_host(one: Interface) -> bool:
    """Say whether ONE, an interface of the host, is a veth whose other end is there, too, and not a bridge port."""
    return one.type == _VETH and one.peer_nsid < 0 and not one.master


def _lower(upper: Interface, namespace: str, seen: Seen, on_host: Dict[int, Interface]) -> Optional[Lower]:
    """Return what UPPER, in NAMESPACE, which was SEEN, is on if it is on top of an interface among ON_HOST."""
    is_there = upper.peer_nsid < 0 if namespace == HOST else upper.peer_nsid == seen.host_nsid
    below = on_host.get(upper.peer) if is_there and (upper.mode or upper.tag is not None) else None
    return Lower(below.name, upper.mode, upper.tag, upper.flag) if below is not None else None


def _host_end(inner: Interface, seen: Seen, ends: Dict[int, Interface]) -> Optional[Interface]:
    """Return the one of ENDS that is the other end of INNER; None if INNER is not half of a pair with one on the host.

    An index says nothing by itself: in another namespace it means another interface.
    """
    end = ends.get(inner.peer)
    paired = end is not None and inner.type == end.type == _VETH and end.peer == inner.index
    return end if paired and inner.peer_nsid == seen.host_nsid else None
