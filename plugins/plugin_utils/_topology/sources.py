# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables that a declaration depends on, and whether they have changed.

Evaluating the variables of all hosts is most of the work of a task, and checking that nothing has changed is a small
part of it. The names are all words in the texts of a variable, and in the texts of the variables with these names. So
some names are superfluous, and a variable with a computed name is missed. Texts that may compute a name, or that depend
on the time, on chance or on files, are recognized.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Set

_WORD = re.compile(r"[^\W\d]\w*")
_BEYOND_VARIABLES = {"lookup", "query", "q", "now", "random", "shuffle", "password_hash", "vars", "varnames"}
_FACTS = "ansible_facts"
_CONNECTION = {"ansible_host", "ansible_port", "ansible_user", "ansible_connection"}
_NONE: Mapping[str, Any] = {}


class Names:
    """The names of variables that the declarations depend on."""

    def __init__(self) -> None:
        self.found: Set[str] = set()
        self.beyond = False
        """Whether something depends on more than variables."""
        self._words: Dict[str, Set[str]] = {}

    def add(self, names: Iterable[str], variables: Mapping[str, Any]) -> None:
        """Add NAMES, and the names of those of a host's VARIABLES that they depend on."""
        left = list(names)
        seen = set(left)
        while left:
            name = left.pop()
            self.found.add(name)
            for text in _texts(variables.get(name)):
                for word in self._in(text):
                    if word not in seen:
                        seen.add(word)
                        self.found.add(word)
                        if word in variables and word not in ("hostvars", "groups"):
                            left.append(word)

    def _in(self, text: str) -> Set[str]:
        if text not in self._words:
            self._words[text] = set(_WORD.findall(text))
            if "{{" in text or "{%" in text:
                self.beyond = self.beyond or bool(self._words[text] & _BEYOND_VARIABLES)
                self.beyond = self.beyond or ("hostvars" in text and "~" in text)
        return self._words[text]


def digest(manager: Any, inventory: Any, names: Set[str]) -> Optional[str]:
    """Return a digest of the values of the variables NAMES on all hosts; None if they are not known.

    Values from files and from the command line do not change while Ansible runs. Values set by tasks are in the caches
    of its variable manager.
    """
    try:
        caches = [manager._vars_cache, manager._nonpersistent_fact_cache]
        facts = manager._fact_cache if any(name in names for name in _fact_names(names)) else None
        state = hashlib.sha256()
        for name, group in sorted(inventory.groups.items()):
            _note(state, name, [one.name for one in group.hosts], _those(group.vars, names))
        for name, host in sorted(inventory.hosts.items()):
            values: List[Any] = [_those(host.vars, names)]
            values += [_those(cache.get(name, _NONE), names) for cache in caches]
            if facts is not None:
                values.append(_those(_facts_of(facts, name), names))
            _note(state, name, *values)
    except AttributeError:
        return None
    return state.hexdigest()


def _note(state: Any, *values: Any) -> None:
    state.update(repr(values).encode(errors="surrogatepass"))


def _those(variables: Mapping[str, Any], names: Set[str]) -> List[Any]:
    if len(variables) < len(names):
        return [(name, value) for name, value in sorted(variables.items()) if name in names]
    return [(name, variables[name]) for name in sorted(names) if name in variables]


def _fact_names(names: Set[str]) -> Iterator[str]:
    return (name for name in names if name == _FACTS or (name.startswith("ansible_") and name not in _CONNECTION))


def _facts_of(cache: Any, host: str) -> Dict[str, Any]:
    """Return the facts of HOST by their names, with and without the prefix."""
    try:
        facts = cache.get(host)
    except KeyError:
        facts = None
    short = {name[8:] if name.startswith("ansible_") else name: value for name, value in (facts or {}).items()}
    return {**short, **{f"ansible_{name}": value for name, value in short.items()}}


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in VALUE, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(key)
            yield from _texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)
