# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drivers: which things on a host a network and an endpoint are made of. One kind a file; pure functions.

A driver never touches the kernel: it returns resources, and the core makes them so.
"""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Protocol, Sequence

from ..model.addresses import Address
from ..model.endpoint import Endpoint
from ..model.network import Network
from ..resources.kinds import Resource

Answers = Mapping[int, Address]
"""By family the address from which a sandbox answers whom it knows by no other route: that of its default route."""


class Driver(Protocol):
    """What a kind of network is made of."""

    has_addresses: bool
    """Whether its networks have address pools, and its endpoints addresses and ports."""

    ports: int
    """How many endpoints can be in sandboxes at once."""

    scope: str
    """``local`` for a network of one host, ``global`` for one that is the same on several."""

    def option_problems(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return what is wrong with OPTIONS, by key, each in a sentence."""

    def spelled(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return OPTIONS, in which there is no problem, with each value in its one spelling."""

    def problems(self, network: Network) -> List[str]:
        """Return why NETWORK, whose options are sound, cannot be, each reason in a sentence."""

    def device(self, network: Network) -> Optional[str]:
        """Return the name of the network's interface on the host."""

    def network(self, network: Network) -> List[Resource]:
        """Return what NETWORK is made of."""

    def endpoint(self, network: Network, endpoint: Endpoint, namespace: str, answers: Answers) -> List[Resource]:
        """Return what ENDPOINT, joined to the sandbox with that NAMESPACE, is made of.

        :param answers: where the sandbox's other traffic leaves
        """


CREATABLE: Sequence[str] = ("bridge", "overlay")
"""Drivers of which a user can make networks; the others have one predefined network each."""


def driver(name: str) -> Driver:
    """Return the driver called NAME.

    :raises ValueError: if there is none
    """
    if name == "bridge":
        from .bridge import Bridge

        return Bridge()
    if name == "overlay":
        from .overlay import Overlay

        return Overlay()
    if name in ("host", "null"):
        from .null import Null

        return Null()
    raise ValueError(f"there is no driver '{name}'; there are {', '.join(CREATABLE)}.")


def is_number(text: str) -> bool:
    """Say whether TEXT is a number in the digits 0 to 9, and not in those of another script, which int() reads, too."""
    return text.isascii() and text.isdecimal()


def flag(text: str) -> bool:
    """Return the truth value that TEXT, an option's, writes.

    :raises ValueError: if it writes none
    """
    values: Dict[str, bool] = {"true": True, "yes": True, "on": True, "1": True}
    values.update({"false": False, "no": False, "off": False, "0": False})
    if text.lower() not in values:
        raise ValueError(f"'{text}' is neither true nor false.")
    return values[text.lower()]
