# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of a pretended etcd, behind the methods of the client."""

from __future__ import annotations

import importlib


class PretendEtcd:
    """A client of itself. Tests set whether it answers."""

    def __init__(self, core="ansible_collections.cnm.linux.plugins.module_utils._cnm"):
        """Create it for the core that is imported under the name CORE."""
        self._modules = {
            name: importlib.import_module(f"{core}.etcd.{name}")
            for name in ("client", "connection", "entries", "errors", "transaction")
        }
        self.entries = {}
        self.revision = 1
        self.is_down = False
        self.asked = 0
        self.before_write = lambda: None
        """Called before each transaction that writes, when another host may be faster."""
        self.after_list = lambda _key: None
        """Called after each list of the keys that begin with one."""
        self.lose_answer = False
        """Whether the next write is done, but not answered."""

    def install(self, monkeypatch, host=""):
        """Let runs use it; the other hosts call this one HOST."""
        monkeypatch.setattr(self._modules["connection"], "_client", lambda _why, _brief: (host, self))

    def values(self, prefix=""):
        """Return the values of the keys that begin with PREFIX, as text, without those that each claim changes."""
        pairs = ((key, entry) for key, entry in sorted(self.entries.items()) if not key.startswith("hosts/"))
        return {key[len(prefix) :]: entry.value.decode() for key, entry in pairs if key.startswith(prefix)}

    def put(self, key, value):
        self._answer()
        self._write([self._modules["transaction"].Put(key, value)])

    def get(self, key):
        self._answer()
        return self.entries.get(key)

    def list(self, key):
        self._answer()
        entries = [entry for name, entry in sorted(self.entries.items()) if name.startswith(key)]
        listing = self._modules["client"].Listing(self.revision, entries)
        self.after_list(key)
        return listing

    def transaction(self, conditions, then, otherwise=()):
        self._answer()
        names = self._modules["transaction"]
        writes = [each for each in then if not isinstance(each, names.Get)]
        if writes:
            self.before_write()
        if max(map(len, (conditions, then, otherwise))) > names.LARGEST:
            raise ValueError("too many")
        succeeded = all(map(self._holds, conditions))
        asked = [each.key for each in (then if succeeded else otherwise) if isinstance(each, names.Get)]
        entries = [self.entries[key] for key in asked if key in self.entries]
        if succeeded and writes:
            self._write([each for each in writes if isinstance(each, names.Put)])
            self._remove([each.key for each in writes if isinstance(each, names.Delete) and each.key in self.entries])
        if writes and self.lose_answer:
            self.lose_answer = False
            raise self._modules["errors"].Unavailable("The answer was lost.")
        return names.Outcome(succeeded, self.revision, entries)

    def close(self):
        """Do nothing."""

    def _holds(self, condition):
        names = self._modules["transaction"]
        if isinstance(condition, names.Absent):
            return condition.key not in self.entries
        if isinstance(condition, names.Unchanged):
            entry = self.entries.get(condition.key)
            return (entry.revision if entry is not None else 0) == condition.revision
        return not any(key.startswith(condition.key) and key != condition.but for key in self.entries)

    def _answer(self):
        self.asked += 1
        if self.is_down:
            raise self._modules["errors"].Unavailable("No member has answered.")

    def _write(self, puts):
        self.revision += bool(puts)
        for each in puts:
            before = self.entries.get(each.key)
            created = before.created if before is not None else self.revision
            self.entries[each.key] = self._modules["entries"].Entry(
                each.key, each.value, self.revision, created, each.lease
            )

    def _remove(self, keys):
        self.revision += bool(keys)
        for key in keys:
            del self.entries[key]
