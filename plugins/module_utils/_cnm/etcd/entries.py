# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys and values, and the form that they have in etcd's JSON."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any, Dict, List, Mapping, NamedTuple


class Entry(NamedTuple):
    """A key with its value."""

    key: str
    value: bytes
    revision: int
    """The revision of the store that has written it last."""
    created: int
    """The revision that has created it."""
    lease: int
    """The lease with which it disappears; 0 for none."""


class Removed(NamedTuple):
    """A key that was removed, or whose lease has expired."""

    key: str
    revision: int


class Keys:
    """Our keys, which begin with a prefix in etcd."""

    def __init__(self, prefix: str) -> None:
        self._prefix = _bytes(prefix)

    def one(self, key: str) -> Dict[str, str]:
        """Return the fields for KEY alone."""
        return {"key": packed(self._prefix + _bytes(key))}

    def below(self, key: str) -> Dict[str, str]:
        """Return the fields for all keys that begin with KEY."""
        first = self._prefix + _bytes(key)
        # The last byte of UTF-8 is never 255.
        return {"key": packed(first), "range_end": packed(first[:-1] + bytes([first[-1] + 1]))}

    def below_but(self, key: str, but: str) -> List[Dict[str, str]]:
        """Return the fields for all keys that begin with KEY, other than BUT."""
        whole = self.below(key)
        if not but:
            return [whole]
        apart = self._prefix + _bytes(but)
        return [{**whole, "range_end": packed(apart)}, {**whole, "key": packed(apart + b"\0")}]

    def name(self, key_value: Mapping[str, Any]) -> str:
        """Return the key in KEY_VALUE, a KeyValue of etcd."""
        return b64decode(key_value["key"])[len(self._prefix) :].decode(errors="surrogateescape")

    def entry(self, key_value: Mapping[str, Any]) -> Entry:
        """Return the entry in KEY_VALUE, a KeyValue of etcd."""
        return Entry(
            self.name(key_value),
            b64decode(key_value.get("value", "")),
            int(key_value["mod_revision"]),
            int(key_value["create_revision"]),
            int(key_value.get("lease", 0)),
        )


def after(key: str) -> str:
    """Return the first key after KEY, both as they are in JSON."""
    return packed(b64decode(key) + b"\0")


def packed(data: bytes) -> str:
    """Return DATA as it is in JSON."""
    return b64encode(data).decode()


def _bytes(key: str) -> bytes:
    return key.encode(errors="surrogateescape")
