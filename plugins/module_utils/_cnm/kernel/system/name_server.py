# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's name server: one aardvark-dns for all networks, and the files with its records.

It reads all files in its folder at its start and at each SIGHUP, and ends if there are none. It runs as a user of its
own, which can read the folder but can write only the file with its pid.
"""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from typing import AbstractSet, Callable, Dict, List, Mapping, Optional, Sequence, Set

from ...model.errors import KernelRefused
from ...private_files import create_private, make_private, open_private
from ...resources.dns import RECORDS, NameServer, Records
from ...resources.plan import Step
from ...resources.resource import Resource
from . import listeners
from .programs import Run, find
from .systemd import starts_here

_UNIT = "cnm-dns"
"""The transient systemd unit that it runs in, where systemd is process 1."""
_PORT = 53
_NAME = "aardvark-dns"
_PID = f"{RECORDS}/aardvark.pid"
_NEW = f"{RECORDS}.new"
_FOLDERS = ("/usr/lib/podman", "/usr/libexec/podman")
"""Where Debian and other distributions install it."""
_DOMAIN = ".cnm.internal"
"""The server never forwards queries for names in this domain. The server's default is Podman's domain."""
_PATIENCE = 3.0
"""Seconds that it may take to answer at a new address."""
_RELOADING = 0.05
"""Seconds that a server that keeps its sockets needs to read the files after a SIGHUP."""
_REOPENING = 1.0
"""Seconds that another server needs, after a SIGHUP, to read the files and then to open new sockets."""
_LAST_TO_REOPEN = (1, 10)
"""The last version that opens new sockets after a SIGHUP."""
_USER = 61153
"""ID of the user and group that the server runs as; neither systemd nor Debian assigns this number."""
_DROPPING = (
    f"--reuid={_USER}",
    f"--regid={_USER}",
    "--clear-groups",
    *(f"--{kind}=-all,+net_bind_service" for kind in ("inh-caps", "ambient-caps", "bounding-set")),
    "--no-new-privs",
    "--",
)
"""Options of setpriv. systemd's ``User=`` cannot do this: it takes no number that the user database does not know."""
_CONFINED = (
    # All except the first are for setpriv, which drops them.
    "CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_SETPCAP",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "NoNewPrivileges=yes",
    "PrivateDevices=yes",
    "PrivateTmp=yes",
    "ProcSubset=pid",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHome=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProtectSystem=strict",
    f"ReadWritePaths={RECORDS}",
    "InaccessiblePaths=-/run/systemd/private -/run/dbus -/run/cnm -/var/lib/cnm",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@resources",
    "UMask=0077",
)


def program() -> Optional[str]:
    """Return the path of the name server's program; None if it is not installed."""
    for folder in _FOLDERS:
        if os.access(f"{folder}/{_NAME}", os.X_OK):
            return f"{folder}/{_NAME}"
    return find(_NAME)


def read(names: Mapping[str, AbstractSet[str]]) -> List[Resource]:
    """Return the resources for NAMES that exist: paths of records, with the addresses at which the server is to answer.

    Files left over from an interrupted run count as empty records, so that they are removed.
    """
    present: List[Resource] = []
    begun = os.path.exists(_NEW) or (os.path.exists(RECORDS) and not _has_records())
    for path in sorted(names[Records.kind]):
        try:
            with os.fdopen(open_private(path), encoding="utf-8") as file:
                present.append(Records(path, file.read()))
        except FileNotFoundError:
            present += [Records(path, "")] if begun else []
        except OSError as error:
            raise KernelRefused(f"File '{path}' could not be read: {error.strerror}.") from error
    current = _is_current()
    present += [NameServer(each, current) for each in sorted(names[NameServer.kind] & set(_sockets(_pid())))]
    return present


def apply(run: Run, steps: Sequence[Step]) -> None:
    """Carry out STEPS, which change records; then have the server reload them, or start or stop it.

    :raises KernelRefused: if the files or the server cannot be brought into the wanted state
    """
    gateways: Set[str] = set()
    for step in steps:
        if isinstance(step.after, Records):
            _write(step.after)
            gateways |= set(step.after.gateways)
        elif isinstance(step.after, NameServer):
            gateways.add(step.after.address)
        elif isinstance(step.before, Records):
            _remove(step.before.path)
    try:
        with suppress(FileNotFoundError):
            os.unlink(_NEW)
        _renew(run, gateways)
    except OSError as error:
        raise KernelRefused(f"The name server {_NAME} could not be given its records: {error.strerror}.") from error


def sockets() -> AbstractSet[int]:
    """Return the inodes of the server's sockets; empty if it does not run.

    It writes its pid before it opens sockets (create_pid() in aardvark-dns 1.4, commands/run.rs).
    """
    return _inodes(_pid())


def _renew(run: Run, gateways: AbstractSet[str]) -> None:
    """Have the server reload its files, so that it answers at GATEWAYS; start or stop it if necessary."""
    pid = _pid()
    if not _has_records():
        _stop(run, pid)
        return
    before: Dict[str, int] = {}
    words = ""
    if pid is None:
        words = _start(run)
        pid = _pid()
    else:
        before = _sockets(pid)
        _signal(run, pid, "HUP")
    started = time.monotonic()

    def ended() -> bool:
        return pid is None or _has_ended(pid)

    limit = _RELOADING

    def ready() -> bool:
        nonlocal limit
        now = _sockets(pid)
        if not gateways <= set(now):
            return False
        if all(inode != before.get(address) for address, inode in now.items()):
            return True
        if time.monotonic() - started > limit == _RELOADING and not _keeps_sockets(run):
            # The server is late, for example because the host is busy.
            limit = _REOPENING
        return time.monotonic() - started > limit

    if _until(lambda: ended() or ready()) and not ended():
        if pid is not None and not os.path.exists(_PID):
            _note(pid)
        # Not the current time: if the clock was set back, the folder would look newer for a long time.
        changed = os.stat(RECORDS).st_mtime_ns
        os.utime(_PID, ns=(changed, changed))
    elif ended():
        words = words or _logged(run)
        _stop_unit(run)
        reason = f"Its last output: {words}" if words else "It said nothing"
        raise KernelRefused(f"The name server {_NAME} ended at once. {reason.rstrip('.')}.")


def _keeps_sockets(run: Run) -> bool:
    """Say whether the server keeps its sockets at a SIGHUP."""
    _code, output, _errors = run([program() or _NAME, "--version"], None)
    numbers = re.search(r"(\d+)\.(\d+)", output)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) > _LAST_TO_REOPEN


def _note(pid: Optional[int]) -> None:
    """Write the PID of a server whose file is lost; without PID, create the file for a server that starts."""
    descriptor = create_private(_PID)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        os.fchmod(descriptor, 0o660)
        file.write(str(pid or ""))


def _write(records: Records) -> None:
    """Write RECORDS atomically, so that the server reads either the old or the new ones."""
    try:
        make_private(RECORDS, _USER)
        with suppress(FileNotFoundError):
            os.unlink(_NEW)
        # Without a name at first, because the server reads every named file. The file gets the folder's group.
        descriptor = os.open(RECORDS, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o640)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o640)
            file.write(records.text)
            file.flush()
            # With a folder, os.link() follows the symbolic link that /proc has for the file (open(2)).
            os.link(f"/proc/self/fd/{descriptor}", _NEW, src_dir_fd=descriptor)
        os.replace(_NEW, records.path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(_NEW)
        raise KernelRefused(f"File '{records.path}' could not be written: {error.strerror}.") from error


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise KernelRefused(f"File '{path}' could not be removed: {error.strerror}.") from error


def _until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def _has_records() -> bool:
    return any(f"{RECORDS}/{name}" != _PID for name in _names(RECORDS))


def _names(folder: str) -> List[str]:
    """Return the names in FOLDER; empty if it does not exist."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, ProcessLookupError):
        return []


def _pid() -> Optional[int]:
    """Return the pid of the server; None if none runs."""
    try:
        with os.fdopen(open_private(_PID), encoding="ascii") as file:
            pid = int(file.read(16))
    except (OSError, ValueError):
        pid = 0
    if _is_server(pid):
        return pid
    # The file may be lost, or from a killed server, or not yet written by one that an interrupted run has started.
    running = map(int, filter(str.isdecimal, _names("/proc"))) if os.path.exists(RECORDS) else ()
    # The server starts as the child of a process that runs the same program.
    return max(filter(_is_server, running), default=None)


def _is_server(pid: int) -> bool:
    """Say whether the process with that PID is the name server of this host, and not of a container on it.

    Its user decides: any other user can run the same program with the same arguments.
    """
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
            users = next(line for line in status if line.startswith("Uid:")).split()[1:]
        if set(users) != {str(_USER)}:
            return False
        # The kernel adds a word if the program was replaced by a newer version.
        executable = os.path.basename(os.readlink(f"/proc/{pid}/exe")).split(" ")[0]
        return executable == _NAME and os.path.samefile(f"/proc/{pid}/ns/net", "/proc/thread-self/ns/net")
    except OSError:
        return False


def _has_ended(pid: int) -> bool:
    """Say whether the process, or its first thread, has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "XZ"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _is_current() -> bool:
    """Say whether no file was added, removed or changed since the server read them, and none was about to be."""
    try:
        changed, told = os.stat(RECORDS).st_mtime_ns, os.stat(_PID).st_mtime_ns
    except FileNotFoundError:
        return False
    # A server that systemd has restarted writes its pid later. A future time is from before the clock was set back.
    return not os.path.exists(_NEW) and (changed == told or changed <= told <= time.time_ns())


def _inodes(pid: Optional[int]) -> Set[int]:
    """Return the inodes of the sockets of the process with that PID."""
    inodes: Set[int] = set()
    for name in _names(f"/proc/{pid}/fd") if pid is not None else ():
        with suppress(OSError):
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            if target.startswith("socket:["):
                inodes.add(int(target[8:-1]))
    return inodes


def _sockets(pid: Optional[int]) -> Dict[str, int]:
    """Return the addresses at which the server with that PID answers, with the inodes of its sockets."""
    own = _inodes(pid)
    if not own:
        return {}
    return {
        str(listener.address): listener.inode
        for listener in listeners.listening(("udp",))
        if listener.port == _PORT and listener.inode in own
    }


def _start(run: Run) -> str:
    """Start the server; return its output.

    :raises KernelRefused: if it cannot be started
    """
    server, setpriv = program(), find("setpriv")
    if server is None:
        raise KernelRefused(f"The name server program {_NAME} is not installed.")
    if setpriv is None:
        raise KernelRefused(f"The program setpriv, which {_NAME} needs to drop its privileges, is not installed.")
    taken = _owner()
    if taken:
        raise KernelRefused(
            f"The name server {_NAME} was not started: it runs as user {_USER}, and that user ID belongs to '{taken}' "
            f"here. Give '{taken}' another user ID, or set 'dns: false' for the networks."
        )
    _note(None)
    command = [server, "--config", RECORDS, "--port", str(_PORT), "--filter-search-domain", _DOMAIN, "run"]
    command = [setpriv, *_DROPPING, *command]
    manager = find("systemd-run") if starts_here() else None
    if manager and _stop_unit(run):
        properties = ("Type=forking", "Restart=on-failure", *_CONFINED)
        options = [f"--property={each}" for each in properties]
        command = [manager, "--quiet", "--collect", f"--unit={_UNIT}", "--description=Names of cnm", *options, *command]
    code, output, errors = run(command, None)
    if code != 0:
        words = _logged(run) or (errors or output).strip()
        _stop_unit(run)
        raise KernelRefused(f"The name server {_NAME} could not be started: {words.rstrip('.')}.")
    return (errors or output).strip()


def _stop_unit(run: Run) -> bool:
    """Stop systemd from restarting a failed server; say whether systemd runs the host."""
    control = find("systemctl") if starts_here() else None
    if control:
        run([control, "stop", f"{_UNIT}.service"], None)
    return bool(control)


def _logged(run: Run) -> str:
    """Return the server's last line in the journal, if it is only seconds old; empty without systemd."""
    reader = find("journalctl") if starts_here() else None
    if reader is None:
        return ""
    unit = f"_SYSTEMD_UNIT={_UNIT}.service"
    _code, lines, _errors = run(
        [reader, "--quiet", "--no-pager", "--output=cat", "--since=-10s", "--lines=5", unit], None
    )
    return "; ".join(dict.fromkeys(filter(None, map(str.strip, lines.splitlines()))))


def _signal(run: Run, pid: int, name: str) -> None:
    """Send the server with that PID the signal NAME."""
    try:
        os.kill(pid, signal.Signals[f"SIG{name}"])
    except PermissionError:
        # The unit that restores networks has no right to signal other users' processes.
        control = find("systemctl")
        if control is None or run([control, "kill", f"--signal={name}", f"{_UNIT}.service"], None)[0] != 0:
            raise


def _owner() -> str:
    """Return the user with the server's user ID in the host's user database; empty if there is none."""
    import pwd

    try:
        return pwd.getpwuid(_USER).pw_name
    except KeyError:
        return ""


def _stop(run: Run, pid: Optional[int]) -> None:
    if pid is not None:
        held = set(_sockets(pid).values())
        with suppress(ProcessLookupError):
            _signal(run, pid, "TERM")
        # Its first thread may end before the others, which also hold its sockets.
        if not _until(
            lambda: _has_ended(pid) and not held & {listener.inode for listener in listeners.listening(("udp",))}
        ):
            raise KernelRefused(f"The name server {_NAME} ({pid}) does not stop.")
    with suppress(FileNotFoundError):
        os.unlink(_PID)
    with suppress(OSError):
        os.rmdir(RECORDS)
