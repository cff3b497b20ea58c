# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an object that was read from a store is one that was written."""

from __future__ import annotations

import ipaddress
from dataclasses import fields
from typing import Any, Dict, Optional, Sequence, Tuple, Type

from ..drivers import LOADERS
from ..model.overlay_peer import Underlay

_TYPES: Dict[str, Tuple[Type[Any], ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "Mapping": (dict,),
    "Tuple": (tuple,),
    "Address": (ipaddress.IPv4Address, ipaddress.IPv6Address),
    "Subnet": (ipaddress.IPv4Network, ipaddress.IPv6Network),
    "Underlay": (Underlay,),
}
_OBJECTS = ("Underlay", "Tuple[Peer, ...]", "Tuple[Remote, ...]", "Tuple[StaticRoute, ...]")
"""Fields that hold objects which are looked at in their turn."""
Expected = Tuple[str, Tuple[Type[Any], ...], Optional[str]]
"""A field, its types, and which kind of container of texts it is, or ``Objects``."""

_KNOWN: Dict[Type[Any], Sequence[Expected]] = {}


def _expected(noun: Type[Any]) -> Sequence[Expected]:
    """Return what the fields of NOUN are to be."""
    found = []
    for field in fields(noun):
        text = str(field.type)
        optional = text.startswith("Optional[")
        if optional:
            text = text[len("Optional[") : -1]
        container = text.partition("[")[0] if text in ("Mapping[str, str]", "Tuple[str, ...]") else None
        if text in _OBJECTS:
            container = "Objects"
        allowed = _TYPES[text.partition("[")[0]] + ((type(None),) if optional else ())
        found.append((field.name, allowed, container))
    return found


def check(item: Any) -> None:
    """See that the values of ITEM, a noun, are of the types that it declares.

    :raises ValueError: if one is not
    """
    noun = type(item)
    if noun not in _KNOWN:
        _KNOWN[noun] = _expected(noun)
    for name, allowed, container in _KNOWN[noun]:
        value = getattr(item, name)
        sound = type(value) in allowed
        if sound and container == "Objects" and value:
            for each in value if isinstance(value, tuple) else (value,):
                check(each)
        elif sound and container and value:
            sound = all(isinstance(each, str) for each in (value.values() if container == "Mapping" else value))
        if name == "driver":
            sound = value in LOADERS
        if not sound:
            raise ValueError(f"'{name}' of a {type(item).__name__.lower()} is {value!r}")
