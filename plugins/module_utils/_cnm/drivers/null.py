# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drivers ``host`` and ``null``: the sandbox has the host's network stack, or nothing but a loopback."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional

from ..model.endpoint import Endpoint
from ..model.network import Network
from ..resources.kinds import Resource
from . import Answers


class Null:
    """A network that is made of nothing."""

    has_addresses = False
    ports = 0
    scope = "local"

    def option_problems(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Every option is one too many."""
        return {key: f"the driver has no option '{key}'." for key in sorted(options)}

    def spelled(self, options: Mapping[str, str]) -> Dict[str, str]:
        """There is nothing to spell."""
        return dict(options)

    def problems(self, network: Network) -> List[str]:
        """There is nothing that could be wrong."""
        return []

    def device(self, network: Network) -> Optional[str]:
        """There is none."""
        return None

    def network(self, network: Network) -> List[Resource]:
        """There is nothing."""
        return []

    def endpoint(self, network: Network, endpoint: Endpoint, namespace: str, answers: Answers) -> List[Resource]:
        """There is nothing."""
        return []
