# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our blocks in text files."""

from __future__ import annotations

from typing import List, Sequence, Set

from ...model.errors import CnmError
from ...resources.kinds import File, FileKey
from ...resources.plan import Step
from ...resources.resource import Key, Obstacle, Resource, only
from ..face import Face, Host
from ..system import text_block


class Files(Face):
    """Our blocks in text files."""

    def read(self, host: Host, keys: Sequence[Key]) -> List[Resource]:
        resources: List[Resource] = []
        for key in sorted(only(FileKey, keys)):
            try:
                file = text_block.read(key.path)
            except CnmError as error:
                resources.append(Obstacle(key, str(error)))
            else:
                resources += [file] if file else []
        return resources

    def remove(self, host: Host, resources: Sequence[Resource]) -> List[CnmError]:
        errors: List[CnmError] = []
        for file in only(File, resources):
            try:
                text_block.remove(file.path)
            except CnmError as error:
                errors.append(error.of(file.key))
        return errors

    def make(self, host: Host, steps: Sequence[Step]) -> List[CnmError]:
        errors: List[CnmError] = []
        ready: Set[str] = set()
        for file in only(File, (step.after for step in steps)):
            try:
                text_block.write(file, ready)
            except CnmError as error:
                errors.append(error.of(file.key))
        return errors
