# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run is about to touch, written down before it does, so that the next run can finish it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import FrozenSet, Mapping, NamedTuple, Tuple

from ..errors import StoreDamaged
from ..resources import Key

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


def read(folder: str) -> Intent:
    """Return what a run that did not come to its end has left to do."""
    path = os.path.join(folder, "intent.json")
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        return Intent(
            frozenset((kind, identifier) for kind, identifier in data["units"]),
            frozenset(tuple(key) for key in data["keys"]),
            frozenset(tuple(key) for key in data["lent"]),
            {name: Setting(original, (kind, unit)) for name, (original, (kind, unit)) in data["settings"].items()},
        )
    except FileNotFoundError:
        return Intent()
    except (ValueError, KeyError, TypeError) as error:
        raise StoreDamaged(
            f"The file '{path}', which says what an earlier run has left to do, is damaged ({error}). It was left as "
            "it is. Move it away and run your playbook again; what that run had half made may remain on the host."
        ) from error


def write(folder: str, intent: Intent) -> None:
    """Write INTENT so that it is whole or not there at all, whenever we are killed."""
    path = os.path.join(folder, "intent.json")
    descriptor = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        data = {
            "units": sorted(intent.units),
            "keys": sorted(intent.keys),
            "lent": sorted(intent.lent),
            "settings": dict(intent.settings),
        }
        file.write(json.dumps(data))
        file.flush()
        os.fsync(descriptor)
    os.replace(f"{path}.new", path)


def clear(folder: str) -> None:
    """Note that nothing is left to do."""
    try:
        os.unlink(os.path.join(folder, "intent.json"))
    except FileNotFoundError:
        return
