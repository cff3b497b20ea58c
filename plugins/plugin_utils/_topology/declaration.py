# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory declares for one host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ...module_utils._cnm.drivers import ETCD, SPANNING, is_number, spanning
from ...module_utils._cnm.model.addresses import Address, address
from ...module_utils._cnm.model.errors import Problems
from ...module_utils._cnm.verbs.context import texts
from .values import check_network, check_sandbox

Item = Mapping[str, Any]

OWN_VARIABLES = ("cnm_networks", "cnm_sandboxes", "cnm_vtep_address", "cnm_vtep_local_address", "cnm_host_number")
VARIABLES = (*OWN_VARIABLES, "ansible_host")


@dataclass(frozen=True)
class Declaration:
    """A host's networks and sandboxes, as options of the modules, and how other hosts reach it."""

    host: str
    networks: Sequence[Item] = ()
    sandboxes: Sequence[Item] = ()
    end: Optional[Address] = None
    """The address of its tunnel end point, VTEP, for other hosts."""
    local: Optional[Address] = None
    """The host's own form of that address, if it is translated on the way; None if it is the same."""
    number: Optional[int] = None
    """The number of its slices."""
    given: bool = True
    """Whether the inventory has a list for it, even an empty one."""
    misspelt: Mapping[str, str] = field(default_factory=dict)
    """Unknown variables of the host, with the one of ours that was probably meant."""

    def network(self, name: str) -> Optional[Item]:
        """Return its item for the overlay NAME, which it has."""
        return next((item for item in self.overlays() if item["name"] == name), None)

    def overlays(self) -> Iterator[Item]:
        """Yield the overlays that the host has."""
        for item in self.networks:
            if item.get("driver") in SPANNING and item.get("state") != "absent":
                yield item

    def attachments(self, network: str) -> Iterator[Tuple[str, Item]]:
        """Yield each sandbox of the host, by name, that runs on NETWORK, with what it asks for there."""
        for sandbox in self.sandboxes:
            if sandbox.get("state") in ("absent", "stopped"):
                continue
            for attachment in sandbox.get("networks") or ():
                if isinstance(attachment, Mapping) and attachment.get("name") == network:
                    yield str(sandbox["name"]), attachment


def options(item: Item) -> Mapping[str, str]:
    """Return the driver options of ITEM, a network, as text.

    :raises ValueError: if an option is not text
    """
    return texts(item.get("driver_options") or {})


def is_in_etcd(item: Item) -> bool:
    """Say whether the hosts of ITEM, an overlay, find each other in etcd."""
    given = item.get("driver_options")
    return isinstance(given, Mapping) and given.get(spanning(item["driver"]).control_option) == ETCD


def read(
    host: str, variables: Mapping[str, Any], problems: List[str], misspelt: Optional[Mapping[str, str]] = None
) -> Declaration:
    """Return what HOST's VARIABLES declare; add to PROBLEMS what is not valid."""
    lists = {}
    unreadable = Problems()
    for name, kind, check in (("cnm_networks", "network", check_network), ("cnm_sandboxes", "sandbox", check_sandbox)):
        given = variables.get(name) or []
        if not isinstance(given, Sequence) or isinstance(given, str):
            given = [None]
        sound = [item for item in given if isinstance(item, Mapping) and item.get("name")]
        if len(sound) < len(given):
            problems.append(f"Host '{host}': {name} is not a list of dictionaries that each have a name.")
        given = sound
        for item in given:
            if item.get("state") != "absent":
                check(unreadable, item, f"Host '{host}': {kind} '{item['name']}'")
        names = [item["name"] for item in given]
        problems += [
            f"Host '{host}': {name} contains '{one}' twice." for one in sorted({n for n in names if names.count(n) > 1})
        ]
        lists[name] = given
    problems += unreadable.found
    number = variables.get("cnm_host_number")
    if number is not None and not is_number(str(number)):
        problems.append(f"Host '{host}': cnm_host_number '{number}' is not a whole number from 0 up.")
        number = None
    ends: Dict[str, Optional[Address]] = {}
    for name in ("cnm_vtep_address", "cnm_vtep_local_address"):
        ends[name] = None
        if variables.get(name) is not None:
            try:
                ends[name] = address(str(variables[name]))
            except ValueError as error:
                problems.append(f"Host '{host}': {name}: {error}")
    end, local = ends["cnm_vtep_address"], ends["cnm_vtep_local_address"]
    if variables.get("cnm_vtep_address") is None:
        try:
            end = address(str(variables.get("ansible_host") or host).strip("[]"))
        except ValueError:
            end = None
    if end is not None and local is not None and end.version != local.version:
        problems.append(f"Host '{host}': cnm_vtep_local_address {local} is not of the same address family as {end}.")
    declaration = Declaration(
        host,
        lists["cnm_networks"],
        lists["cnm_sandboxes"],
        end,
        local,
        None if number is None else int(number),
        any(variables.get(name) is not None for name in lists),
        misspelt or {},
    )
    if end is None and variables.get("cnm_vtep_address") is None:
        for item in declaration.overlays():
            if is_in_etcd(item):
                continue
            problems.append(
                f"Host '{host}': its address for the other hosts of network '{item['name']}' is not known. Set "
                "cnm_vtep_address, or ansible_host to an address."
            )
    for item in declaration.overlays():
        option = spanning(item["driver"]).address_option
        if isinstance(item.get("driver_options"), Mapping) and option in item["driver_options"]:
            problems.append(
                f"Host '{host}': network '{item['name']}': the other hosts do not see driver option '{option}'. Set "
                "the variable cnm_vtep_address."
            )
    return declaration
