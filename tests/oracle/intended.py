# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All intended differences, each with its reason. docs/overlay.md explains them to users."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, Optional

EXACTLY_THE_MTU = [True, False]


def anyhow(_ours: Any, _theirs: Any) -> bool:
    return True


def ours_alone(ours: Any, theirs: Any) -> bool:
    return bool(ours) and not theirs


def docker_lacks_it(_ours: Any, theirs: Any) -> bool:
    return theirs is None


def theirs_alone(ours: Any, theirs: Any) -> bool:
    return bool(theirs) and not ours


def ours_reaches(ours: list[bool], theirs: list[bool]) -> bool:
    return (ours, theirs) == (EXACTLY_THE_MTU, [])


def no_more_than_chosen(ours: list[dict[str, str]], theirs: list[dict[str, str]]) -> bool:
    """Return whether OURS shows the same pools as THEIRS, plus a gateway and a range where THEIRS shows none."""
    return [
        {key: text for key, text in pool.items() if key in other or key not in ("Gateway", "IPRange")}
        for pool, other in zip(ours, theirs)
    ] == theirs


class Difference(NamedTuple):
    path: str
    """A regular expression that matches the whole path of the difference."""
    reason: str
    holds: Callable[[Any, Any], bool] = anyhow
    """Takes our value and theirs; returns whether they differ as intended."""
    always: bool = True
    """Whether every run has this difference."""
    controls: tuple[str, ...] = ("inventory", "etcd")
    """The values of ``cnm.overlay.control`` with which there is this difference."""


_NETWORK = r"h\d/networks/\w+"
_ATTACHED = r"h\d/containers/\w+/Networks/\w+"
_CHOSEN = r"(some|other)"
"""Containers with chosen addresses."""
_CHOSEN_ADDRESS = rf"h\d/(containers/{_CHOSEN}/Networks/blue|networks/blue/Containers/{_CHOSEN})/(IP|IPv4|Mac)Address"

EGRESS = "the network's own gateway leads out; Docker gives each container a second interface, on docker_gwbridge"
KEPT = "a stopped sandbox keeps its addresses; a stopped Docker container has none"
SLICE = "each host chooses from its own slice of the subnet, because there is no shared store"
OPTION = "Docker's networks do not have this option"

INTENDED = (
    Difference(
        rf"{_NETWORK}/Created", "check mode returns the same result as the run, so there is no time", theirs_alone
    ),
    Difference(rf"{_NETWORK}/Host", "inspect shows the devices, the VNI and the MTU", ours_alone),
    Difference(rf"{_NETWORK}/Peers", "inspect shows the other hosts of the network", ours_alone),
    Difference(rf"{_NETWORK}/(DnsServers|NoDefaultRoute|Routes)", OPTION, docker_lacks_it),
    Difference(rf"{_NETWORK}/Containers/\w+/Host", "inspect shows which host a sandbox is on", ours_alone),
    Difference(rf"{_NETWORK}/IPAM/Config", "inspect also shows a chosen gateway and range", no_more_than_chosen),
    Difference(
        rf"{_NETWORK}/Options/cnm\.overlay\.\w+", "inspect also shows the options that the task chose", ours_alone
    ),
    Difference(rf"{_ATTACHED}/(IPv6)?Gateway", EGRESS, ours_alone),
    Difference(r"\w+/interfaces/eth[12]", EGRESS),
    Difference(r"h\d/networks/docker_gwbridge", EGRESS, theirs_alone),
    Difference(rf"{_ATTACHED}/(IPAddress|IPPrefixLen|MacAddress)", KEPT, ours_alone),
    Difference(_CHOSEN_ADDRESS, SLICE, controls=("inventory",)),
    Difference(
        r"mole/finds/store",
        "the answer has all endpoints with the name; Docker's has only those on the first network",
        lambda ours, theirs: {*ours} > {*theirs},
    ),
    Difference(
        r"(\w+)/finds/\1",
        "a sandbox finds all its addresses by its own name; a Docker container finds only the one on its first network",
        lambda ours, theirs: {*ours} > {*theirs},
    ),
    Difference(
        r"\w+/reaches/\w+ on green by IPv6",
        "IPv6 works between hosts; Docker's overlay assigns IPv6 addresses, but does not carry IPv6",
        ours_reaches,
    ),
    Difference(
        r"(db/reaches/(mole|other)|(mole|other)/reaches/db) on blue",
        "the old host reaches a sandbox that has moved; Docker often keeps an outdated entry there",
        ours_reaches,
        always=False,
    ),
)


def intended(control: str, path: str, ours: Any, theirs: Any) -> Optional[Difference]:
    """Return the entry that explains why OURS, with CONTROL, and THEIRS differ at PATH, or None."""
    matching = (
        each
        for each in INTENDED
        if control in each.controls and re.fullmatch(each.path, path) and each.holds(ours, theirs)
    )
    return next(matching, None)
