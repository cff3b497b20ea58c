# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driver ``ipvlan``: all endpoints have the MAC address of the parent, which tells them apart by their addresses.

In mode ``l2`` they are on the LAN of the parent. In ``l3`` and ``l3s`` the host's routes through the parent decide
where their packets go, there is no ARP or neighbour discovery, and others need a route to the subnet.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from ..model.ids import check_device
from ..model.network import Network
from ..resources.link import Lower
from . import ENABLE_IPV6, MTU, flag
from .bridge_options import INTERFACE_PREFIX, Keys, read_mtu, read_prefix
from .on_parent import LIMIT, PARENT, OnParent

MODE = "ipvlan_mode"
FLAG = "ipvlan_flag"
"""Docker's options."""

MODES = ("l2", "l3", "l3s")
FLAGS = ("bridge", "private", "vepa")


def _mode(text: str) -> str:
    if text not in MODES:
        raise ValueError(f"'{text}' is not one of {', '.join(MODES)}.")
    return text


def _flag(text: str) -> str:
    if text not in FLAGS:
        raise ValueError(f"'{text}' is not one of {', '.join(FLAGS)}.")
    return text


KEYS: Keys = {
    PARENT: ("parent", check_device),
    MODE: ("mode", _mode),
    FLAG: ("flag", _flag),
    MTU: ("mtu", read_mtu),
    ENABLE_IPV6: ("enable_ipv6", flag),
    INTERFACE_PREFIX: ("interface_prefix", read_prefix),
}


def mode(options: Mapping[str, str]) -> str:
    """Return the mode that OPTIONS, which are valid, choose."""
    return options.get(MODE, MODES[0])


class Ipvlan(OnParent):
    """A network whose endpoints share the MAC address of an interface of the host."""

    kind = "ipvlan"
    keys = KEYS
    dummy = "di-"
    has_mac_addresses = False
    without_gateway = f"Driver option '{MODE}': l3 needs none."

    def lower(self, network: Network) -> Lower:
        """Return what the links of NETWORK are on, and how."""
        return Lower(self.device(network) or "", mode(network.options), flag=network.options.get(FLAG, FLAGS[0]))

    def problems(self, network: Network) -> List[str]:
        """Return why NETWORK, whose options are valid, is impossible, each reason in a sentence."""
        sentences = super().problems(network)
        if self.is_direct(network) and not network.options.get(PARENT):
            # It would not be isolated: the kernel delivers what is for an address of the host to the host.
            sentences.append(
                f"option '{MODE}': mode {mode(network.options)} needs driver option '{PARENT}', because the host's "
                "routes through it count."
            )
        return sentences

    def no_gateway(self, network: Network, version: int) -> str:
        """Return why NETWORK has no gateway of family VERSION, in a sentence; empty if it has one."""
        chosen = mode(network.options)
        return (
            "" if chosen == MODES[0] else f"there is none in mode {chosen}: the host's routes through the parent count."
        )

    def no_dhcp(self, network: Network) -> str:
        """Return why no DHCP server can give the endpoints of NETWORK their addresses."""
        return "the endpoints of driver 'ipvlan' share a MAC address, by which DHCP servers know them. Use macvlan."

    def is_direct(self, network: Network) -> bool:
        """Say whether the links of NETWORK lead everywhere, so that a default route has no gateway."""
        return mode(network.options) != MODES[0]

    def room(self, network: Network) -> Tuple[int, str]:
        """Return how many endpoints of NETWORK can be in sandboxes at once, and the message if there are more."""
        return LIMIT, f"network '{network.name}' has {LIMIT} endpoints in sandboxes."

    def shown(self, network: Network) -> Dict[str, Any]:
        """Return what inspect shows under ``Host`` in addition to what it shows for all networks."""
        lower = self.lower(network)
        return {"IpvlanFlag": lower.flag, "IpvlanMode": lower.mode}
