# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel settings."""

from __future__ import annotations

from typing import List, Sequence

from ...model.errors import CnmError
from ...resources.kinds import Sysctl, SysctlKey
from ...resources.plan import Step
from ...resources.resource import Key, Resource, only
from ..face import Face, Host, read_by_namespace
from ..system import sysctl


class Sysctls(Face):
    """Kernel settings, by namespace."""

    def read(self, host: Host, keys: Sequence[Key]) -> List[Resource]:
        def settings(space: str, group: Sequence[SysctlKey]) -> List[Sysctl]:
            return sysctl.read(host.namespaces, space, [key.name for key in sorted(group)])

        return read_by_namespace(host, only(SysctlKey, keys), settings)

    def remove(self, host: Host, resources: Sequence[Resource]) -> List[CnmError]:
        """Leave them: a kernel setting always has some value."""
        return []

    def make(self, host: Host, steps: Sequence[Step]) -> List[CnmError]:
        return sysctl.write(host.namespaces, only(Sysctl, (step.after for step in steps)))
