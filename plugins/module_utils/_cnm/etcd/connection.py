# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run reads and writes in etcd."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..model.errors import CnmError
from . import layout
from .claims import claim, renew
from .client import Client
from .entries import Entry
from .errors import EtcdError
from .settings_file import PATH, read
from .transaction import LARGEST, Batch, Delete, Get, NoneBelow, Unchanged

_BRIEF = 1.0
"""Seconds for what can be made up later."""


class EtcdFails(CnmError):
    """What hosts share cannot be read or written."""


class Connection:
    """Reads each key once. After a failure, each further request fails at once."""

    def __init__(self, why: str, brief: bool = False) -> None:
        """Use the etcd that the settings of this host describe.

        :param why: the beginning of a message if that fails, such as what needs it
        :param brief: whether to give up soon if it does not answer
        :raises EtcdFails: if the settings cannot be used
        """
        self.why = why
        self.host, self._client = _client(why, brief)
        self._known: Dict[str, Optional[Entry]] = {}
        self._lists: Dict[str, Dict[str, Entry]] = {}
        self._failure: Optional[EtcdFails] = None

    def get(self, keys: Sequence[str]) -> Dict[str, Entry]:
        """Return those of KEYS that exist.

        :raises EtcdFails: if etcd does not answer
        """
        missing = [key for key in keys if key not in self._known]
        for first in range(0, len(missing), LARGEST):
            asked = missing[first : first + LARGEST]
            with self._explained():
                entries = self._client.transaction([], list(map(Get, asked))).found
            self._known.update(dict.fromkeys(asked))
            self._known.update({each.key: each for each in entries})
        known = ((key, self._known[key]) for key in keys)
        return {key: entry for key, entry in known if entry is not None}

    def below(self, key: str) -> Mapping[str, Entry]:
        """Return the keys that begin with KEY.

        :raises EtcdFails: if etcd does not answer
        """
        if key not in self._lists:
            with self._explained():
                self._lists[key] = {each.key: each for each in self._client.list(key).entries}
        return self._lists[key]

    def claim(self, batch: Batch, host: str) -> bool:
        """Write BATCH for HOST; return whether its conditions were true.

        :raises EtcdFails: if etcd does not answer; it may have been written, or may be later
        """
        with self._explained():
            return claim(self._client, batch, layout.host(host))

    def release(self, values: Mapping[str, str]) -> List[str]:
        """Remove the keys that have these VALUES; return those for which etcd has answered.

        With its last host, a network is removed. The key of a host is changed, and before all others are looked at.
        """
        done: List[str] = []
        try:
            for key, value in sorted(values.items(), key=lambda pair: not pair[0].startswith(layout.HOSTS)):
                if key.startswith(layout.HOSTS):
                    renew(self._client, key)
                    done.append(key)
                    continue
                entry = self._client.get(key)
                if entry is not None and entry.value == value.encode():
                    self._client.transaction([Unchanged(key, entry.revision)], [Delete(key)])
                network = layout.network_of_member(key)
                if network:
                    nobody = NoneBelow(layout.members(network))
                    self._client.transaction([nobody], [Delete(layout.definition(network))])
                done.append(key)
        except EtcdError:
            # What is left is tried again later.
            pass
        return done

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        if self._failure is not None:
            raise self._failure
        try:
            yield
        except EtcdError as error:
            self._failure = EtcdFails(f"{self.why}. {error}")
            raise self._failure from error


def _client(why: str, brief: bool) -> Tuple[str, Client]:
    """Return what the other hosts call this one, empty if that is its address, and a client."""
    if not os.path.exists(PATH):
        raise EtcdFails(
            f"{why}, and '{PATH}', which says how to reach it, does not exist. The role cnm.linux.etcd writes it."
        )
    try:
        settings = read(PATH)
    except CnmError as error:
        raise EtcdFails(f"{why}. {error}") from error
    return settings.host, Client(replace(settings.etcd, patience=_BRIEF) if brief else settings.etcd)
