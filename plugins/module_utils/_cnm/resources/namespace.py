# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Tuple, Type

from ..model.value import value
from .resource import Resource


class NamespaceKey(NamedTuple):
    """Identifies a network namespace."""

    kind: str
    path: str


@value
class Namespace(Resource):
    """A network namespace at a path, with its loopback up."""

    path: str
    ours: bool = True
    mounted: bool = True
    """False for a leftover: the empty file on which a namespace was mounted, or was to be mounted."""
    adopted: bool = False

    kind: ClassVar[str] = "namespace"
    key_class: ClassVar[Type[Any]] = NamespaceKey
    immutable: ClassVar[Tuple[str, ...]] = ("mounted",)
    implied: ClassVar[Tuple[str, ...]] = ("mounted",)
    renewed: ClassVar[bool] = True
    rank: ClassVar[int] = 3
    ignored: ClassVar[Tuple[str, ...]] = ("ours", "adopted")

    @classmethod
    def at(cls, path: str) -> NamespaceKey:
        """Return the key of the namespace at PATH."""
        return NamespaceKey(cls.kind, path)

    @property
    def key(self) -> NamespaceKey:
        return self.at(self.path)

    def __str__(self) -> str:
        return f"{'' if self.mounted else 'what is left of '}network namespace '{self.path}'"

    @property
    def foreign(self) -> bool:
        return not self.ours
