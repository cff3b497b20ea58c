# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run opens the store: to read it, or in a transaction, under the lock."""

from __future__ import annotations

import errno
import os
from contextlib import closing, contextmanager
from typing import Callable, Iterator, Optional, Tuple

from .model.errors import CnmError
from .model.network import DEFAULT
from .store import schema
from .store.lock import held
from .store.objects import SqliteStore
from .store.sqlite_connections import SqliteConnections


class Transactions:
    """The transactions of the store in one folder."""

    def __init__(
        self,
        folder: str,
        check: bool,
        predefine: Callable[[SqliteStore], None],
        finish: Callable[[], None],
        patience: float,
        connections: Optional[SqliteConnections],
    ) -> None:
        """Use the store in FOLDER.

        :param check: whether this is check mode, which leaves the store as it is
        :param predefine: called in a transaction of a new store, to write the networks that always exist
        :param finish: called under the lock at the end of each run that may write
        :param patience: seconds to wait for other runs to end
        :param connections: those that this process keeps open
        """
        self._folder = folder
        self._check = check
        self._predefine = predefine
        self._finish = finish
        self._patience = patience
        self._connections = connections

    @contextmanager
    def reading(self) -> Iterator[SqliteStore]:
        """Yield the store as it was committed last, with the networks that always exist."""
        with _descriptors_explained(), schema.explained(self._folder), self._open(write=False) as store:
            store.begin(write=False)
            yield store

    @contextmanager
    def writing(self) -> Iterator[Tuple[SqliteStore, SqliteStore]]:
        """Yield the store in a transaction, and the store as it was before.

        In check mode, the first is a copy in memory of what was committed last, even if another run is writing now.
        """
        if self._check:
            with self.reading() as before, closing(before.copy()) as store:
                store.begin(write=True)
                yield store, before
            return
        with _descriptors_explained():
            schema.close(self._folder)
            with (
                held(self._folder, self._patience),
                schema.explained(self._folder),
                self._open(write=True) as store,
            ):
                before = self._open(write=False, beside=store)
                with closing(before):
                    before.begin(write=False)
                    store.begin(write=True)
                    yield store, before
                    self._finish()

    def _open(self, write: bool, beside: Optional[SqliteStore] = None) -> SqliteStore:
        """Open the store, reusing BESIDE if given. A missing store that is opened read-only is empty."""
        if os.path.exists(schema.path(self._folder)):
            store = SqliteStore.open(self._folder, beside, write or beside is not None, self._connections)
        elif write:
            schema.create(self._folder)
            store = SqliteStore.open(self._folder, connections=self._connections)
        else:
            store = SqliteStore.memory()
        try:
            if beside is None and store.network_named(DEFAULT) is None:
                if not write:
                    with closing(store) as unfinished:
                        store = unfinished.copy()
                store.begin(write=True)
                self._predefine(store)
                store.commit()
        except BaseException:
            store.close()
            raise
        return store


@contextmanager
def _descriptors_explained() -> Iterator[None]:
    """Turn a lack of file descriptors in the block into an error for the user. Even an import can meet it.

    :raises CnmError: if there are too few
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        raise CnmError(
            f"'{error.filename}' could not be opened: {error.strerror}. Raise the limit: 'ulimit -n' of this process, "
            "the sysctl 'fs.file-max' of the host. Then run this again."
        ) from error
