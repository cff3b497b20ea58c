# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes links that exist, and pins MAC addresses to bridge ports."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from ...model.errors import CnmError, raise_all
from ...resources.link import Link
from ...resources.plan import Step
from ...resources.resource import HOST, Key
from ..namespace import Namespaces
from ..refusals import Change, carry_out
from . import interface, link_requests
from .interface import GONE
from .socket import Socket

_NO_MAC = "00:00:00:00:00:00"


def change(namespaces: Namespaces, steps: Sequence[Step]) -> None:
    """Carry out STEPS, each of which changes a link.

    :raises CnmError: if the kernel refuses a request, or a bridge is missing
    """
    host = namespaces.at(HOST)
    pairs = [(step.before, step.after) for step in steps]
    links = [(before, after) for before, after in pairs if isinstance(before, Link) and isinstance(after, Link)]
    bridges = {after.peer.master for _before, after in links if after.peer} - {""}
    masters = interface.indices(host, sorted(bridges))
    changes: Dict[str, List[Change]] = {}
    errors: List[CnmError] = []
    for before, after in links:
        what = f"change {after}"
        own = _changed_attributes(before, after)
        if own:
            message = link_requests.setting(after.name, *own)
            changes.setdefault(after.namespace, []).append(Change(what, message, about=after.key))
        try:
            messages = _host_end_requests(before, after, masters)
        except CnmError as error:
            errors.append(error.of(after.key))
            continue
        changes.setdefault(HOST, []).extend(Change(what, message, about=after.key) for message in messages)
    raise_all(errors + carry_out_in(namespaces, changes) + pin(host, steps))


def carry_out_in(namespaces: Namespaces, changes: Dict[str, List[Change]]) -> List[CnmError]:
    """Send CHANGES, by namespace, and return the errors."""
    return [error for namespace in changes for error in carry_out(namespaces.at(namespace), changes[namespace])]


def _changed_attributes(before: Link, after: Link) -> Optional[Tuple[List[Tuple[str, Any]], Optional[bool]]]:
    """Return the attributes to set, and whether to set the link up or down or leave it; None if nothing differs."""
    changed: List[Tuple[str, Any]] = []
    if after.address is not None and after.address != before.address:
        changed.append(("IFLA_ADDRESS", after.address))
    elif after.adopted and after.group != before.group and before.address != _NO_MAC:
        # A bridge has the lowest MAC address of its ports until it is given one, so our ports could change that of an
        # adopted bridge (br_stp_recalculate_bridge_id in net/bridge/br_stp_if.c).
        changed.append(("IFLA_ADDRESS", before.address))
    if after.mtu is not None and after.mtu != before.mtu:
        changed.append(("IFLA_MTU", after.mtu))
    if after.group != before.group:
        changed.append(("IFLA_GROUP", after.group))
    if after.lower and after.lower != before.lower:
        changed.append(link_requests.on_top(after.lower))
    if after.vlan_filtering is not None and after.vlan_filtering != before.vlan_filtering:
        changed.append(link_requests.vlan_filtering(after.vlan_filtering))
    up = after.up if after.up != before.up else None
    return (changed, up) if changed or up is not None else None


def _host_end_requests(before: Link, after: Link, masters: Dict[str, int]) -> List[bytes]:
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
        changed.append(("IFLA_MASTER", link_requests.master(after, masters)))
    up = after.up if after.up != before.up else None
    messages = [link_requests.setting(new.name, changed, up)] if changed or up is not None else []
    # A port of another bridge is a new port, without modes.
    modes = (False, False, True) if moved else (old.isolated, old.hairpin, old.learning)
    if new.master and (new.isolated, new.hairpin, new.learning) != modes:
        messages.append(link_requests.port_modes(new))
    return messages


def pin(host: Socket, steps: Sequence[Step]) -> List[CnmError]:
    """Pin and unpin the host ends of veth pairs as STEPS want it, and return the errors.

    A bridge sends all frames for the inner end to a pinned port.
    """
    removed: List[Tuple[str, str, bool, Key]] = []
    added: List[Tuple[str, str, bool, Key]] = []
    for step in steps:
        before, after = _pin_of(step.before), _pin_of(step.after)
        if before != after:
            # An entry goes with its port, so a link that is removed needs no request.
            removed += [(*before[:3], step.resource.key)] if before and step.after else []
            added += [(*after[:3], step.resource.key)] if after else []
    if not removed and not added:
        return []
    from . import neighbour

    indices = interface.indices(host, {name for name, _mac, _sticky, _key in (*removed, *added)})
    changes = [
        Change(f"{verb} {mac} {where} bridge port '{name}'", message(indices[name], mac, sticky), harmless, key)
        for verb, where, message, harmless, ports in (
            ("unpin", "from", neighbour.unpin, GONE, removed),
            ("pin", "to", neighbour.pin, (), added),
        )
        for name, mac, sticky, key in ports
        if name in indices
    ]
    return carry_out(host, changes)


def _pin_of(link: object) -> Optional[Tuple[str, str, bool, str]]:
    """Return what is pinned to the host end of LINK; None if nothing is.

    That is the end, the MAC address, whether the entry is sticky, and the bridge.
    """
    if not isinstance(link, Link) or link.peer is None or not link.peer.pinned or not link.address:
        return None
    return link.peer.name, link.address, link.peer.sticky, link.peer.master
