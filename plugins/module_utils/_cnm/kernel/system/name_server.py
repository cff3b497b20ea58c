# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's name server, one aardvark-dns for all networks: read with its records, and brought into agreement.

It reads all files in its folder at its start and at each SIGHUP, and ends if there are none.
"""

from __future__ import annotations

import os
import time
from typing import AbstractSet, Dict, List, Mapping, Sequence, Set

from ...model.errors import KernelRefused
from ...resources.dns import NameServer, Records
from ...resources.plan import Step
from ...resources.resource import Resource
from . import name_server_process as process
from . import name_server_records as records
from . import name_server_service as service
from .name_server_process import NAME, PID
from .processes import has_ended, wait_until
from .programs import Run

_RELOADING = 0.05
"""Seconds that a server that keeps its sockets needs to read the files after a SIGHUP."""
_REOPENING = 1.0
"""Seconds that another server needs, after a SIGHUP, to read the files and then to open new sockets."""


def read(names: Mapping[str, AbstractSet[str]]) -> List[Resource]:
    """Return the resources for NAMES that exist: paths of records, with the addresses at which the server is to answer.

    :raises KernelRefused: if a file cannot be read
    """
    present: List[Resource] = [*records.read(names[Records.kind])]
    current = records.are_loaded()
    answering = names[NameServer.kind] & set(process.addresses(process.pid()))
    return present + [NameServer(address, current) for address in sorted(answering)]


def apply(run: Run, steps: Sequence[Step]) -> None:
    """Carry out STEPS, which change records; then have the server reload them, or start or stop it.

    :raises KernelRefused: if the files or the server cannot be brought into the wanted state
    """
    gateways: Set[str] = set()
    for step in steps:
        if isinstance(step.after, Records):
            records.write(step.after)
            gateways |= set(step.after.gateways)
        elif isinstance(step.after, NameServer):
            gateways.add(step.after.address)
        elif isinstance(step.before, Records):
            records.remove(step.before.path)
    try:
        records.remove_unfinished()
        _renew(run, gateways)
    except OSError as error:
        raise KernelRefused(f"The name server {NAME} could not be given its records: {error.strerror}.") from error


def _renew(run: Run, gateways: AbstractSet[str]) -> None:
    """Have the server reload its files, so that it answers at GATEWAYS; start or stop it if necessary."""
    pid = process.pid()
    if not records.exist():
        service.stop(run, pid)
        return
    before: Dict[str, int] = {}
    words = ""
    if pid is None:
        words = service.start(run)
        pid = process.pid()
    else:
        before = process.addresses(pid)
        service.reload(run, pid)
    started = time.monotonic()

    def ended() -> bool:
        return pid is None or has_ended(pid)

    limit = _RELOADING

    def ready() -> bool:
        nonlocal limit
        now = process.addresses(pid)
        if not gateways <= set(now):
            return False
        if all(inode != before.get(address) for address, inode in now.items()):
            # All sockets are new, so it has read the files.
            return True
        # The others may be those of a server that keeps them, so only the time tells.
        if time.monotonic() - started > limit == _RELOADING and not service.keeps_sockets(run):
            # The server is late, for example because the host is busy.
            limit = _REOPENING
        return time.monotonic() - started > limit

    if wait_until(lambda: ended() or ready()) and not ended():
        if pid is not None and not os.path.exists(PID):
            process.note(pid)
        records.note_loaded()
    elif ended():
        words = words or service.logged(run)
        service.stop_unit(run)
        reason = f"Its last output: {words}" if words else "It printed nothing"
        raise KernelRefused(f"The name server {NAME} ended at once. {reason.rstrip('.')}.")
