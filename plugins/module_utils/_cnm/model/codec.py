# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dataclasses as JSON and back, by the types of their fields.

| type | JSON |
|---|---|
| str, int, bool | the same |
| Optional | the same, or null |
| an address, a subnet, an interface of ``ipaddress`` | its text |
| ``Tuple[X, ...]`` | an array |
| ``FrozenSet[X]`` | an array, in any order |
| ``Mapping[str, X]`` | an object |
| a dataclass | an object with exactly its fields |
| a NamedTuple | an array of its fields |

What is read is checked: a wrong type, a missing field or an unknown field is refused. The form of each class is worked
out once, when its first object is written or read.
"""

from __future__ import annotations

import ipaddress
from dataclasses import fields, is_dataclass
from functools import cache
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    List,
    NamedTuple,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

T = TypeVar("T")
_NONE = type(None)


class _Form(NamedTuple):
    """How values of a type are converted to JSON and back."""

    types: FrozenSet[type]
    """The types of the JSON values."""
    write: Optional[Callable[[Any], Any]] = None
    """Converts a value other than None to JSON; None if it is JSON already."""
    read: Optional[Callable[[Any], Any]] = None
    """Converts a JSON value of one of the types, other than null, back; None if it needs no conversion."""


def to_json(item: Any) -> Any:
    """Return ITEM, a dataclass or NamedTuple, as a JSON value."""
    kind: Any = type(item)
    write: Any = _form(kind).write
    return write(item)


def from_json(kind: Type[T], data: Any) -> T:
    """Return the item of class KIND that to_json() has converted to DATA.

    :raises ValueError: if DATA is not such a value
    """
    hint: Any = kind
    types, _write, read = _form(hint)
    if read is None or type(data) not in types:
        raise ValueError(f"{data!r} is not a {kind.__name__.lower()}")
    item: T = read(data)
    return item


@cache
def _form(hint: Any) -> _Form:
    """Return the form of values of type HINT."""
    if hint in (str, int, bool):
        return _Form(frozenset((hint,)))
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Union:
        return _of_address(arguments) or _of_optional(arguments)
    if origin is tuple:
        return _of_array(arguments[0], tuple)
    if origin is frozenset:
        return _of_array(arguments[0], frozenset)
    if arguments:
        return _of_mapping(arguments[1])
    return _of_dataclass(hint) if is_dataclass(hint) else _of_named_tuple(hint)


_FAMILIES = (
    (ipaddress.IPv4Address, ipaddress.IPv6Address),
    (ipaddress.IPv4Network, ipaddress.IPv6Network),
    (ipaddress.IPv4Interface, ipaddress.IPv6Interface),
)


def _of_address(types: Tuple[Any, ...]) -> Optional[_Form]:
    """Return the form of a pair of address types, such as IPv4Address and IPv6Address; None if TYPES are not a pair."""
    if types not in _FAMILIES:
        return None
    four, six = types
    return _Form(frozenset((str,)), str, lambda text: six(text) if ":" in text else four(text))


def _of_optional(types: Tuple[Any, ...]) -> _Form:
    form = _form(Union[tuple(each for each in types if each is not _NONE)])
    return form._replace(types=form.types | {_NONE})


def _of_array(hint: Any, make: Callable[..., Any]) -> _Form:
    # The form of the elements is worked out only if there are any: few objects have routes, peers or ports.
    def write(values: Any) -> List[Any]:
        convert = _form(hint).write if values else None
        return list(values if convert is None else map(convert, values))

    def read(values: List[Any]) -> Any:
        return make(_checked(hint, values)) if values else make()

    return _Form(frozenset((list,)), None if make is tuple and hint is str else write, read)


def _of_mapping(hint: Any) -> _Form:
    convert = _form(hint).write

    def write(values: Any) -> Dict[str, Any]:
        return {name: convert(value) for name, value in values.items()} if convert else values

    def read(values: Dict[str, Any]) -> Dict[str, Any]:
        return dict(zip(values, _checked(hint, values.values()))) if values else values

    return _Form(frozenset((dict,)), write if convert else None, read)


def _checked(hint: Any, values: Any) -> Any:
    """Return VALUES converted from JSON, after checking that they are of type HINT."""
    types, _write, read = _form(hint)
    for value in values:
        if type(value) not in types:
            raise ValueError(f"it contains {value!r}")
    return values if read is None else map(read, values)


def _of_dataclass(kind: Any) -> _Form:
    hints = get_type_hints(kind)
    forms = {field.name: _form(hints[field.name]) for field in fields(kind)}
    writers = [(name, form.write) for name, form in forms.items() if form.write is not None]
    readers = [(name, form.types, form.read) for name, form in forms.items()]

    def write(item: Any) -> Dict[str, Any]:
        data: Dict[str, Any] = vars(item).copy()
        for name, convert in writers:
            if data[name] is not None:
                data[name] = convert(data[name])
        return data

    def read(data: Dict[str, Any]) -> Any:
        if data.keys() != forms.keys():
            raise ValueError(f"the fields of a {kind.__name__.lower()} are {', '.join(sorted(data))}")
        values = []
        for name, types, convert in readers:
            value = data[name]
            if type(value) not in types:
                raise _unsound(kind, name, value)
            if convert is not None and value is not None:
                try:
                    value = convert(value)
                except ValueError as error:
                    raise _unsound(kind, name, value) from error
            values.append(value)
        return kind(*values)

    return _Form(frozenset((dict,)), write, read)


def _of_named_tuple(kind: Any) -> _Form:
    forms = list(zip(kind._fields, map(_form, get_type_hints(kind).values())))

    def write(item: Any) -> List[Any]:
        return [
            value if form.write is None or value is None else form.write(value)
            for value, (_name, form) in zip(item, forms)
        ]

    def read(data: List[Any]) -> Any:
        if len(data) != len(forms):
            raise ValueError(f"{data!r} is not a {kind.__name__.lower()}")
        values = []
        for value, (name, form) in zip(data, forms):
            if type(value) not in form.types:
                raise _unsound(kind, name, value)
            values.append(value if form.read is None or value is None else form.read(value))
        return kind(*values)

    return _Form(frozenset((list,)), write, read)


def _unsound(kind: Any, name: str, value: Any) -> ValueError:
    return ValueError(f"'{name}' of a {kind.__name__.lower()} is {value!r}")
