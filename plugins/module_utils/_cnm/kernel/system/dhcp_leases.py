# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses that DHCP servers have given. Each run reads them, most often without any client."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Dict

from ...private_files import open_private

FOLDER = "/run/cnm-dhcp"
"""The folder with a file for the pid and one for the lease of each client. After a reboot the clients ask again for the
addresses in the store."""


def leases() -> Dict[str, str]:
    """Return the addresses that servers have given, by the ids of the endpoints."""
    try:
        names = [name for name in os.listdir(FOLDER) if name.endswith(".lease")]
    except FileNotFoundError:
        return {}
    given: Dict[str, str] = {}
    for name in names:
        with suppress(OSError, UnicodeDecodeError):
            with os.fdopen(open_private(f"{FOLDER}/{name}"), encoding="ascii") as file:
                line = file.read(64)
            # The script may be writing.
            if line.endswith("\n"):
                given[name[: -len(".lease")]] = line.split()[0]
    return given
