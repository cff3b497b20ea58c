# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and writes keys."""

from __future__ import annotations

from contextlib import suppress
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

from . import transaction
from .cluster import Cluster
from .entries import Entry, Keys, after
from .errors import LeaseGone, Refused
from .settings import Settings
from .transaction import LARGEST, Condition, Operation, Outcome, Put

PART = 1000
"""How many keys are read at once."""
_OUT_OF_RANGE = 11
"""The code of gRPC for a revision that was compacted."""


class Listing(NamedTuple):
    """What there is at a revision of the store."""

    revision: int
    entries: List[Entry]


class Client:
    """A client that sees the keys below its prefix, and names them without it.

    One thread uses it at a time; each thread that must not wait for another has its own. All methods raise Unavailable
    and Refused. Reads are linearizable: they see what was written before, by whichever member.
    """

    def __init__(self, settings: Settings) -> None:
        """Create it with SETTINGS. It connects when it is used.

        :raises OSError: if a certificate or a key cannot be read
        """
        self.cluster = Cluster(settings)
        self.keys = Keys(settings.prefix)

    def get(self, key: str) -> Optional[Entry]:
        """Return KEY; None if it does not exist."""
        key_values = self.cluster.ask("kv/range", self.keys.one(key)).get("kvs", [])
        return self.keys.entry(key_values[0]) if key_values else None

    def list(self, key: str) -> Listing:
        """Return all keys that begin with KEY, sorted.

        They are read in parts: a busy etcd would not answer with tens of thousands in the time that a member has, and
        each attempt would make it busier.
        """
        while True:
            try:
                return self._list(self.keys.below(key))
            except Refused as error:
                # The revision was compacted between two parts.
                if error.code != _OUT_OF_RANGE:
                    raise

    def _list(self, range_: Mapping[str, str]) -> Listing:
        entries: List[Entry] = []
        asked: Dict[str, str] = {**range_, "limit": str(PART)}
        while True:
            answer = self.cluster.ask("kv/range", asked)
            key_values = answer.get("kvs", [])
            entries += map(self.keys.entry, key_values)
            asked.setdefault("revision", answer["header"]["revision"])
            if not answer.get("more"):
                return Listing(int(asked["revision"]), entries)
            asked["key"] = after(key_values[-1]["key"])

    def put(self, key: str, value: bytes, lease: int = 0) -> int:
        """Write KEY; return the revision.

        If a member is slow, the same request goes to another one, and the first may write VALUE again later. Use a
        transaction with the condition ``Unchanged`` where it could overwrite something newer.

        :param lease: the key disappears with it; 0 for none
        :raises LeaseGone: if LEASE does not exist
        """
        answer = self.cluster.ask("kv/put", transaction.put(self.keys, Put(key, value, lease)))
        return int(answer["header"]["revision"])

    def transaction(
        self, conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        """Do THEN if all CONDITIONS are true, or else OTHERWISE. Others see all of it or nothing.

        An attempt whose answer was lost may have been carried out, and makes the conditions of the next one false. So
        OTHERWISE has to read what tells whether THEN has happened.

        :raises ValueError: if there are more conditions or operations than etcd admits
        :raises LeaseGone: if the lease of an operation does not exist
        """
        compares = [one for each in conditions for one in transaction.compares(self.keys, each)]
        for what, members in (("conditions", compares), ("operations", then), ("operations", otherwise)):
            if len(members) > LARGEST:
                raise ValueError(
                    f"{len(members)} {what} are too many for one transaction of etcd: {LARGEST} are possible."
                )
        body = {
            "compare": compares,
            "success": [transaction.operation(self.keys, each) for each in then],
            "failure": [transaction.operation(self.keys, each) for each in otherwise],
        }
        return transaction.outcome(self.keys, self.cluster.ask("kv/txn", body))

    def grant(self, seconds: int) -> int:
        """Return a new lease, which expires if it is not kept alive for SECONDS. etcd removes its keys then."""
        return int(self.cluster.ask("lease/grant", {"TTL": str(seconds)})["ID"])

    def keep_alive(self, lease: int) -> int:
        """Let LEASE begin again; return in how many seconds it expires.

        :raises LeaseGone: if it does not exist
        """
        # etcd does not refuse a lease that does not exist: the field is missing.
        left = int(self.cluster.ask("lease/keepalive", {"ID": str(lease)})["result"].get("TTL", 0))
        if left <= 0:
            raise LeaseGone("The lease has expired.")
        return left

    def revoke(self, lease: int) -> None:
        """Remove LEASE and its keys, if it exists."""
        # An attempt whose answer was lost may have removed it.
        with suppress(LeaseGone):
            self.cluster.ask("lease/revoke", {"ID": str(lease)})

    def close(self) -> None:
        """Close the connections."""
        self.cluster.close()
