# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that only one host may have."""

from __future__ import annotations

import os

from .client import Client
from .transaction import Absent, Batch, Get, Put, Unchanged


def claim(client: Client, batch: Batch, fence: str) -> bool:
    """Write BATCH; return whether that was done, because its conditions were true.

    :param fence: a key that all claims of this host change, so that none is carried out after a later one, or after
        renew(). It also tells whether a claim was carried out whose answer was lost
    :raises: as Client.transaction()
    """
    before = client.get(fence)
    unchanged = Unchanged(fence, before.revision) if before is not None else Absent(fence)
    number = _number()
    puts = [*batch.puts, Put(fence, number)]
    outcome = client.transaction([*batch.conditions, unchanged], puts, [Get(fence)])
    return outcome.succeeded or any(each.value == number for each in outcome.found)


def renew(client: Client, fence: str) -> None:
    """Change the key FENCE, so that no claim is carried out from now on that was not answered before.

    :raises: as Client.put()
    """
    client.put(fence, _number())


def _number() -> bytes:
    return os.urandom(8).hex().encode()
