# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of Go's templates that people use with Docker's ``--format``.

There are fields (``.Name``, ``.IPAM.Driver``, ``.``); ``json``, ``upper``, ``lower`` and ``len`` of a field;
``join FIELD SEPARATOR``, ``index FIELD KEY``; and ``range FIELD`` with ``end``.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Callable, List, Mapping, Sequence, Tuple, Union

from .errors import Failure
from .inspection import as_json

_ACTION = re.compile(r"(?:\s*{{-|{{)(.*?)(?:-}}\s*|}})", re.DOTALL)
"""An action, with the space that a minus sign takes away."""
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+')
_FIELD = re.compile(r"\.|(\.\w+)+")
_ESCAPES = {"\\t": "\t", "\\n": "\n"}

Node = Union[str, List[str], Tuple[str, List[Any]]]
"""Text, the words of an action, or a field with what is repeated for each of its elements."""


class Template:
    """A template, which is written for one object after the other."""

    def __init__(self, text: str) -> None:
        """Read the template in TEXT, where ``\\t`` and ``\\n`` stand for a tab and a new line, as in Docker.

        :raises Failure: if it is not valid, or needs more than there is
        """
        self._text = re.sub(r"\\[tn]", lambda escape: _ESCAPES[escape[0]], text)
        parts = self._parts()
        self._nodes = self._read(parts, inside=False)

    @property
    def fields(self) -> List[str]:
        """The first words of the fields outside of a ``range``, such as ``Name``."""
        words = [word for node in self._nodes if isinstance(node, list) for word in node]
        return [word.split(".")[1] for word in words if _FIELD.fullmatch(word) and word != "."]

    def write(self, value: Any) -> str:
        """Return the template's text for the object VALUE.

        :raises Failure: if it has no such field
        """
        return self._write(self._nodes, value)

    def _parts(self) -> List[Union[str, List[str]]]:
        """Return text and the words of actions, in the order of the template, the last first."""
        parts: List[Union[str, List[str]]] = list(_ACTION.split(self._text))
        parts[1::2] = map(_WORD.findall, _ACTION.findall(self._text))
        if any(isinstance(part, str) and ("{{" in part or "}}" in part) for part in parts):
            raise self._invalid("'{{' and '}}' do not match")
        return parts[::-1]

    def _read(self, parts: List[Union[str, List[str]]], inside: bool) -> List[Node]:
        nodes: List[Node] = []
        while parts:
            part = parts.pop()
            if isinstance(part, str):
                nodes.append(part)
            elif part == ["end"] and inside:
                return nodes
            elif part[:1] == ["range"] and len(part) == 2 and _FIELD.fullmatch(part[1]):
                nodes.append((part[1], self._read(parts, inside=True)))
            else:
                self._check(part)
                nodes.append(part)
        if inside:
            raise self._invalid("a range has no end")
        return nodes

    def _check(self, words: Sequence[str]) -> None:
        count = _FUNCTIONS[words[0]][0] if words and words[0] in _FUNCTIONS else 0
        if len(words) != count + 1 or not _FIELD.fullmatch(words[min(count, 1)]):
            functions = ", ".join(sorted([*_FUNCTIONS, "range"]))
            raise self._invalid(f"'{' '.join(words)}' is not a field such as .Name, or one of {functions} with a field")

    def _write(self, nodes: Sequence[Node], value: Any) -> str:
        texts = []
        for node in nodes:
            if isinstance(node, str):
                texts.append(node)
            elif isinstance(node, list):
                texts.append(self._action(node, value))
            else:
                elements = self._field(node[0], value)
                values = elements.values() if isinstance(elements, Mapping) else elements or ()
                texts += [self._write(node[1], each) for each in values]
        return "".join(texts)

    def _action(self, words: Sequence[str], value: Any) -> str:
        if len(words) == 1:
            return as_go(self._field(words[0], value))
        field, *arguments = words[1:]
        return _FUNCTIONS[words[0]][1](self._field(field, value), *(each.strip('"') for each in arguments))

    def _field(self, path: str, value: Any) -> Any:
        for name in path.split(".")[1:] if path != "." else ():
            if not isinstance(value, Mapping) or name not in value:
                there = f" There are: {', '.join(f'.{key}' for key in value)}." if isinstance(value, Mapping) else ""
                raise Failure(f"template: there is no field '{path}'.{there}")
            value = value[name]
        return value

    def _invalid(self, why: str) -> Failure:
        return Failure(f"template '{self._text}' cannot be used: {why}.")


def as_go(value: Any) -> str:
    """Return VALUE as Go prints it."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{as_go(value[key])}' for key in sorted(value))}]"
    if isinstance(value, (list, tuple)):
        return f"[{' '.join(map(as_go, value))}]"
    return str(value)


def _index(value: Any, key: str) -> str:
    try:
        return as_go(value[int(key)] if isinstance(value, (list, tuple)) else value.get(key, ""))
    except (IndexError, ValueError, AttributeError):
        raise Failure(f"template: there is no element '{key}'.") from None


_FUNCTIONS: Mapping[str, Tuple[int, Callable[..., str]]] = {
    "json": (1, partial(as_json, compact=True)),
    "upper": (1, lambda value: as_go(value).upper()),
    "lower": (1, lambda value: as_go(value).lower()),
    "len": (1, lambda value: str(len(value))),
    "join": (2, lambda value, separator: separator.join(map(as_go, value))),
    "index": (2, _index),
}
"""How many words follow a function, and the function."""
