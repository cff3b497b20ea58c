# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run is about to touch, written down before it does, so that the next run can finish it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, FrozenSet, Mapping, NamedTuple, Sequence, Tuple

from ..model.errors import CnmError, StoreDamaged
from ..private_files import create_private, open_private
from ..resources.kinds import Address, Element, File, ForwardAccept, Key, Link, Namespace, Route, Ruleset, Sysctl

Unit = Tuple[str, str]
"""A kind of object and its id: what is reconciled as a whole."""


class Setting(NamedTuple):
    """A kernel setting of the host that we have changed."""

    original: str
    """The value that it had before us."""
    unit: Unit
    """What needs it to be otherwise."""


@dataclass(frozen=True)
class Intent:
    """The objects and the things on the host that a run is about to change."""

    units: FrozenSet[Unit] = field(default_factory=frozenset)
    keys: FrozenSet[Key] = field(default_factory=frozenset)
    lent: FrozenSet[Key] = field(default_factory=frozenset)
    """Adopted links, which are let go and not removed."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """The host's kernel settings that are changed, by name."""
    published: FrozenSet[Element] = field(default_factory=frozenset)
    """What said where the packets of published ports go, before and after."""


_UNITS = ("network", "endpoint", "sandbox", "names", "host")
_LENGTHS = {
    Ruleset.kind: 1,
    Element.kind: 3,
    ForwardAccept.kind: 2,
    Namespace.kind: 2,
    Link.kind: 3,
    Sysctl.kind: 3,
    Address.kind: 4,
    Route.kind: 3,
    File.kind: 2,
    "forwarding": 5,
    "neighbour": 4,
    "records": 2,
    "name-server": 2,
}
"""Of the keys of each kind of resource; the last four are named, as few hosts need their files."""


def _texts(found: Sequence[Any]) -> Tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(part, str) and "\0" not in part for part in found):
        raise ValueError(f"{found!r} is not a list of texts")
    return tuple(found)


def _unit(found: Sequence[Any]) -> Unit:
    kind, identifier = _texts(found)
    if kind not in _UNITS:
        raise ValueError(f"there is no kind of object '{kind}'")
    return kind, identifier


def _key(found: Sequence[Any], *kinds: str) -> Key:
    key = _texts(found)
    if not key or _LENGTHS.get(key[0]) != len(key) or (kinds and key[0] not in kinds):
        raise ValueError(f"{found!r} names no resource")
    return key


def read(folder: str) -> Intent:
    """Return what a run that did not come to its end has left to do."""
    path = os.path.join(folder, "intent.json")
    try:
        with os.fdopen(open_private(path), encoding="utf-8") as file:
            data = json.load(file)
        return Intent(
            frozenset(_unit(unit) for unit in data["units"]),
            frozenset(_key(key) for key in data["keys"]),
            frozenset(_key(key, Link.kind) for key in data["lent"]),
            {str(name): Setting(str(original), _unit(unit)) for name, (original, unit) in data["settings"].items()},
            frozenset(Element(*_texts(fields)) for fields in data["published"]),
        )
    except FileNotFoundError:
        return Intent()
    except OSError as error:
        raise StoreDamaged(f"The file '{path}' cannot be read: {error.strerror}. Move it away.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreDamaged(
            f"The file '{path}', which says what an earlier run has left to do, is damaged ({error}). It was left as "
            "it is. Move it away and run your playbook again; what that run had half made may remain on the host."
        ) from error


def write(folder: str, intent: Intent) -> None:
    """Write INTENT so that it is whole or not there at all, whenever we are killed.

    :raises CnmError: if it cannot be written
    """
    path = os.path.join(folder, "intent.json")
    try:
        _write(path, intent)
    except OSError as error:
        with suppress(OSError):
            os.unlink(f"{path}.new")
        raise CnmError(f"The file '{path}' cannot be written: {error.strerror}.") from error


def _write(path: str, intent: Intent) -> None:
    descriptor = create_private(f"{path}.new")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        data = {
            "units": sorted(intent.units),
            "keys": sorted(intent.keys),
            "lent": sorted(intent.lent),
            "settings": dict(intent.settings),
            "published": sorted((one.set, one.entry, one.value) for one in intent.published),
        }
        file.write(json.dumps(data))
        file.flush()
        os.fsync(descriptor)
    os.replace(f"{path}.new", path)


def clear(folder: str) -> None:
    """Note that nothing is left to do; what a run that was killed had written only in part goes as well.

    :raises CnmError: if that cannot be noted
    """
    for name in ("intent.json", "intent.json.new"):
        path = os.path.join(folder, name)
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CnmError(
                f"The file '{path}', which says what was to be done, cannot be removed: {error.strerror}."
            ) from error
