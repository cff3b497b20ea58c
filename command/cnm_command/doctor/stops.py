# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the host's resources each stop consists of. What the host lacks of them is wrong at that stop."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence, Tuple

from _cnm.resources.dns import NameServer, Records
from _cnm.resources.fdb import FdbEntry, Neighbour
from _cnm.resources.kinds import FORWARDING, Address, Element, File, ForwardAccept, Route, Ruleset, Sysctl
from _cnm.resources.link import Link
from _cnm.resources.openvswitch import Bridge, Port
from _cnm.resources.plan import Step
from _cnm.resources.resource import HOST

from .ends import End

Belongs = Callable[[Step], bool]


def interface(end: End) -> Belongs:
    """Select the steps about the interface and the addresses of END."""

    def belongs(step: Step) -> bool:
        resource = step.resource
        if not isinstance(resource, (Link, Address)) or resource.namespace != end.namespace:
            return False
        before, after = step
        if isinstance(before, Link) and isinstance(after, Link):
            return (before.up, before.address, before.mtu) != (after.up, after.address, after.mtu)
        return True

    return belongs


def port(end: End) -> Belongs:
    """Select the steps about the interface of END that concern its end on the host."""
    return lambda step: isinstance(step.resource, (Link, Port)) and step.resource.namespace == end.namespace


def routes(end: End) -> Belongs:
    """Select the steps about the routes, neighbours and settings of END."""

    def belongs(step: Step) -> bool:
        return isinstance(step.resource, (Route, Neighbour, Sysctl)) and step.resource.namespace == end.namespace

    return belongs


def bridge(device: str) -> Belongs:
    """Select the steps about DEVICE, a bridge of this host, and what is on it."""

    def belongs(step: Step) -> bool:
        resource = step.resource
        if isinstance(resource, Bridge):
            return resource.name == device
        if isinstance(resource, Link):
            return resource.namespace == HOST and resource.name == device
        if isinstance(resource, (Address, Sysctl, Neighbour)):
            return resource.namespace == HOST and resource.link == device
        return False

    return belongs


def tunnel(step: Step) -> bool:
    """Select the steps about what joins a network to other hosts."""
    resource = step.resource
    return isinstance(resource, Link) and resource.namespace == HOST and resource.tunnel is not None


def entries(step: Step) -> bool:
    """Select the steps about where frames for other hosts go."""
    return isinstance(step.resource, (FdbEntry, Neighbour)) and step.resource.namespace == HOST


def rules(step: Step) -> bool:
    """Select the steps about our rules."""
    return isinstance(step.resource, (Ruleset, Element))


def rules_in_docker(step: Step) -> bool:
    """Select the steps about our rules in Docker's chain."""
    return isinstance(step.resource, ForwardAccept)


def forwarding(step: Step) -> bool:
    """Select the steps about the settings with which the host forwards."""
    return isinstance(step.resource, Sysctl) and step.resource.name in FORWARDING.values()


def names(step: Step) -> bool:
    """Select the steps about names."""
    return isinstance(step.resource, (File, Records, NameServer))


def difference(step: Step, steps: Sequence[Step]) -> str:
    """Return what is wrong with the host without STEP, one of STEPS."""
    before, after = step
    if before is None:
        return f"{after} is missing"
    if after is None:
        if any(each.before is None and each.resource.key == before.key for each in steps):
            return f"{before} has been changed"
        return f"{before} is there, and must not be"
    if isinstance(before, Link) and isinstance(after, Link):
        return f"{before} {' and '.join(_of_link(before, after))}"
    if isinstance(after, Sysctl):
        return f"{before.shown} instead of {after.value}"
    return f"{after} has been changed"


def _of_link(before: Link, after: Link) -> Sequence[str]:
    parts = []
    if after.up and not before.up:
        parts.append("is down")
    if before.peer != after.peer and before.peer and after.peer:
        if before.peer.master != after.peer.master:
            parts.append(f"is not connected to '{after.peer.master}'")
        else:
            parts.append(f"is connected as {before.peer} instead of {after.peer}")
    changed: Mapping[str, Tuple[object, object]] = {
        "MAC address": (before.address, after.address),
        "MTU": (before.mtu, after.mtu),
        "tunnel": (before.tunnel, after.tunnel),
    }
    parts += [f"has {what} {was} instead of {now}" for what, (was, now) in changed.items() if now not in (None, was)]
    return parts or ["has been changed"]
