# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The name server and its records. Any change of them makes it look again."""

from __future__ import annotations

from typing import Dict, List, Sequence, Set

from ...model.errors import CnmError, KernelRefused
from ...resources.dns import NameServer, Records
from ...resources.plan import Step
from ...resources.resource import Key, Resource
from ..face import Face, Host
from ..system import name_server


class Naming(Face):
    """The host's name server, at each of its addresses, and the records of each network."""

    together = True

    def read(self, host: Host, keys: Sequence[Key]) -> List[Resource]:
        names: Dict[str, Set[str]] = {Records.kind: set(), NameServer.kind: set()}
        for kind, name in keys:
            names[kind].add(name)
        return name_server.read(names)

    def make(self, host: Host, steps: Sequence[Step]) -> List[CnmError]:
        try:
            name_server.apply(host.run, steps)
        except CnmError as error:
            # There is one server for all networks.
            return [KernelRefused(str(error), step.resource.key) for step in steps]
        return []
