# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host can hold, how two resources compare, and the order in which they are made and removed.

A resource is a value. Its key says which thing on the host it is, and the other fields describe its wanted or present
state. A field that is None is left as it is on the host. Wanted and present resources have the same type, so they can
be compared.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar, Dict, Iterable, List, Optional, Tuple, Type, TypeVar

from ..model.value import value

Key = Tuple[str, ...]
"""Identifies a thing on a host: the kind of resource first, then what distinguishes it from others of that kind.

Each kind has a NamedTuple of its own, which names these parts.
"""

_Kind = TypeVar("_Kind")

HOST = ""
"""The network namespace that we run in. Other namespaces are given by their path."""

TABLE, DOCKER_USER, NAMING = "table", "docker-user", "naming"
"""Subsystems, see Resource.subsystem."""
FIREWALL = (TABLE, DOCKER_USER)
"""Subsystems of rules: programs read them, and they stay when their unit is left out."""

EVERYTHING, NETWORK = "everything", "network"
"""What may depend on a resource, see Resource.bearing."""


def where(namespace: str) -> str:
    """Return what to append to a name if the thing is in a NAMESPACE other than the host's."""
    return f" in '{namespace}'" if namespace else ""


@value
class Resource:
    """One thing that a host can hold."""

    kind: ClassVar[str] = ""
    rank: ClassVar[int] = 0
    """Resources of lower rank are made first and removed last."""
    key_class: ClassVar[Type[Any]]
    """The NamedTuple of its keys."""
    subsystem: ClassVar[str] = ""
    """``table`` for what is in our nft table, ``docker-user`` for our rules in Docker's chain, ``naming`` for what a
    network can be without."""
    bearing: ClassVar[str] = ""
    """What may lose something when this is made: ``everything``, or everything on the same ``network``."""
    renewed: ClassVar[bool] = False
    """Whether this is created again when its sandbox is."""
    ignored: ClassVar[Tuple[str, ...]] = ()
    """Fields that say how to treat the thing, and are not its properties."""
    immutable: ClassVar[Tuple[str, ...]] = ()
    """Fields that the kernel cannot change in place: for another value, the thing is removed and created again."""
    implied: ClassVar[Tuple[str, ...]] = ()
    """Fields that --diff does not show, because the name contains them, or because they are equal for all of ours."""

    def __init_subclass__(cls) -> None:
        if cls.kind:
            KINDS[cls.kind] = cls

    @property
    def key(self) -> Key:
        """Which thing on the host this is."""
        raise NotImplementedError

    @property
    def turn(self) -> Tuple[bool, ...]:
        """When this is made among those of its rank: the lower first."""
        return ()

    @property
    def outlasts(self) -> bool:
        """Whether this is removed after everything else, because it protects what is still there."""
        return False

    @property
    def within(self) -> Tuple[Key, ...]:
        """The things that this one is created and removed with."""
        return ()

    @property
    def goes_with_parent(self) -> bool:
        """Whether the kernel removes this by itself, at once, with any of the things it is within."""
        return True

    def satisfied_by(self, present: "Resource") -> bool:
        """Whether PRESENT, read from the host, is as this resource wants it."""
        if self == present:
            return True
        return all(
            getattr(self, field.name) is None or getattr(self, field.name) == getattr(present, field.name)
            for field in fields(self)
            if field.name not in self.ignored
        )

    @property
    def foreign(self) -> bool:
        """Whether this, read from the host, was made by somebody else."""
        return False

    @property
    def removable(self) -> bool:
        """Whether this can be absent, unlike a kernel setting, which always has a value."""
        return True

    @property
    def adopted(self) -> bool:
        """Whether this, wanted, was adopted from somebody else: it is neither made nor removed by us."""
        return False

    def released(self) -> Optional["Resource"]:
        """Return the state in which to release this adopted thing; None to leave it as it is."""
        return None

    def forgets(self, after: "Resource") -> bool:
        """Whether the kernel forgets what is on this, when it is changed in place to AFTER."""
        return False

    @property
    def host_end(self) -> Optional[Key]:
        """The key under which the host may have a part of this that its other part, in a sandbox, does not lead to."""
        return None

    @property
    def needs_ipv6(self) -> bool:
        """Whether a host without IPv6 may lack this."""
        return False

    @property
    def shows_in(self) -> Tuple[str, ...]:
        """The subsystems that are not as they were read before, when this has been made, changed or removed."""
        return (self.subsystem,)

    @property
    def rests_on_adopted(self) -> bool:
        """Whether this cannot be made if what its network or sandbox has adopted is missing."""
        return True

    def unannounced(self) -> "Resource":
        """Return this without an announcement to other hosts."""
        return self

    def apart_from_hosts(self) -> "Resource":
        """Return this in a form in which it does not reach other hosts."""
        return self

    @property
    def text_file(self) -> str:
        """The path if this is a text file, of which --diff shows the lines of ``text``; empty otherwise."""
        return ""

    @property
    def shown(self) -> str:
        """The line that --diff shows."""
        shown = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in (*self.implied, *self.ignored) and getattr(self, field.name) not in (None, *self.key)
        }
        details = ", ".join(f"{name} {value}" for name, value in shown.items())
        return f"{self}: {details}" if details else str(self)


KINDS: Dict[str, Type[Resource]] = {}
"""The kinds of resources whose files have been loaded, by name."""


def kind_of(key: Any) -> Type[Resource]:
    """Return the class of the resources with keys such as KEY."""
    return KINDS[key.kind]


def namespace_of(key: Any) -> str:
    """Return the network namespace of the thing with KEY, which is in one."""
    namespace: str = key.namespace
    return namespace


def only(kind: Type[_Kind], items: Iterable[object]) -> List[_Kind]:
    """Return those of ITEMS, resources or keys, that are of KIND."""
    return [item for item in items if isinstance(item, kind)]


def named(parts: Key) -> Key:
    """Return PARTS as a key of their kind, which has been loaded.

    :raises ValueError: if they cannot be a key of it
    """
    try:
        if not any("\0" in part for part in parts):
            key: Key = KINDS[parts[0]].key_class(*parts)
            return key
    except (IndexError, KeyError, TypeError):
        pass
    raise ValueError(f"{list(parts)!r} names no resource")


@value
class Obstacle(Resource):
    """Something in the place of a resource that cannot be read or changed."""

    place: Key
    """The key of that resource."""
    reason: str

    @property
    def key(self) -> Key:
        return self.place
