# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probable oversights in the inventory: misspelt names of variables, and hosts that declare nothing."""

from __future__ import annotations

import difflib
from typing import Any, Dict, Iterable, List, Mapping

from .declaration import OWN_VARIABLES, Declaration
from .wording import listed

_ALIKE = 0.9
"""How similar a misspelt name must be: ``cnm_network`` counts as misspelt, ``cnm_networks_web`` does not."""


def misspelt(variables: Mapping[str, Any]) -> Dict[str, str]:
    """Return the names of VARIABLES that are unknown, each with the missing one that was probably meant."""
    suspects = {}
    for name in variables:
        if name.startswith("cnm_") and name not in OWN_VARIABLES:
            for meant in difflib.get_close_matches(name, OWN_VARIABLES, 1, _ALIKE):
                if meant not in variables:
                    suspects[name] = meant
    return suspects


def misspellings(declarations: Iterable[Declaration]) -> List[str]:
    """Return a warning for each misspelt variable name in DECLARATIONS."""
    hosts: Dict[str, List[str]] = {}
    meant: Dict[str, str] = {}
    for one in declarations:
        for name, right in one.misspelt.items():
            hosts.setdefault(name, []).append(one.host)
            meant[name] = right
    return [
        f"{listed(hosts_with_it)}: topology does not read the variable {name}. Did you mean {meant[name]}?"
        for name, hosts_with_it in sorted(hosts.items())
    ]


def empty(declarations: Iterable[Declaration]) -> Dict[str, str]:
    """Return a warning for each host that declares neither networks nor sandboxes, the same for all of them."""
    hosts = [one.host for one in declarations if not one.given]
    text = f"{listed(hosts)}: neither cnm_networks nor cnm_sandboxes is declared, so topology makes nothing there."
    return dict.fromkeys(hosts, text)
