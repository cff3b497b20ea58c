# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The core in the service: a controller for each run, and all of its code from the beginning."""

from __future__ import annotations

import gc
import importlib
import pkgutil
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Optional

from _cnm.controller import Choose, Controller, Groups, Result
from _cnm.kernel.firewall.listings import Listings
from _cnm.kernel.host import Kernel
from _cnm.kernel.rtnl.request import import_classes
from _cnm.kernel.system_calls import give_back_memory
from _cnm.store.objects import SqliteStore
from _cnm.store.sqlite_connections import SqliteConnections
from _cnm.verbs.context import Host

from . import nft

_PACKAGES = ("_cnm", "cnm_engines")
_OF_ANSIBLE = ("_cnm.options", "_cnm.task")
"""The files of the core that need Ansible."""
_OF_ETCD = "_cnm.etcd."
_LISTINGS = Listings(nft.run)
"""What nft and iptables have listed. The state of the rules says whether it still holds."""
_CONNECTIONS = SqliteConnections()


class _Announcing(Controller):
    """A controller that says when a run knows what it has to do, before it touches anything."""

    def __init__(self, announce: Callable[[], None], *arguments: Any, **more: Any) -> None:
        """Create it as a Controller with ARGUMENTS and MORE. What ANNOUNCE raises ends the run."""
        super().__init__(*arguments, **more)
        self._announce = announce
        self._announced = False

    def ensure_chosen(self, choose: Choose) -> Result:
        def chosen(store: SqliteStore, host: Host) -> Optional[Groups]:
            groups = choose(store, host)
            # The run may begin again, because another host was faster.
            if not self._announced:
                self._announced = True
                self._announce()
            return groups

        return super().ensure_chosen(chosen)


@contextmanager
def controller(
    check: bool, warn: Callable[[str], None], patience: float, announce: Callable[[], None]
) -> Iterator[Controller]:
    """Yield a controller for one run. Facts about the host are read again by each run, except for rules.

    :param check: whether the host and the store are only read
    :param warn: called with each warning for the user
    :param patience: seconds to wait for other runs to end
    :param announce: called under the lock when it is known what the run has to do, before anything is touched. What it
        raises ends the run
    """
    with Kernel(_LISTINGS) as kernel:
        # Only CHECK shows an engine what differs.
        yield _Announcing(announce, kernel, warn, check, diff=check, patience=patience, connections=_CONNECTIONS)


def close() -> None:
    """Close what stays open between runs. All turns must be over."""
    _CONNECTIONS.close()
    _LISTINGS.close()


def import_all(etcd: bool = True) -> None:
    """Import the files that are otherwise imported when they are needed: by then, another version may be installed.

    :param etcd: whether this includes the client of etcd, with which the service starts more slowly
    """
    for package in map(importlib.import_module, _PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name not in _OF_ANSIBLE and (etcd or not module.name.startswith(_OF_ETCD)):
                importlib.import_module(module.name)
    import_classes()
    # What was imported stays. Without this, each collection would go through it, which takes 2 ms of each run.
    gc.freeze()
    give_back_memory()
