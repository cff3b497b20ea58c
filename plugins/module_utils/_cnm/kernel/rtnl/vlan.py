# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VLANs (IEEE 802.1Q): their attributes in requests and in the kernel's answers."""

from __future__ import annotations

from typing import Any, List, Tuple

from . import uapi
from .socket import attributes, number

KIND = "vlan"


def tag(data: bytes) -> int:
    """Return the tag in DATA, an IFLA_INFO_DATA."""
    return number(attributes(data).get(uapi.IFLA_VLAN_ID, b""))


def information(wanted: int) -> Tuple[str, List[Tuple[str, Any]]]:
    """Return the attribute that makes a link a VLAN with the tag WANTED."""
    return ("IFLA_LINKINFO", [("IFLA_INFO_KIND", KIND), ("IFLA_INFO_DATA", [("IFLA_VLAN_ID", wanted)])])
