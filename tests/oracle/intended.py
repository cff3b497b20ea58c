# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs on purpose: the whole list, each with its reason. docs/overlay.md has it for users."""

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
    """Whether OURS, pools, show what THEIRS do, and a gateway and a range where they show none."""
    return [
        {key: text for key, text in pool.items() if key in other or key not in ("Gateway", "IPRange")}
        for pool, other in zip(ours, theirs)
    ] == theirs


class Difference(NamedTuple):
    path: str
    """A regular expression for the whole of where it is."""
    reason: str
    holds: Callable[[Any, Any], bool] = anyhow
    """Says of our value and theirs whether they differ as they are meant to."""
    always: bool = True
    """Whether it is there in each run."""


_NETWORK = r"h\d/networks/\w+"
_ATTACHED = r"h\d/containers/\w+/Networks/\w+"
_CHOSEN = r"(some|other)"
"""Containers whose addresses are chosen."""

EGRESS = "the network's own gateway leads out; Docker gives each container a second interface, on docker_gwbridge"
KEPT = "a stopped sandbox keeps its addresses; Docker's container has none until it is started"
SLICE = "each host chooses from its own slice of the subnet, as there is no store in which they could claim one"
OPTION = "an option that Docker's networks do not have"
UNDECLARED = "other hosts do not know sandboxes whose addresses are chosen, as inventory does not have them"

INTENDED = (
    Difference(rf"{_NETWORK}/Created", "check mode answers as the run does, so there is no time", theirs_alone),
    Difference(rf"{_NETWORK}/Host", "inspect shows the devices, the VNI and the MTU", ours_alone),
    Difference(rf"{_NETWORK}/Peers", "inspect shows the other hosts of the network", ours_alone),
    Difference(rf"{_NETWORK}/(DnsServers|NoDefaultRoute|Routes)", OPTION, docker_lacks_it),
    Difference(rf"{_NETWORK}/Containers/\w+/Host", "inspect shows which host a sandbox is on", ours_alone),
    Difference(rf"{_NETWORK}/IPAM/Config", "a gateway and a range that were chosen are shown", no_more_than_chosen),
    Difference(rf"{_NETWORK}/Options/cnm\.overlay\.\w+", "what the task chose is shown among the options", ours_alone),
    Difference(rf"{_ATTACHED}/(IPv6)?Gateway", EGRESS, ours_alone),
    Difference(r"\w+/interfaces/eth[12]", EGRESS),
    Difference(r"h\d/networks/docker_gwbridge", EGRESS, theirs_alone),
    Difference(rf"{_ATTACHED}/(IPAddress|IPPrefixLen|MacAddress)", KEPT, ours_alone),
    Difference(rf"h\d/containers/{_CHOSEN}/Networks/blue/(IP|Mac)Address", SLICE),
    Difference(rf"{_NETWORK}/Containers/{_CHOSEN}/(IPv4|Mac)Address", SLICE),
    Difference(rf"{_NETWORK}/Containers/{_CHOSEN}", UNDECLARED, theirs_alone),
    Difference(rf"\w+/finds/{_CHOSEN}(\.blue)?", UNDECLARED, theirs_alone),
    Difference(
        r"mole/finds/store",
        "a name that several have is answered with all of them; Docker answers from the first network that has it",
        lambda ours, theirs: {*ours} > {*theirs},
    ),
    Difference(
        r"(\w+)/finds/\1",
        "a sandbox finds all its addresses by its own name; Docker's container finds that on its first network",
        lambda ours, theirs: {*ours} > {*theirs},
    ),
    Difference(
        r"\w+/reaches/\w+ on green by IPv6",
        "IPv6 passes between hosts; Docker's overlay gives addresses, and carries none of it",
        ours_reaches,
    ),
    Difference(
        r"(db/reaches/(mole|other)|(mole|other)/reaches/db) on blue",
        "one that moves is reached from the host that it left; Docker often keeps an entry there that leads nowhere",
        ours_reaches,
        always=False,
    ),
)


def intended(path: str, ours: Any, theirs: Any) -> Optional[Difference]:
    """Return the entry that says why OURS and THEIRS differ at PATH, if there is one."""
    found = (each for each in INTENDED if re.fullmatch(each.path, path) and each.holds(ours, theirs))
    return next(found, None)
