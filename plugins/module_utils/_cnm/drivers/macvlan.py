# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driver ``macvlan``: each endpoint is a link on the parent with a MAC address of its own."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from ..model.ids import check_device
from ..model.network import Network
from ..resources.link import Lower
from . import ENABLE_IPV6, MTU, flag
from .bridge_options import INTERFACE_PREFIX, Keys, read_mtu, read_prefix
from .on_parent import LIMIT, PARENT, OnParent

MODE = "macvlan_mode"
"""Docker's option."""

MODES = ("bridge", "private", "vepa", "passthru")
_PASSTHRU = "passthru"


def _mode(text: str) -> str:
    if text not in MODES:
        raise ValueError(f"'{text}' is not one of {', '.join(MODES)}.")
    return text


KEYS: Keys = {
    PARENT: ("parent", check_device),
    MODE: ("mode", _mode),
    MTU: ("mtu", read_mtu),
    ENABLE_IPV6: ("enable_ipv6", flag),
    INTERFACE_PREFIX: ("interface_prefix", read_prefix),
}


def mode(options: Mapping[str, str]) -> str:
    """Return the mode that OPTIONS, which are valid, choose."""
    return options.get(MODE, MODES[0])


class Macvlan(OnParent):
    """A network whose endpoints have MAC addresses of their own on the LAN of an interface of the host."""

    kind = "macvlan"
    keys = KEYS
    dummy = "dm-"

    def lower(self, network: Network) -> Lower:
        """Return what the links of NETWORK are on, and how."""
        return Lower(self.device(network) or "", mode(network.options))

    def room(self, network: Network) -> Tuple[int, str]:
        """Return how many endpoints of NETWORK can be in sandboxes at once, and the message if there are more."""
        if mode(network.options) == _PASSTHRU:
            return 1, (
                f"network '{network.name}' has mode {_PASSTHRU}, which gives the parent to one sandbox alone, and it "
                "has one."
            )
        return LIMIT, f"network '{network.name}' has {LIMIT} endpoints in sandboxes."

    def clash(self, network: Network, other: Network) -> str:
        """Return a sentence that says that OTHER already uses NETWORK's parent; empty if both can use it.

        They can unless one has it alone, as in Docker since moby pull request 47318.
        """
        alone = _PASSTHRU in (mode(network.options), mode(other.options))
        return super().clash(network, other) if alone or other.driver != network.driver else ""

    def no_dhcp(self, network: Network) -> str:
        """Return why no DHCP server can give the endpoints of NETWORK their addresses; empty if one can."""
        return "" if self.chosen(network.options).parent else f"without driver option '{PARENT}', there is no LAN."

    def immutable(self, network: Network) -> Tuple[Any, ...]:
        """Return the parent, and whether one endpoint has it alone: the kernel changes the other modes in place."""
        return (self.device(network), mode(network.options) == _PASSTHRU)

    def shown(self, network: Network) -> Dict[str, Any]:
        """Return what inspect shows under ``Host`` in addition to what it shows for all networks."""
        return {"MacvlanMode": mode(network.options)}
