# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of the firewall: one transaction of nft, and Docker's chain."""

from __future__ import annotations

from typing import List, Sequence

from ...model.errors import CnmError
from ...resources.plan import Step
from ...resources.resource import Key, Resource
from ..face import Face, Host
from ..firewall import table


class Firewall(Face):
    """Our nft table, its elements, and our rules in Docker's chain."""

    together = True

    def read(self, host: Host, keys: Sequence[Key]) -> List[Resource]:
        return list(table.Firewall(host.run, host.docker_user).read(keys).values())

    def make(self, host: Host, steps: Sequence[Step]) -> List[CnmError]:
        table.Firewall(host.run, host.docker_user).apply(steps)
        return []
