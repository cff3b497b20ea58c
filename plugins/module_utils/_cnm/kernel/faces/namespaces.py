# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces."""

from __future__ import annotations

from typing import List, Sequence

from ...model.errors import CnmError
from ...resources.namespace import Namespace, NamespaceKey
from ...resources.plan import Step
from ...resources.resource import Key, Obstacle, Resource, only
from ..face import Face, Host
from ..namespace_paths import is_left_over


class Namespaces(Face):
    """Network namespaces at their paths."""

    def read(self, host: Host, keys: Sequence[Key]) -> List[Resource]:
        resources: List[Resource] = []
        for key in only(NamespaceKey, keys):
            path = key.path
            try:
                if host.namespaces.find(path) is not None:
                    resources.append(Namespace(path, host.is_ours(path)))
                elif is_left_over(path):
                    resources.append(Namespace(path, mounted=False))
            except CnmError as error:
                resources.append(Obstacle(key, str(error)))
        return resources

    def remove(self, host: Host, resources: Sequence[Resource]) -> List[CnmError]:
        from ..system.mount_units import stop

        errors: List[CnmError] = []
        namespaces = only(Namespace, resources)
        stop(host.run, [namespace.path for namespace in namespaces])
        for namespace in namespaces:
            try:
                host.namespaces.remove(namespace.path)
            except CnmError as error:
                errors.append(error.of(namespace.key))
        return errors

    def make(self, host: Host, steps: Sequence[Step]) -> List[CnmError]:
        host.namespaces.make(only(Namespace, (step.after for step in steps if step.before is None)))
        return []
