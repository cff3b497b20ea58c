# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option ``--filter``, with the meaning that it has in Docker."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, List, Sequence

from _cnm.filters import Keep, selection

from .errors import Failure

_CHOICES = {"type": ("builtin", "custom"), "status": ("running", "stopped")}
_WORDS = {"true": True, "1": True, "false": False, "0": False}
KEYS = {
    "network": ("driver", "label", "label!", "name", "id", "scope", "type", "dangling"),
    "sandbox": ("label", "label!", "name", "id", "network", "status"),
    "endpoint": ("name", "id", "network", "sandbox"),
}


def keep(kind: str, filters: Sequence[str]) -> Keep:
    """Return a function that says whether an object of KIND meets FILTERS.

    An object must meet one of the filters with the same key, but all filters with the key ``label``.

    :raises Failure: if neither Docker nor this command has a filter
    """
    tests: Dict[str, List[Keep]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals or key not in KEYS[kind]:
            raise Failure(f"invalid filter '{text}'. There are: {', '.join(f'{one}=' for one in KEYS[kind])}")
        tests.setdefault(key, []).append(_test(key, value))
    return lambda store, item: all(
        (all if key == "label" else any)(test(store, item) for test in alike) for key, alike in tests.items()
    )


def _test(key: str, value: str) -> Keep:
    if key in ("name", "id"):
        return _expression(key, value)
    if key == "label":
        return selection({"labels": [value]})
    if key == "label!":
        labelled = selection({"labels": [value]})
        return lambda store, item: not labelled(store, item)
    if value not in _CHOICES.get(key, (value,)):
        raise Failure(f"invalid value for filter '{key}', must be {' or '.join(map(json.dumps, _CHOICES[key]))}")
    if key == "status":
        return selection({"state": value})
    if key == "dangling":
        if value not in _WORDS:
            raise Failure('invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")')
        return selection({"dangling": _WORDS[value]})
    return selection({key: value})


def _expression(key: str, value: str) -> Keep:
    """Match VALUE as Docker does: as a regular expression that may match any part of a name or an id."""
    try:
        search: Callable[[str], Any] = re.compile(value).search
    except re.error as error:
        raise Failure(f"invalid value for filter '{key}': '{value}' is not a regular expression: {error}") from error
    return lambda _store, item: bool(search(getattr(item, key)))
