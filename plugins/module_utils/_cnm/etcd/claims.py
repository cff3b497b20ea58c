# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that only one owner may have, such as addresses."""

from __future__ import annotations

from typing import Dict, Mapping

from .client import Client
from .entries import Entry
from .transaction import Absent, Get, Put


def claim(client: Client, wanted: Mapping[str, bytes], lease: int = 0) -> Dict[str, Entry]:
    """Create all keys of WANTED, or none of them if one exists; return those that exist, or nothing if all are created.

    :param wanted: at most 128 keys with their values. A value has to say who the owner is: this is how a claim is
        recognized whose answer was lost
    :param lease: the keys disappear with it; 0 for none
    :raises: as Client.transaction()
    """
    outcome = client.transaction(
        [Absent(key) for key in wanted],
        [Put(key, value, lease) for key, value in wanted.items()],
        [Get(key) for key in wanted],
    )
    found = {each.key: each for each in outcome.found}
    ours = {key: (value, lease) for key, value in wanted.items()}
    if outcome.succeeded or {each.key: (each.value, each.lease) for each in outcome.found} == ours:
        return {}
    return found
