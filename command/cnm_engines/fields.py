# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads JSON from an engine, and notes each value that has the wrong type."""

from __future__ import annotations

import json
from typing import Any, Callable, List, Mapping, Type, TypeVar

from _cnm.model.errors import Problems
from _cnm.model.ids import is_text

from .errors import INPUT_FAILED, NOT_DECODED, EngineError

T = TypeVar("T")
_NOUNS = {str: "text", bool: "true or false", int: "a whole number", list: "a list", dict: "an object"}


def decoded(read: Callable[[], bytes], what: str = "Standard input") -> Mapping[str, Any]:
    """Return the JSON object that READ returns; messages call it WHAT.

    :raises EngineError: if it cannot be read, or is not a JSON object
    """
    try:
        text = read()
    except OSError as error:
        raise EngineError(INPUT_FAILED, f"{what} cannot be read: {error.strerror}.") from error
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EngineError(NOT_DECODED, f"{what} is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise EngineError(NOT_DECODED, f"{what} is not a JSON object.")
    return value


class Fields:
    """The fields of a JSON object. A field that is null counts as missing."""

    def __init__(self, values: Mapping[str, Any], problems: Problems, path: str = "") -> None:
        """Create the fields with VALUES.

        :param problems: gets a sentence for each value of the wrong type
        :param path: where in the input the object is, such as ``runtimeConfig.``; empty for the outermost
        """
        self.values = values
        self.problems = problems
        self._path = path

    def name(self, key: str) -> str:
        """Return what messages call the field KEY."""
        return f"'{self._path}{key}'"

    def text(self, key: str) -> str:
        """Return the text KEY; empty if it is missing."""
        return self._typed(key, self.values.get(key), str, "")

    def number(self, key: str) -> int:
        """Return the whole number KEY; 0 if it is missing."""
        return self._typed(key, self.values.get(key), int, 0)

    def flag(self, key: str) -> bool:
        """Return the truth value KEY; false if it is missing."""
        return self._typed(key, self.values.get(key), bool, False)

    def required(self, key: str) -> str:
        """Return the text KEY, which must not be empty."""
        if self.values.get(key) in (None, ""):
            self.problems.add(f"{self.name(key)} is missing.")
            return ""
        return self.text(key)

    def texts(self, key: str) -> List[str]:
        """Return the list of texts KEY; empty if it is missing."""
        entries = self._typed(key, self.values.get(key), list, [])
        return [self._typed(f"{key}[{place}]", each, str, "") for place, each in enumerate(entries)]

    def object(self, key: str) -> "Fields":
        """Return the object KEY; without fields if it is missing."""
        return Fields(self._typed(key, self.values.get(key), dict, {}), self.problems, f"{self._path}{key}.")

    def objects(self, key: str) -> List["Fields"]:
        """Return the list of objects KEY; empty if it is missing."""
        objects = []
        for place, each in enumerate(self._typed(key, self.values.get(key), list, [])):
            where = f"{key}[{place}]"
            objects.append(Fields(self._typed(where, each, dict, {}), self.problems, f"{self._path}{where}."))
        return objects

    def _typed(self, key: str, value: Any, kind: Type[T], default: T) -> T:
        if value is None:
            return default
        if isinstance(value, str) and not is_text(value):
            self.problems.add(f"{self.name(key)} is not valid text.")
            return default
        if isinstance(value, kind) and (kind is not int or not isinstance(value, bool)):
            return value
        self.problems.add(f"{self.name(key)} is {json.dumps(value)[:100]}, which is not {_NOUNS[kind]}.")
        return default
