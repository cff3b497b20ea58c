# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transaction consists of."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Union

from .entries import Entry, Keys, packed

LARGEST = 128
"""How many conditions, and how many operations, a transaction can have (etcd's default of ``--max-txn-ops``)."""


class Absent(NamedTuple):
    """The condition that KEY does not exist."""

    key: str


class Unchanged(NamedTuple):
    """The condition that KEY was written last at REVISION."""

    key: str
    revision: int


class NoneBelow(NamedTuple):
    """The condition that no key begins with KEY, other than BUT."""

    key: str
    but: str = ""


class Get(NamedTuple):
    """Read KEY."""

    key: str


class Put(NamedTuple):
    """Write KEY. It disappears with LEASE, unless that is 0."""

    key: str
    value: bytes
    lease: int = 0


class Delete(NamedTuple):
    """Remove KEY, if it exists."""

    key: str


Condition = Union[Absent, Unchanged, NoneBelow]
Operation = Union[Get, Put, Delete]


class Outcome(NamedTuple):
    """What a transaction has done."""

    succeeded: bool
    """Whether all conditions were true."""
    revision: int
    found: List[Entry]
    """What its reads have found; a key that does not exist is missing."""


class Batch(NamedTuple):
    """What is written if all conditions are true."""

    conditions: List[Condition]
    puts: List[Put]


def compares(keys: Keys, each: Condition) -> List[Dict[str, Any]]:
    """Return EACH as Compares of etcd."""
    if isinstance(each, Unchanged):
        return [{**keys.one(each.key), "target": "MOD", "mod_revision": str(each.revision)}]
    # A key that does not exist has the revision 0, and so has a range without keys.
    ranges = [keys.one(each.key)] if isinstance(each, Absent) else keys.below_but(each.key, each.but)
    return [{**one, "target": "CREATE", "create_revision": "0"} for one in ranges]


def put(keys: Keys, each: Put) -> Dict[str, Any]:
    """Return EACH as a PutRequest of etcd."""
    return {**keys.one(each.key), "value": packed(each.value), "lease": str(each.lease)}


def operation(keys: Keys, each: Operation) -> Dict[str, Any]:
    """Return EACH as a RequestOp of etcd."""
    if isinstance(each, Put):
        return {"request_put": put(keys, each)}
    if isinstance(each, Delete):
        return {"request_delete_range": keys.one(each.key)}
    return {"request_range": keys.one(each.key)}


def outcome(keys: Keys, answer: Dict[str, Any]) -> Outcome:
    """Return ANSWER, a TxnResponse of etcd."""
    ranges = (each.get("response_range", {}) for each in answer.get("responses", []))
    entries = [keys.entry(each) for one in ranges for each in one.get("kvs", [])]
    return Outcome(answer.get("succeeded", False), int(answer["header"]["revision"]), entries)
