# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses that DHCP servers have given. Each run reads them, most often without any client."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Dict, Iterator, List, Set, Tuple

from ...private_files import read_private

FOLDER = "/run/cnm-dhcp"
"""The folder with a file for the pid and one for the lease of each client. After a reboot the clients ask again for the
addresses in the store."""
_END = ".lease"


LOST = "lost"
"""What is in the file of a lease instead of the server, if the lease has ended."""


def leases() -> Dict[str, str]:
    """Return the addresses that servers have given, by the ids of the endpoints."""
    return {endpoint: words[0] for endpoint, words in _read()}


def lost_leases() -> Set[str]:
    """Return the ids of the endpoints that no longer have their addresses: their leases have ended."""
    return {endpoint for endpoint, words in _read() if words[1:] == [LOST]}


def _read() -> Iterator[Tuple[str, List[str]]]:
    """Yield the ids of the endpoints with what is in their files."""
    try:
        names = [name for name in os.listdir(FOLDER) if name.endswith(_END)]
    except FileNotFoundError:
        return
    for name in names:
        with suppress(OSError, UnicodeDecodeError):
            line = read_private(f"{FOLDER}/{name}").decode("ascii")
            # The script may be writing.
            if line.endswith("\n"):
                yield name[: -len(_END)], line.split()
