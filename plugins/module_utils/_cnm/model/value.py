# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dataclasses whose instances nobody changes.

With ``frozen=True``, Python generates a check of each assignment, which takes as long as everything else that it
generates for a class, in every task, and makes each instance three times as slow to create. mypy checks the
assignments as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Any, Callable, Type, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_meaning):
        """Return a decorator that changes nothing: what it says is for mypy."""
        return lambda decorator: decorator


def field(*, default_factory: Callable[[], Any]) -> Any:
    """Return a field of a value that is by default what DEFAULT_FACTORY returns."""
    return dataclass_field(default_factory=default_factory)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(kind: Type[T]) -> Type[T]:
    """Make KIND a dataclass with a hash. mypy refuses assignments to its fields."""
    kind.__repr__ = _written  # type: ignore[method-assign]
    return dataclass(unsafe_hash=True, repr=False)(kind)


def _written(item: object) -> str:
    """Return ITEM as an expression, for developers. One function serves all classes, so none is generated for each."""
    return f"{type(item).__name__}({', '.join(f'{name}={each!r}' for name, each in vars(item).items())})"
