# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, ids, and finding an object by either."""

from __future__ import annotations

import hashlib
import re
from typing import Iterable, Optional, Protocol, TypeVar

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
_LABEL = re.compile(r"(?!-)[a-zA-Z0-9_-]{1,63}(?<!-)")
_DEVICE = re.compile(r"[!-~]{1,15}")
_NO_DEVICE = frozenset('/:%"\\*')
"""What neither the kernel, nor nft, nor a path below /proc/sys/net takes in the name of an interface."""


class Named(Protocol):
    """What can be found by name or id."""

    @property
    def id(self) -> str:
        """64 hexadecimal digits."""

    @property
    def name(self) -> str:
        """What users call it."""


T = TypeVar("T", bound=Named)


def check_name(name: str) -> str:
    """Return NAME if an object may be called so.

    :raises ValueError: if it may not
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"'{name}' is no valid name: 1 to 63 letters, digits, '_', '.' and '-', the first a letter or a digit."
        )
    return name


def check_hostname(name: str) -> str:
    """Return NAME if it may stand in a hosts file (RFC 1123, and underscores, as Docker allows them).

    :raises ValueError: if it may not
    """
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(f"'{name}' is no host name.")
    return name


def check_device(name: str) -> str:
    """Return NAME if a network interface may be called so (the kernel's dev_valid_name).

    :raises ValueError: if it may not
    """
    if not _DEVICE.fullmatch(name) or _NO_DEVICE.intersection(name) or name in (".", "..", "all", "default", "lo"):
        raise ValueError(
            f"'{name}' is no valid interface name: 1 to 15 ASCII characters, no space and none of / : % \" \\ *, "
            "and not 'all', 'default' or 'lo'."
        )
    return name


def make_id(*parts: str) -> str:
    """Return the id of what PARTS identify: 64 hexadecimal digits, the same ones each time."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def find(candidates: Iterable[T], reference: str) -> Optional[T]:
    """Return the one of CANDIDATES whose name, id or unique id prefix REFERENCE is; None if there is none.

    :raises ValueError: if several ids begin with it
    """
    prefixed = []
    for candidate in candidates:
        if reference in (candidate.name, candidate.id):
            return candidate
        if reference and candidate.id.startswith(reference):
            prefixed.append(candidate)
    if len(prefixed) > 1:
        names = ", ".join(f"'{candidate.name}'" for candidate in prefixed)
        raise ValueError(f"'{reference}' is ambiguous: the ids of {names} begin with it. Give more of the id.")
    return prefixed[0] if prefixed else None
