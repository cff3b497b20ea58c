# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run is about to change, written before it starts, so that the next run can finish an interrupted one."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Callable, FrozenSet, Mapping, NamedTuple

from ..model.codec import from_json, to_json
from ..model.errors import CnmError, StoreDamaged
from ..model.value import field, value
from ..private_files import read_private, remove_private, write_private
from ..resources.kinds import Element
from ..resources.link import LinkKey
from ..resources.resource import Key


class Unit(NamedTuple):
    """What is reconciled as a whole."""

    kind: str
    """``network``, ``sandbox``; ``reported`` for what an agent reports of an endpoint; ``names`` for the names that a
    sandbox sees, ``dns`` for those of a network; ``host`` for what all networks need."""
    id: str
    """The object's id; for kind ``host``, which of the host's units it is."""


class Setting(NamedTuple):
    """A kernel setting of the host that we have changed."""

    original: str
    """The value that it had before us."""
    unit: Unit
    """What needs another value."""


@value
class Intent:
    """The objects and the things on the host that a run is about to change."""

    units: FrozenSet[Unit] = field(default_factory=frozenset)
    keys: FrozenSet[Key] = field(default_factory=frozenset)
    lent: FrozenSet[Key] = field(default_factory=frozenset)
    """Adopted links, which are released and not removed."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """The host's kernel settings that are changed, by name."""
    published: FrozenSet[Element] = field(default_factory=frozenset)
    """Firewall elements that lead the packets of published ports, before and after."""


_KINDS = ("network", "endpoint", "sandbox", "reported", "names", "dns", "host")


def _checked(intent: Intent, named: Callable[[Key], Key]) -> Intent:
    """Return INTENT with named keys.

    :raises ValueError: if it names an object or a resource that is not possible
    """
    for unit in (*intent.units, *(setting.unit for setting in intent.settings.values())):
        if unit.kind not in _KINDS:
            raise ValueError(f"there is no kind of object '{unit.kind}'")
    for element in intent.published:
        named(element.key)
    lent = frozenset(map(named, intent.lent))
    for key in lent:
        if not isinstance(key, LinkKey):
            raise ValueError(f"{list(key)!r} names no link")
    return replace(intent, keys=frozenset(map(named, intent.keys)), lent=lent)


def read(folder: str, named: Callable[[Key], Key]) -> Intent:
    """Return what an interrupted run has left to do.

    :param named: returns the parts of a key as the key of a resource, or raises ValueError
    """
    path = os.path.join(folder, "intent.json")
    try:
        data = json.loads(read_private(path))
        # Versions of cnm.linux with stores of version 1 wrote an element as a list of its fields.
        data["published"] = [
            dict(zip(("set", "entry", "value"), each)) if isinstance(each, list) else each for each in data["published"]
        ]
        return _checked(from_json(Intent, data), named)
    except FileNotFoundError:
        return Intent()
    except OSError as error:
        raise StoreDamaged(f"The file '{path}' cannot be read: {error.strerror}. Move it away.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreDamaged(
            f"The file '{path}', which records the unfinished changes of an earlier run, is damaged ({error}). It was "
            "left as it is. Move it away and run your playbook again; objects that the earlier run had partly made "
            "may remain on the host."
        ) from error


def write(folder: str, intent: Intent) -> None:
    """Write INTENT atomically: if we are killed, the file is complete or does not exist.

    :raises CnmError: if it cannot be written
    """
    path = os.path.join(folder, "intent.json")
    try:
        write_private(path, json.dumps(to_json(intent)).encode(), durable=True)
    except OSError as error:
        raise CnmError(f"The file '{path}' cannot be written: {error.strerror}.") from error


def clear(folder: str) -> None:
    """Note that nothing is left to do, and remove a file that an interrupted run had partly written.

    :raises CnmError: if that cannot be noted
    """
    try:
        remove_private(os.path.join(folder, "intent.json"))
    except OSError as error:
        raise CnmError(
            f"The file '{error.filename}', which records the changes in progress, cannot be removed: {error.strerror}."
        ) from error
