# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drivers ``host`` and ``null``: the sandbox has the host's network stack, or nothing but a loopback."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Tuple

from ..model.endpoint import Endpoint
from ..model.network import Network
from ..resources.resource import Resource
from . import Answers, Driver


class Null(Driver):
    """A network that consists of nothing."""

    has_addresses = False
    passes_host = False

    def option_problems(self, options: Mapping[str, str]) -> Dict[str, str]:
        """The driver has no options."""
        return {key: f"the driver has no option '{key}'." for key in sorted(options)}

    def normalized(self, options: Mapping[str, str]) -> Dict[str, str]:
        """There are none."""
        return dict(options)

    def room(self, network: Network) -> Tuple[int, str]:
        """There is nothing that endpoints could use up."""
        return 0, ""

    def unpublishable(self, network: Network) -> str:
        """Nothing can be published."""
        return f"nothing can be published on network '{network.name}'."

    def device(self, network: Network) -> Optional[str]:
        """There is none."""
        return None

    def network(self, network: Network) -> List[Resource]:
        """There is nothing."""
        return []

    def endpoint(self, network: Network, endpoint: Endpoint, namespace: str, answers: Answers) -> List[Resource]:
        """There is nothing."""
        return []


class Host(Null):
    """The host's network stack."""

    in_host_namespace = True
