# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, ids, and finding an object by either."""

from __future__ import annotations

import hashlib
import re
from typing import Iterable, Optional, Protocol, TypeVar

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
_ID = re.compile(r"[0-9a-f]{64}")
_LABEL = re.compile(r"(?!-)[a-zA-Z0-9_-]{1,63}(?<!-)")
_DEVICE = re.compile(r"[a-zA-Z0-9_@.=~^,-]{1,15}")
"""The kernel accepts any byte except white space, '/' and ':'. Characters with a meaning to iptables, nft, shells or
terminals are left out."""
_KERNELS_OWN = (".", "..", "all", "default", "lo")
"""Names that a new interface cannot have, or whose settings would be those of all interfaces (devinet.c)."""


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
    """Return NAME if it is valid for an object.

    :raises ValueError: if it is not
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"'{name}' is not a valid name: 1 to 63 letters, digits, '_', '.' and '-', the first a letter or a digit."
        )
    return name


def is_text(name: str) -> bool:
    """Say whether NAME can be stored, which half of a surrogate pair cannot."""
    try:
        name.encode()
        return True
    except UnicodeEncodeError:
        return False


def check_reference(text: str) -> str:
    """Return TEXT if it is a valid name or a whole id.

    :raises ValueError: if it is neither
    """
    return text if is_id(text) else check_name(text)


def is_id(text: str) -> bool:
    """Say whether TEXT is a whole id; no name is that long."""
    return bool(_ID.fullmatch(text))


def check_hostname(name: str) -> str:
    """Return NAME if it is valid in a hosts file (RFC 1123, with underscores, as Docker allows them).

    :raises ValueError: if it is not
    """
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(f"'{name}' is not a valid host name.")
    return name


def check_alias(name: str) -> str:
    """Return NAME if it is a valid alias of an endpoint.

    :raises ValueError: if it is not
    """
    if name.lower().rpartition(".")[2] == "localhost":
        raise ValueError(f"'{name}' always means the sandbox itself (RFC 6761).")
    return check_hostname(name)


def check_device(name: str) -> str:
    """Return NAME if it is valid for a network interface of ours.

    :raises ValueError: if it is not
    """
    if not _DEVICE.fullmatch(name) or name in _KERNELS_OWN:
        raise ValueError(
            f"'{name}' is not a valid interface name: 1 to 15 letters, digits and '_@.=~^,-', and not one of "
            f"{', '.join(_KERNELS_OWN)}."
        )
    return name


def make_id(*parts: str) -> str:
    """Return the id of the object that PARTS identify: 64 hexadecimal digits, always the same."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def find(candidates: Iterable[T], reference: str) -> Optional[T]:
    """Return the one of CANDIDATES with REFERENCE as its name, id or unique id prefix; None if there is none.

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
