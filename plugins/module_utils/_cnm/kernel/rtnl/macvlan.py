# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Macvlans: their attributes in requests and in the kernel's answers."""

from __future__ import annotations

from typing import Any, List, Tuple

from . import uapi
from .socket import attributes, number

KIND = "macvlan"

_NUMBERS = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8, "source": 16}
"""The numbers of modes in linux/if_link.h."""
_NAMES = {value: name for name, value in _NUMBERS.items()}


def mode(data: bytes) -> str:
    """Return the mode in DATA, an IFLA_INFO_DATA."""
    return _NAMES.get(number(attributes(data).get(uapi.IFLA_MACVLAN_MODE, b"")), "")


def information(wanted: str) -> Tuple[str, List[Tuple[str, Any]]]:
    """Return the attribute that makes a link a macvlan with the mode WANTED."""
    data = [("IFLA_MACVLAN_MODE", _NUMBERS[wanted])]
    return ("IFLA_LINKINFO", [("IFLA_INFO_KIND", KIND), ("IFLA_INFO_DATA", data)])
