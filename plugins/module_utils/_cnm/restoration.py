# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore needs to know in addition: which endpoints may be on other hosts by now, and what is missing."""

from __future__ import annotations

from typing import AbstractSet, Dict, List, Mapping, NamedTuple, Sequence, Set, Tuple

from .composition.units import Composition, Roaming
from .kernel.facts import Facts
from .kernel.host import Kernel
from .model.overlay_peer import Underlay
from .store.journal import Unit
from .store.objects import SqliteStore

Question = Tuple[str, str]
"""A link of the host by which others are asked, and the address for which they are asked."""


class Lacking(NamedTuple):
    """What a restore could not make because something is missing, or is on another host."""

    left_out: List[str]
    """Names of sandboxes."""
    given_way: List[str]
    """Names of those whose addresses another host has."""
    warnings: List[str]


def hold_back(kernel: Kernel, composition: Composition) -> List[Roaming]:
    """Return the endpoints for which other hosts are to be asked, and let COMPOSITION keep them from these till then.

    They are those that were not there, or not in touch with the others, or have been restored before and no run has
    named them since.
    """
    roaming = composition.roaming()
    present = kernel.read({key for one in roaming for key in (one.interface, one.tunnel)})
    tentative = kernel.tentative()
    doubtful = [
        one for one in roaming if one.endpoint in tentative or one.interface not in present or one.tunnel not in present
    ]
    noted = {one.endpoint: one.known if one.known is not None else tentative.get(one.endpoint, "") for one in doubtful}
    if noted != tentative:
        kernel.note_tentative(noted)
    composition.withheld = {one.endpoint: one.known for one in doubtful if one.known}
    doubtful = [one for one in doubtful if one.questions and not one.known]
    absent = [one.endpoint for one in doubtful if one.interface not in present]
    composition.withheld.update(dict.fromkeys(absent, "the other hosts are asked for it first"))
    composition.isolated = {one.endpoint for one in doubtful if one.interface in present and one.tunnel not in present}
    return doubtful


def ask(kernel: Kernel, doubtful: Sequence[Roaming]) -> Set[Question]:
    """Return the questions about DOUBTFUL endpoints that another host has answered: it has the address."""
    questions: Dict[str, List[str]] = {}
    for link, address in {question for one in doubtful for question in one.questions}:
        questions.setdefault(link, []).append(address)
    return kernel.answered(questions)


def decide(kernel: Kernel, composition: Composition, doubtful: Sequence[Roaming], taken: AbstractSet[Question]) -> None:
    """Let COMPOSITION withhold the DOUBTFUL endpoints whose addresses are TAKEN, and note all for later runs."""
    tentative = kernel.tentative()
    for one in doubtful:
        addresses = ", ".join(sorted(address for _link, address in taken & one.questions))
        if one.endpoint in tentative:  # No run has named it meanwhile.
            tentative[one.endpoint] = f"another host has its address {addresses}" if addresses else ""
    composition.withheld = {identifier: why for identifier, why in tentative.items() if why}
    kernel.note_tentative(tentative)


def give_way(
    kernel: Kernel, store: SqliteStore, before: SqliteStore, composition: Composition, tentative: Mapping[str, str]
) -> Set[Unit]:
    """Let COMPOSITION withhold the TENTATIVE endpoints that are on other hosts, and note these for later runs.

    :param store: in whose transaction reports have changed
    :param before: the store as it was before
    :return: the units for which this is new
    """
    noted = dict(tentative)
    units: Set[Unit] = set()
    for kind, identifier in store.touched:
        report = store.reported(identifier) or before.reported(identifier) if kind == "reported" else None
        network = store.network(report.place.network) if report is not None else None
        if report is None or network is None:
            continue
        for address in report.endpoint.addresses:
            endpoint = store.holder(network.id, address.packed)
            why = composition.whose(network, endpoint) if endpoint is not None and endpoint.id in noted else ""
            if endpoint is not None and noted.get(endpoint.id, why) != why:
                noted[endpoint.id] = why
                units |= composition.of_sandbox(str(endpoint.sandbox))
    if units:
        kernel.note_tentative(noted)
    composition.withheld = {identifier: why for identifier, why in noted.items() if why}
    return units


def confirm(kernel: Kernel, store: SqliteStore, units: AbstractSet[Unit], tentative: Mapping[str, str]) -> None:
    """Note that the endpoints of the sandboxes among UNITS are on this host, because a run has named them."""
    confirmed = {
        endpoint.id
        for kind, identifier in units
        if kind == "sandbox"
        for endpoint in store.endpoints_of_sandbox(identifier)
    }
    left = {identifier: why for identifier, why in tentative.items() if identifier not in confirmed}
    if left != tentative:
        kernel.note_tentative(left)


def lacking(store: SqliteStore, composition: Composition, facts: Facts) -> Lacking:
    """Return what a restore to COMPOSITION, which was made from STORE, could not make."""
    warnings: List[str] = []
    for network in store.networks():
        reason = composition.cut_off(network)
        if reason:
            warnings.append(_lack(f"Network '{network.name}' does not reach other hosts", reason))
        elif network.underlay is not None and facts.underlay(network.underlay.address) is None:
            warnings.append(_without_its_address(network.name, network.underlay))
    left_out, given_way = [], []
    for sandbox in store.sandboxes():
        if not sandbox.running:
            continue
        reason = composition.why_not_made(sandbox)
        withheld = composition.withheld_from(sandbox)
        if reason or withheld:
            left_out.append(sandbox.name)
        if withheld:
            given_way.append(sandbox.name)
        if reason:
            warnings.append(_lack(f"Sandbox '{sandbox.name}' was left out", reason))
            continue
        for network, reason in withheld:
            warnings.append(_lack(f"Sandbox '{sandbox.name}' was taken off network '{network.name}'", reason))
    return Lacking(left_out, given_way, warnings)


def _lack(what: str, reason: str) -> str:
    return f"{what}: {reason}. Fix this, then restore again."


def _without_its_address(name: str, underlay: Underlay) -> str:
    return (
        f"Network '{name}' does not reach other hosts: {underlay.address}, the address from which this host sends to "
        "them, is on none of its interfaces. The network works again when the host has this address again. If the "
        "host's address has changed, change it in inventory and run cnm.linux.topology for all hosts."
    )
