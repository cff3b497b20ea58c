# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rtnetlink requests that only read, as bytes.

They are packed here, because a run that finds nothing to change sends only these few, and should not import pyroute2.
The unit tests compare them with pyroute2's.
"""

from __future__ import annotations

import struct
from typing import Tuple

from . import uapi

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
WORD = struct.Struct("=I")

LINK = struct.Struct("=BxHiII")
"""struct ifinfomsg: family, type, index, flags, mask of the flags."""
ADDRESS = struct.Struct("=BBBBI")
"""struct ifaddrmsg: family, prefix length, flags, scope, index."""
ROUTE = struct.Struct("=8BI")
"""struct rtmsg: family, lengths of destination and source, type of service, table, protocol, scope, type, flags."""
NEIGHBOUR = struct.Struct("=BxxxiHBB")
"""struct ndmsg: family, index, state, flags, type."""
NSID = struct.Struct("=Bxxx")
"""struct rtgenmsg: family."""


def attribute(number: int, value: bytes) -> bytes:
    """Return an attribute, padded to a multiple of four bytes."""
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), number) + value + bytes(-len(value) % 4)


def query(command: int, mode: int, fixed: bytes, *attributes: Tuple[int, bytes]) -> bytes:
    """Return the request COMMAND with the FIXED part and ATTRIBUTES, numbers and values.

    :param mode: flags of the header besides NLM_F_REQUEST
    """
    body = fixed + b"".join([attribute(number, value) for number, value in attributes])
    return HEADER.pack(HEADER.size + len(body), command, mode | uapi.NLM_F_REQUEST, 0, 0) + body
