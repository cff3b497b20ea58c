# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts, notifies and stops the host's name server, where systemd is process 1 in a confined transient unit.

The server runs as a user of its own, which can read the folder with the records and can write only the file with its
pid. Where systemd does not see to this, Landlock does.
"""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from typing import Optional

from ...model.errors import KernelRefused
from ...resources.dns import RECORDS
from . import listeners, processes
from . import name_server_process as process
from .name_server_process import NAME, PID, PORT, USER
from .programs import Run, find
from .systemd import starts_here

_UNIT = "cnm-dns"
_FOLDERS = ("/usr/lib/podman", "/usr/libexec/podman")
"""Where Debian and other distributions install the program."""
_DOMAIN = ".cnm.internal"
"""The server never forwards queries for names in this domain. The server's default is Podman's domain."""
_LAST_TO_REOPEN = (1, 10)
"""The last version that opens new sockets after a SIGHUP."""
_DROPPING = (
    f"--reuid={USER}",
    f"--regid={USER}",
    "--clear-groups",
    *(f"--{kind}=-all,+net_bind_service" for kind in ("inh-caps", "ambient-caps", "bounding-set")),
    "--no-new-privs",
    "--",
)
"""Options of setpriv. systemd's ``User=`` cannot do this: it takes no number that the user database does not know."""
CONFINED = (
    # All except the first are for setpriv, which drops them.
    "CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_SETPCAP",
    f"ReadWritePaths={RECORDS}",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    *processes.CONFINED,
)
"""Properties of the unit that confine the server (systemd.exec(5))."""


def program() -> Optional[str]:
    """Return the path of the name server's program; None if it is not installed."""
    for folder in _FOLDERS:
        if os.access(f"{folder}/{NAME}", os.X_OK):
            return f"{folder}/{NAME}"
    return find(NAME)


def keeps_sockets(run: Run) -> bool:
    """Say whether the server keeps its sockets at a SIGHUP."""
    _code, output, _errors = run([program() or NAME, "--version"], None)
    numbers = re.search(r"(\d+)\.(\d+)", output)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) > _LAST_TO_REOPEN


def start(run: Run) -> str:
    """Start the server; return its output.

    :raises KernelRefused: if it cannot be started
    """
    server, setpriv = program(), find("setpriv")
    if server is None:
        raise KernelRefused(f"The name server program {NAME} is not installed.")
    if setpriv is None:
        raise KernelRefused(f"The program setpriv, which {NAME} needs to drop its privileges, is not installed.")
    taken = _owner()
    if taken:
        raise KernelRefused(
            f"The name server {NAME} was not started: it runs as user {USER}, and that user ID belongs to '{taken}' "
            f"here. Give '{taken}' another user ID, or set 'dns: false' for the networks."
        )
    # The server can write this file, but it cannot create one in the folder.
    process.note(None)
    command = [server, "--config", RECORDS, "--port", str(PORT), "--filter-search-domain", _DOMAIN, "run"]
    command = [setpriv, *_DROPPING, *command]
    manager = find("systemd-run") if starts_here() else None
    # A failed unit of the same name would be in the way, so it is stopped first.
    if manager and stop_unit(run):
        properties = ("Type=forking", "Restart=on-failure", *CONFINED)
        options = [f"--property={each}" for each in properties]
        options += ["--quiet", "--collect", f"--unit={_UNIT}", "--description=Names of cnm"]
        code, output, errors = run([manager, *options, *command], None)
    else:
        code, output, errors = processes.run_confined(run, command, (PID,))
    if code != 0:
        words = logged(run) or (errors or output).strip()
        stop_unit(run)
        raise KernelRefused(f"The name server {NAME} could not be started: {words.rstrip('.')}.")
    return (errors or output).strip()


def reload(run: Run, server: int) -> None:
    """Have the process SERVER, a pid, read its files again."""
    _signal(run, server, "HUP")


def stop(run: Run, server: Optional[int]) -> None:
    """Stop the process SERVER, a pid, if there is one, and remove the file with its pid and the empty folder.

    :raises KernelRefused: if it does not end within three seconds
    """
    if server is not None:
        held = set(process.addresses(server).values())
        with suppress(ProcessLookupError):
            _signal(run, server, "TERM")

        def released() -> bool:
            return not held & {listener.inode for listener in listeners.listening(("udp",))}

        # Its first thread may end before the others, which also hold its sockets.
        if not processes.wait_until(lambda: processes.has_ended(server) and released()):
            raise KernelRefused(f"The name server {NAME} ({server}) does not stop.")
    with suppress(FileNotFoundError):
        os.unlink(PID)
    with suppress(OSError):
        os.rmdir(RECORDS)


def stop_unit(run: Run) -> bool:
    """Stop systemd from restarting a failed server; say whether systemd runs the host."""
    control = find("systemctl") if starts_here() else None
    if control:
        run([control, "stop", f"{_UNIT}.service"], None)
    return bool(control)


def logged(run: Run) -> str:
    """Return the server's last lines in the journal, if they are only seconds old; empty without systemd."""
    reader = find("journalctl") if starts_here() else None
    if reader is None:
        return ""
    unit = f"_SYSTEMD_UNIT={_UNIT}.service"
    _code, lines, _errors = run(
        [reader, "--quiet", "--no-pager", "--output=cat", "--since=-10s", "--lines=5", unit], None
    )
    return "; ".join(dict.fromkeys(filter(None, map(str.strip, lines.splitlines()))))


def _signal(run: Run, server: int, name: str) -> None:
    """Send the process SERVER, a pid, the signal NAME."""
    try:
        os.kill(server, signal.Signals[f"SIG{name}"])
    except PermissionError:
        # The unit that restores networks has no right to signal other users' processes.
        control = find("systemctl")
        if control is None or run([control, "kill", f"--signal={name}", f"{_UNIT}.service"], None)[0] != 0:
            raise


def _owner() -> str:
    """Return the user with the server's user ID in the host's user database; empty if there is none."""
    import pwd

    try:
        return pwd.getpwuid(USER).pw_name
    except KeyError:
        return ""
