# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creates links, many in one send."""

from __future__ import annotations

import errno
import os
from typing import Dict, List, Sequence, Set

from ...model.errors import CnmError, KernelRefused, raise_all
from ...resources.link import INTERNAL, Link
from ...resources.plan import Step
from ...resources.resource import HOST
from ..namespace import Namespaces
from ..refusals import Change
from . import interface, link_requests, macvlan, readiness
from .link_changes import carry_out_in, change, pin
from .socket import Refusal, Reply, Socket

_MAC_IN_USE = (errno.EADDRINUSE, errno.EBUSY)
_MODULES = {"vlan": "8021q"}
"""The kernel's modules for types of links that have other names."""


def create(namespaces: Namespaces, links: Sequence[Link]) -> None:
    """Create LINKS. If an interrupted run has left one of ours under a name, that is changed or replaced.

    :raises Conflict: if a name is taken by something that is not ours
    :raises CnmError: if the kernel refuses a request, or something that a link is to be connected to is missing
    """
    taken = _try_to_create(namespaces, links)
    if not taken:
        return
    from .link_leftovers import make_way

    changes = make_way(namespaces, taken)
    change(namespaces, changes)
    changed = {step.resource.key for step in changes}
    still_taken = _try_to_create(namespaces, [link for link in taken if link.key not in changed])
    raise_all([KernelRefused(f"The kernel refused to make {link}: {_taken(link)}.", link.key) for link in still_taken])


def _taken(link: Link) -> str:
    if link.lower and link.lower.tag is not None:
        return f"its name is taken, or another interface is VLAN {link.lower.tag} of '{link.lower.device}'"
    return "its name is taken"


def _try_to_create(namespaces: Namespaces, links: Sequence[Link]) -> List[Link]:
    """Create LINKS and return those whose name, or whose host end's name, is taken."""
    taken: List[Link] = []
    host = namespaces.at(HOST)
    connected = interface.indices(host, sorted(set().union(*map(_connected, links)) - {""}))
    errors: List[CnmError] = []
    for start in range(0, len(links), namespaces.at_once):
        part = links[start : start + namespaces.at_once]
        for link, reply in _send_creations(namespaces, part, connected, errors).items():
            if isinstance(reply, Refusal) and reply.number == errno.EEXIST:
                taken.append(link)
            elif isinstance(reply, Refusal):
                text = f"The kernel refused to make {link}: {_reason(link, reply)}."
                errors.append(KernelRefused(text, link.key))
    refused = {error.about for error in errors}
    errors += _complete(namespaces, [link for link in links if link not in taken and link.key not in refused])
    raise_all(errors)
    return taken


def _send_creations(
    namespaces: Namespaces, links: Sequence[Link], connected: Dict[str, int], errors: List[CnmError]
) -> Dict[Link, Reply]:
    """Return the kernel's replies to the requests that create LINKS; add links without a possible request to ERRORS."""
    host = namespaces.at(HOST)
    messages: Dict[Link, bytes] = {}
    descriptors: Dict[str, int] = {}
    try:
        for link in links:
            try:
                inside = link.peer or link.lower or link.type == INTERNAL
                if inside and link.namespace not in descriptors:
                    # First the socket that _complete() needs, so that no link is created that cannot be completed.
                    namespaces.at(link.namespace)
                    opened = os.dup(namespaces.home) if link.namespace == HOST else namespaces.opened(link.namespace)
                    descriptors[link.namespace] = opened
                messages[link] = link_requests.creation(link, descriptors, connected)
            except CnmError as error:
                errors.append(error.of(link.key))
        return _retried(host, messages, host.exchange(list(messages.values())))
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


def _retried(host: Socket, messages: Dict[Link, bytes], replies: Sequence[Reply]) -> Dict[Link, Reply]:
    """Return the REPLIES to MESSAGES after repeating those that were refused because the MAC address is in use.

    It may be that of a macvlan in a namespace that was just removed: the kernel dismantles namespaces a moment later.
    """
    reply_to = dict(zip(messages, replies))

    def refused(left: Sequence[Link]) -> List[Link]:
        reply_to.update(zip(left, host.exchange([messages[link] for link in left])))
        return [link for link in left if _is_mac_in_use(link, reply_to[link])]

    waiting = [link for link in messages if _is_mac_in_use(link, reply_to[link])]
    if waiting:
        readiness.wait(refused, waiting)
    return reply_to


def _is_mac_in_use(link: Link, reply: Reply) -> bool:
    """Say whether REPLY refuses LINK because another link on the same interface of the host has its MAC address."""
    return link.lower is not None and isinstance(reply, Refusal) and reply.number in _MAC_IN_USE


def _connected(link: Link) -> Set[str]:
    """Return the names of the interfaces of the host that LINK is connected to."""
    below = {link.peer.master} if link.peer else {link.lower.device} if link.lower else set()
    return below | ({link.tunnel.master, link.tunnel.device} if link.tunnel else set())


def _reason(link: Link, refusal: Refusal) -> str:
    if link.tunnel and refusal.number in (errno.EADDRINUSE, errno.EBUSY):
        return f"UDP port {link.tunnel.port} is in use ({refusal.text})"
    if link.lower and refusal.number == errno.EBUSY and not link.address:
        return f"'{link.lower.device}' is a port of something else, or has links of another type ({refusal.text})"
    if link.lower and refusal.number in _MAC_IN_USE and link.address:
        return (
            f"'{link.lower.device}' is a port of something else, or another link on it has the MAC address "
            f"{link.address}, perhaps in a removed sandbox in which programs still run ({refusal.text})"
        )
    if link.lower and refusal.number == errno.ENETDOWN:
        return f"'{link.lower.device}' is down ({refusal.text})"
    if link.type == macvlan.KIND and link.lower and refusal.number == errno.EINVAL:
        return (
            f"'{link.lower.device}' cannot have a {link.type} in mode {link.lower.mode}: mode passthru needs it alone "
            f"({refusal.text})"
        )
    if link.type == INTERNAL and refusal.number == errno.ENODEV:
        return f"Open vSwitch has not made its device ({refusal.text})"
    if refusal.number == errno.EOPNOTSUPP:
        module = _MODULES.get(link.type, link.type)
        return f"it has no support for links of type '{link.type}', its module '{module}' is missing"
    return refusal.text


def _complete(namespaces: Namespaces, links: Sequence[Link]) -> List[CnmError]:
    """Do what the kernel cannot do while it creates a link, for new LINKS, and return the errors."""
    changes: Dict[str, List[Change]] = {}

    def add(namespace: str, link: Link, what: str, message: bytes) -> None:
        changes.setdefault(namespace, []).append(Change(what, message, about=link.key))

    for link in links:
        if link.peer and (link.peer.isolated or link.peer.hairpin or not link.peer.learning):
            # A port has modes only once it is a port.
            name = link.peer.name
            add(HOST, link, f"set the modes of bridge port '{name}'", link_requests.port_modes(link.peer))
        if link.tunnel:
            message = link_requests.tunnel_modes(link.name, link.tunnel)
            add(HOST, link, f"set the modes of bridge port '{link.name}'", message)
        if link.lower and link.address and link.lower.mode == "passthru":
            # It is created with the MAC address of its parent (macvlan_common_newlink in drivers/net/macvlan.c).
            message = link_requests.setting(link.name, [("IFLA_ADDRESS", link.address)])
            add(link.namespace, link, f"set the MAC address of {link}", message)
        if link.peer is None and link.lower is None and link.type != INTERNAL and link.mtu is not None:
            # The MTU of a bridge follows those of its ports unless its own was changed to another value
            # (br_mtu_auto_adjust in net/bridge/br_if.c).
            message = link_requests.setting(link.name, [("IFLA_MTU", link.mtu)])
            add(HOST, link, f"set the MTU of {link} to {link.mtu}", message)
        if link.peer and link.up:
            # While the kernel configures the inner end, it has no peer yet (veth_newlink in drivers/net/veth.c).
            add(link.namespace, link, f"set up {link}", link_requests.setting_up(link.name))
    errors = carry_out_in(namespaces, changes)
    return errors + pin(namespaces.at(HOST), [Step(None, link) for link in links])
