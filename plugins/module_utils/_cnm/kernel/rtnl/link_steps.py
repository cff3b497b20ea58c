# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out the steps that create and change links, in the order in which links depend on each other."""

from __future__ import annotations

from typing import Sequence

from ...resources.link import Link
from ...resources.plan import Step
from ...resources.resource import HOST
from ..namespace import Namespaces
from . import readiness
from .link_changes import change
from .link_creation import create


def apply(namespaces: Namespaces, steps: Sequence[Step]) -> None:
    """Create and change links: bridges and VLANs, VXLAN devices and veth ends of the host, then links in sandboxes.

    :raises Conflict: if a name is taken by something that is not ours
    :raises CnmError: if the kernel refuses a request
    """
    for turn in range(3):
        part = [step for step in steps if _turn(step) == turn]
        if part:
            create(namespaces, [_link(step.after) for step in part if step.before is None])
            change(namespaces, [step for step in part if step.before])
    # The kernel notices the carriers of new links in their order, so the last one is enough to wait for.
    ports = [_port(step) for step in steps if step.before is None and _port(step)][-1:]
    ports += [_port(step) for step in steps if step.before and _comes_up(step) and _port(step)]
    if ports:
        readiness.await_ports(namespaces.at(HOST), ports)


def _turn(step: Step) -> int:
    link, before = _link(step.resource), step.before
    if isinstance(before, Link) and before.peer and link.peer and link.peer.isolated and not before.peer.isolated:
        # A port must be isolated before the port that it must not reach exists.
        return 0
    return 2 if link.namespace != HOST else 1 if link.tunnel or link.peer else 0


def _port(step: Step) -> str:
    """Return the name of the bridge port that STEP is about; empty if there is none, or if it is to be down."""
    link = _link(step.after)
    if link.up is False or (link.peer and link.namespace == HOST):
        return ""
    if link.tunnel:
        return link.name if link.tunnel.master else ""
    return link.peer.name if link.peer and link.peer.master else ""


def _comes_up(step: Step) -> bool:
    """Say whether STEP sets an existing link up, or connects it to another bridge."""
    before, after = _link(step.before), _link(step.after)
    moved = before.peer and after.peer and before.peer.master != after.peer.master
    return not before.up or bool(moved)


def _link(resource: object) -> Link:
    if not isinstance(resource, Link):
        raise TypeError(f"not a link: {resource!r}")
    return resource
