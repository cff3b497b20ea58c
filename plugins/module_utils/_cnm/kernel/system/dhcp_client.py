# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DHCP clients, a udhcpc for each endpoint, in the network namespace of its sandbox.

udhcpc is part of busybox. It changes nothing on its own: it calls a script, which notes the lease. The first address is
then added by the run that waits for it. If the server gives another one later, the script replaces the address. If the
lease ends (RFC 2131 section 4.4.5), it removes the address, and adds it when the server answers.
"""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Collection, Dict, List, Mapping, Optional, Sequence, TextIO

from ...model.errors import CnmError, KernelRefused
from ...private_files import create_private, make_private, read_private, remove_private, write_private
from ...resources.dhcp import DhcpClient, DhcpClientKey
from . import processes
from .dhcp_leases import FOLDER, LOST, leases
from .processes import has_ended, run_confined, wait_until
from .programs import Run, find
from .systemd import starts_here

PATIENCE = 15.0
"""Seconds that a server has to answer. Some first look for two or three seconds whether anybody has the address."""
_ARP = 1.0
"""Seconds that a server or router has to answer ARP."""
_TRIES = 8
"""How often a server is asked before there is a pause."""
_PAUSE = 20
"""Seconds."""
_PLACEHOLDER = "127.255.255.254"
"""What an interface has while the lease of its address is lost. Nobody outside of the sandbox sees it."""
_SHELL = "/bin/sh"
"""The program that udhcpc calls with the name of what has happened. It reads the file with this name in its working
directory. On some hosts, programs in /run cannot be called."""
_VARIABLE = "CNM_DHCP_"
_FILES = ("pid", "lease")
"""The ends of the names of the files of a client."""
_FIELDS: Sequence[str] = ("namespace", "interface", "mac", "subnet", "name")
_TEXT = f"""\
# Called by udhcpc when something has happened. $ip is the address that the server gives, for $lease seconds. The file
# has the address, the server or '{LOST}', and when the lease ends, in hundredths of a second since the boot.
before= server= end=
read -r before server end <"$CNM_DHCP_LEASE"
# When this process has begun (proc_pid_stat(5)). /proc/uptime is not visible here.
read -r now </proc/self/stat
set -- ${{now##*) }}
now=${{20:-0}}
prefix=${{CNM_DHCP_SUBNET#*/}}

# The routes of the interface stay only as long as it has any address.
take_away() {{
    ip address add {_PLACEHOLDER}/32 scope host dev "$interface"
    ip address delete "$before/$prefix" dev "$interface"
}}

case $0 in
    bound | renew)
        echo "$ip $serverid $((now + ${{lease:-3600}} * 100))" >"$CNM_DHCP_LEASE"
        if [ "$server" != {LOST} ]; then
            if [ -z "$before" ] || [ "$before" = "$ip" ]; then
                exit 0
            fi
            take_away
        fi
        ip address add "$ip/$prefix" dev "$interface"
        ip address delete {_PLACEHOLDER}/32 dev "$interface"
        ;;
    leasefail)
        # udhcpc gives the lease up at half of its time, and asks again and again from then on.
        if [ -n "$end" ] && [ "$now" -ge "$end" ]; then
            echo "$before {LOST}" >"$CNM_DHCP_LEASE"
            take_away
        fi
        ;;
esac
"""
SCRIPTS: Mapping[str, str] = {"bound": _TEXT, "renew": _TEXT, "leasefail": _TEXT, "deconfig": "", "nak": ""}
"""The files for all that can happen, by its name."""
CONFINED = (
    "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW",
    f"ReadWritePaths={FOLDER}",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_NETLINK AF_PACKET",
    *processes.CONFINED,
)
"""Properties of the units that confine the clients (systemd.exec(5))."""


def program() -> List[str]:
    """Return the command that starts the client; empty if it is not installed."""
    alone, box = find("udhcpc"), find("busybox")
    return [alone] if alone else [box, "udhcpc"] if box else []


def read(keys: Sequence[DhcpClientKey]) -> List[DhcpClient]:
    """Return the clients with KEYS that run, or that have left files."""
    clients: List[DhcpClient] = []
    for key in keys if os.path.isdir(FOLDER) else ():
        pid = _pid(key.endpoint)
        started = _started(pid) if pid is not None else {}
        if started.get("namespace") == key.namespace:
            interface, mac, subnet, name = (started.get(field, "") for field in _FIELDS[1:])
            client = DhcpClient(key.namespace, key.endpoint, interface, mac, subnet, name)
            clients.append(replace(client, running=_is_in(pid, key.namespace)))
        elif pid is None and _has_left_files(key.endpoint):
            clients.append(DhcpClient(key.namespace, key.endpoint, "", "", "", "", running=False))
    return clients


def await_leases(endpoints: Collection[str]) -> Mapping[str, str]:
    """Return the addresses that servers give to ENDPOINTS, by their ids, after waiting until all have one."""
    given: Dict[str, str] = {}

    def complete() -> bool:
        given.update(leases())
        return all(each in given for each in endpoints)

    wait_until(complete, PATIENCE)
    return {each: given[each] for each in endpoints if each in given}


def start(run: Run, clients: Sequence[DhcpClient]) -> List[CnmError]:
    """Start CLIENTS, and return an error for each that does not run then."""
    command = program()
    if not command:
        text = "The DHCP client udhcpc is not installed: apt install busybox"
        return [KernelRefused(text, client.key) for client in clients]
    make_private(FOLDER)
    for name, text in SCRIPTS.items():
        write_private(f"{FOLDER}/{name}", text.encode())
    errors: List[CnmError] = []
    started: List[DhcpClient] = []
    for client in clients:
        # It may be in a namespace of an earlier sandbox.
        _end(run, client)
        words = _start(run, client, command)
        if words:
            errors.append(KernelRefused(f"The {client} could not be started: {words}.", client.key))
        else:
            started.append(client)
    wait_until(lambda: all(_pid(client.endpoint) for client in started))
    missing = [client for client in started if not _pid(client.endpoint)]
    return errors + [KernelRefused(f"The {client} ended at once.", client.key) for client in missing]


def _start(run: Run, client: DhcpClient, command: Sequence[str]) -> str:
    """Start CLIENT by COMMAND; return what went wrong."""
    pid, lease = _path(client.endpoint, "pid"), _path(client.endpoint, "lease")
    for path, text in ((pid, ""), (lease, f"{client.address}\n" if client.address else "")):
        # Without systemd, it can write these files, but it cannot create any.
        with os.fdopen(create_private(path), "w", encoding="ascii") as file:
            file.write(text)
    arguments = [*command, "-f", "-i", client.interface, "-p", pid, "-s", _SHELL]
    arguments += ["-t", str(_TRIES), "-T", "1", "-A", str(_PAUSE)]
    # The client identifier is Ethernet's type and the MAC address (RFC 2132 section 9.14).
    arguments += ["-C", "-x", f"0x3d:01{client.mac.replace(':', '')}", "-x", f"hostname:{client.name}"]
    if client.address:
        arguments += ["-r", client.address]
    variables = [f"{_VARIABLE}{name.upper()}={getattr(client, name)}" for name in _FIELDS]
    variables += [f"{_VARIABLE}LEASE={lease}"]
    manager = find("systemd-run") if starts_here() else None
    if manager:
        properties = ["Type=exec", "Restart=always", "RestartSec=5", f"WorkingDirectory={FOLDER}"]
        properties += [f"NetworkNamespacePath={client.namespace}", *CONFINED]
        options = [f"--property={each}" for each in properties]
        options += [f"--setenv={each}" for each in variables]
        options += ["--quiet", "--collect", f"--unit={_unit(client.endpoint)}", f"--description={client}"]
        code, output, errors = run([manager, *options, *arguments], None)
    else:
        inside = ["nsenter", f"--net={client.namespace}", "setsid", "env", "-i", f"PATH={os.defpath}:/usr/sbin:/sbin"]
        alone = ["sh", "-c", 'cd "$0" && exec "$@" </dev/null >/dev/null 2>&1 &', FOLDER]
        code, output, errors = run_confined(run, [*alone, *inside, *variables, *arguments], (pid, lease))
    return (errors or output).strip().rstrip(".") or f"status {code}" if code else ""


def stop(run: Run, clients: Sequence[DhcpClient]) -> List[CnmError]:
    """Stop CLIENTS, and return an error for each that does not end."""
    errors: List[CnmError] = []
    with ExitStack() as tables:
        asked = [each for each in (_release(client, tables) for client in clients if client.releases) if each]
        for client in clients:
            if not _end(run, client):
                errors.append(KernelRefused(f"The {client} does not end.", client.key))
        # If its interface goes before a server or router has answered ARP, the packet to it is not sent.
        wait_until(lambda: all(map(_is_complete, asked)), _ARP)
    with suppress(OSError):
        # The folder stays as long as there are others.
        if _has_no_clients():
            for name in SCRIPTS:
                remove_private(f"{FOLDER}/{name}")
            os.rmdir(FOLDER)
    return errors


def _release(client: DhcpClient, tables: ExitStack) -> Optional[TextIO]:
    """Have CLIENT tell the server that its address is free; return the ARP table of its namespace, left open in TABLES.

    It does that before it handles the next signal.
    """
    pid = _pid(client.endpoint)
    if pid is None or not client.running:
        return None
    _signal(pid, signal.SIGUSR2)
    # Of two signals that are delivered together, the second is handled first (signal(7)), and the client would end.
    wait_until(lambda: not _is_pending(pid, signal.SIGUSR2))
    # It runs until it has handled the first.
    wait_until(lambda: _status(pid).get("State", "").split()[:1] != ["R"])
    try:
        return tables.enter_context(open(f"/proc/{pid}/net/arp", encoding="ascii"))
    except OSError:
        return None


def _is_complete(table: TextIO) -> bool:
    """Say whether all questions in an ARP TABLE have been answered (proc_net(5))."""
    table.seek(0)
    return all(line.split()[2] != "0x0" for line in table.read().splitlines()[1:])


def _end(run: Run, client: DhcpClient) -> bool:
    """End the process of CLIENT, if there is one, remove its files, and say whether it has ended."""
    pid = _pid(client.endpoint)
    control = find("systemctl") if starts_here() else None
    if control:
        run([control, "stop", f"{_unit(client.endpoint)}.service"], None)
    elif pid is not None:
        _signal(pid, signal.SIGTERM)
    if pid is not None and not wait_until(lambda: has_ended(pid)):
        return False
    for kind in _FILES:
        with suppress(FileNotFoundError):
            os.unlink(_path(client.endpoint, kind))
    return True


def _has_left_files(endpoint: str) -> bool:
    """Say whether there are files for ENDPOINT, an id, or only the folder, which an interrupted run has left."""
    return any(os.path.lexists(_path(endpoint, kind)) for kind in _FILES) or _has_no_clients()


def _has_no_clients() -> bool:
    return not any(name.endswith(_FILES) for name in os.listdir(FOLDER))


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_pending(pid: int, number: int) -> bool:
    """Say whether the signal NUMBER has not been delivered to the process PID yet."""
    return bool(int(_status(pid).get("ShdPnd", "0"), 16) >> number - 1 & 1)


def _status(pid: int) -> Dict[str, str]:
    """Return what the kernel says of the process PID (proc_pid_status(5)); empty if it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            return dict(line.split(":", 1) for line in file)
    except OSError:
        return {}


def _unit(endpoint: str) -> str:
    return f"cnm-dhcp-{endpoint[:12]}"


def _path(endpoint: str, kind: str) -> str:
    return f"{FOLDER}/{endpoint}.{kind}"


def _pid(endpoint: str) -> Optional[int]:
    """Return the pid of the client of ENDPOINT, an id; None if it does not run."""
    try:
        pid = int(read_private(_path(endpoint, "pid")))
    except (OSError, ValueError):
        return None
    return pid if not has_ended(pid) and _started(pid).get("lease") == _path(endpoint, "lease") else None


def _started(pid: int) -> Dict[str, str]:
    """Return what the client with that PID was started with; empty if the process is none."""
    try:
        with open(f"/proc/{pid}/environ", encoding="utf-8", errors="surrogateescape") as file:
            variables = [each.partition("=") for each in file.read().split("\0")]
    except OSError:
        return {}
    return {name[len(_VARIABLE) :].lower(): text for name, _equals, text in variables if name.startswith(_VARIABLE)}


def _is_in(pid: Optional[int], namespace: str) -> bool:
    """Say whether the process PID is in the network namespace at the path NAMESPACE."""
    try:
        return os.path.samefile(f"/proc/{pid}/ns/net", namespace)
    except OSError:
        return False
