# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole inventory: its mistakes, and the options for each host."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

from ...module_utils._cnm.drivers import DEFAULT, SPANNING, spanning
from .declaration import Declaration
from .fabric import Fabric
from .oversights import empty, misspellings


class Told(NamedTuple):
    """The module's options for one host."""

    networks: Sequence[Dict[str, Any]] = ()
    sandboxes: Sequence[Dict[str, Any]] = ()
    warnings: Sequence[str] = ()
    """Warnings about this host."""


class Everywhere(NamedTuple):
    """What is the same for all hosts."""

    problems: Sequence[str] = ()
    """Mistakes in the declarations of any host; if there are any, nothing is done on any host."""
    warnings: Sequence[str] = ()
    members: Mapping[str, str] = {}
    """The hosts of each overlay with their endpoints, packed, by the network's name."""


class Inventory:
    """The declarations of all hosts, by name; ``problems`` has their mistakes, host by host."""

    def __init__(self, declarations: Mapping[str, Declaration], problems: List[str]) -> None:
        self._declarations = declarations
        self.problems = problems
        names = sorted({str(item["name"]) for one in declarations.values() for item in one.overlays()})
        self._fabrics: Dict[str, Fabric] = {}
        for name in names:
            members = {host: one for host, one in declarations.items() if one.network(name) is not None}
            self._fabrics[name] = Fabric(name, members)
            problems += self._fabrics[name].problems
            self._check_drivers(name, members)
        self._check_identifiers()
        self._warnings = misspellings(declarations.values())
        for fabric in self._fabrics.values():
            self._warnings += fabric.warnings
        self._empty = empty(declarations.values())

    def told(self, host: str) -> Told:
        """Return the module's options for HOST."""
        if self.problems:
            return Told()
        warnings = [self._empty[host]] if host in self._empty else []
        return Told(self.networks(host), self.sandboxes(host), warnings)

    def everywhere(self) -> Everywhere:
        """Return what is the same for all hosts."""
        if self.problems:
            return Everywhere(self.problems, self._warnings)
        return Everywhere((), self._warnings, {name: fabric.packed() for name, fabric in self._fabrics.items()})

    def networks(self, host: str) -> List[Dict[str, Any]]:
        """Return HOST's networks, as options of the module."""
        items = []
        for item in self._declarations[host].networks:
            shared = item.get("driver") in SPANNING and item.get("state") != "absent"
            items.append(self._fabrics[item["name"]].item(host) if shared else dict(item))
        return items

    def sandboxes(self, host: str) -> List[Dict[str, Any]]:
        """Return HOST's sandboxes, as options of the module."""
        return [dict(item) for item in self._declarations[host].sandboxes]

    def _check_drivers(self, name: str, members: Mapping[str, Declaration]) -> None:
        """Check that no host declares another kind of network with the NAME of an overlay."""
        for host, one in self._declarations.items():
            for item in one.networks:
                if item["name"] == name and item.get("state") != "absent" and item.get("driver") not in SPANNING:
                    self.problems.append(
                        f"Network '{name}': hosts '{min(members)}' and '{host}' declare it differently: driver is "
                        f"'{self._fabrics[name].driver}' on one and '{item.get('driver') or DEFAULT}' on the other."
                    )

    def _check_identifiers(self) -> None:
        """Check that no two overlays have the same VNI."""
        holders: Dict[int, str] = {}
        for name, fabric in self._fabrics.items():
            identifier = fabric.identifier
            if identifier is None:
                continue
            if identifier in holders:
                self.problems.append(
                    f"Networks '{holders[identifier]}' and '{name}' have the same VNI, {identifier >> 16}. Give one of "
                    f"them another VNI with driver option '{spanning(fabric.driver).identifier_option}'."
                )
            holders.setdefault(identifier, name)
