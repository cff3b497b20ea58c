# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ipvlans: their attributes in requests and in the kernel's answers.

The kernel has one mode and one flag for all ipvlans on an interface, those of the last request.
"""

from __future__ import annotations

from typing import Any, List, Tuple

from . import uapi
from .socket import attributes, number

KIND = "ipvlan"

_MODES = ("l2", "l3", "l3s")
_FLAGS = ("bridge", "private", "vepa")
"""In the order of their numbers in linux/if_link.h."""


def mode(data: bytes) -> Tuple[str, str]:
    """Return the mode and the flag in DATA, an IFLA_INFO_DATA; empty texts for those that are not known here."""
    values = attributes(data)
    numbers = (number(values.get(kind, b"")) for kind in (uapi.IFLA_IPVLAN_MODE, uapi.IFLA_IPVLAN_FLAGS))
    chosen, flag = (names[each] if each < len(names) else "" for names, each in zip((_MODES, _FLAGS), numbers))
    return chosen, flag


def information(wanted: str, flag: str) -> Tuple[str, List[Tuple[str, Any]]]:
    """Return the attribute that makes a link an ipvlan with the mode WANTED and FLAG."""
    data = [("IFLA_IPVLAN_MODE", _MODES.index(wanted)), ("IFLA_IPVLAN_FLAGS", _FLAGS.index(flag))]
    return ("IFLA_LINKINFO", [("IFLA_INFO_KIND", KIND), ("IFLA_INFO_DATA", data)])
