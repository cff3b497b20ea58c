# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that sandboxes look up on the host's name server."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest
from inventory import inventory, nothing_left
from lab import OUTSIDE4, PATIENCE, at, command, sysctl
from needed import NAME_SERVER
from stand_in import OUTSIDE, Host
from tasks import Tasks, eventually, listed

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import listeners, name_server_service
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, InvalidInput

PID = Path("/run/cnm-dns/aardvark.pid")


def known(tasks: Tasks, sandbox: str, name: str, database: str = "ahosts") -> list[str]:
    """Return the addresses that SANDBOX finds for NAME."""
    done = tasks.host.run(["ip", "netns", "exec", sandbox, "getent", database, name])
    return sorted({line.split()[0] for line in done.stdout.splitlines()})


def ask(place: str, server: str, name: str, kind: int = 1, patience: float = PATIENCE) -> bytes:
    """Return SERVER's answer to PLACE about NAME, without the question; empty if there is no answer (RFC 1035)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = labels + b"\0\0" + bytes([kind]) + b"\0\1"
    with at(place), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(patience)
        try:
            asker.sendto(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + question, (server, 53))
            return asker.recv(512)[12 + len(question) :]
        except OSError:
            return b""


def reverse(place: str, server: str, address: str, patience: float = PATIENCE) -> bytes:
    """Ask for the name of ADDRESS. glibc does not understand the answer of aardvark-dns up to 1.10."""
    return ask(place, server, ipaddress.ip_address(address).reverse_pointer, kind=12, patience=patience)


def other_files(but: str = "") -> dict[Path, tuple[str, int]]:
    """Return the hosts and resolver files of all sandboxes except BUT."""
    return {
        path: (path.read_text(), path.stat().st_mtime_ns)
        for path in Path("/etc/netns").rglob("*")
        if path.is_file() and path.parent.name != but
    }


def running() -> bool:
    try:
        return Path(f"/proc/{PID.read_text()}").exists()
    except FileNotFoundError:
        return False


@contextmanager
def upstream(address: str = OUTSIDE4, *answers: str) -> Iterator[list[str]]:
    """Run a name server outside that answers every question with ANSWERS, or one address; yield who has asked.

    Like every server, it truncates an answer that is larger than the client accepts (RFC 1035, RFC 6891).
    """
    asked: list[str] = []
    with at(OUTSIDE):
        served = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        served.bind((address, 53))

    def serve() -> None:
        while True:
            query, peer = served.recvfrom(512)
            if not query:
                return
            asked.append(peer[0])
            question = query[12 : query.index(b"\0", 12) + 5]
            kind = question[-4:-2]
            addresses = answers or ("203.0.113.9",) if kind == b"\0\1" else ()
            records = [b"\xc0\x0c\0\1\0\1\0\0\0\x05\0\4" + socket.inet_aton(one) for one in addresses]
            # An OPT record, which has 11 bytes without options, contains the size instead of a class.
            more = query[12 + len(question) :]
            room = int.from_bytes(more[3:5], "big") if len(more) >= 11 else 512
            cut = 12 + len(question) + 16 * len(records) > room
            records = [] if cut else records
            flags = b"\x83\x80\0\1" if cut else b"\x81\x80\0\1"
            head = query[:2] + flags + len(records).to_bytes(2, "big") + b"\0\0\0\0"
            served.sendto(head + question + b"".join(records), peer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield asked
    finally:
        with at(OUTSIDE), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", (address, 53))
        thread.join()
        served.close()


def test_names_are_found_and_follow_every_change(tasks: Tasks) -> None:
    untouched = inventory(tasks.host)
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    tasks.sandbox("a", "n")
    tasks.sandbox("b", {"name": "n", "aliases": ["db", "B-side"]})
    for name in ("b", "b.n", "db", "DB", "b-side"):
        assert known(tasks, "a", name, "ahostsv4") == ["10.1.0.3"]
        assert known(tasks, "a", name, "ahostsv6") == ["fd00:1::3"]
    for address in ("10.1.0.3", "fd00:1::3"):
        assert b"\1b\0" in reverse("a", "10.1.0.1", address)
    assert known(tasks, "a", "a", "ahostsv4") == ["10.1.0.2"]
    assert known(tasks, "a", "nobody") == []
    before = other_files("c")
    assert tasks.sandbox("c", {"name": "n", "aliases": ["db"]}).changed
    assert other_files("c") == before, "an endpoint that comes changes no file of others"
    assert known(tasks, "a", "db", "ahostsv4") == ["10.1.0.3", "10.1.0.4"]
    assert not tasks.sandbox("c", {"name": "n", "aliases": ["db"]}).changed
    tasks.sandbox("b", state="stopped")
    assert known(tasks, "a", "b") == []
    assert known(tasks, "a", "db", "ahostsv4") == ["10.1.0.4"]
    tasks.sandbox("b", state="present")
    assert known(tasks, "a", "b", "ahostsv4") == ["10.1.0.3"]
    tasks.end()
    assert not running()
    assert nothing_left(tasks, untouched)


def test_a_sandbox_sees_the_networks_that_it_is_on(tasks: Tasks) -> None:
    tasks.network("one", "10.1.0.0/24")
    tasks.network("two", "10.2.0.0/24")
    tasks.sandbox("a", "one")
    tasks.sandbox("b", "two")
    tasks.sandbox("both", "one", "two")
    assert known(tasks, "a", "b") == []
    assert known(tasks, "both", "a") == ["10.1.0.2"]
    assert known(tasks, "both", "b") == ["10.2.0.2"]
    assert known(tasks, "a", "both") == ["10.1.0.3"]
    assert b"\1b\0" not in reverse("a", "10.1.0.1", "10.2.0.2", patience=0.3)
    tasks.end()


@pytest.mark.parametrize("with_mac", [False, True])
def test_who_takes_a_neighbour_s_address_learns_no_names_of_its_other_networks(tasks: Tasks, with_mac: bool) -> None:
    """The server recognises a client by its address, and only the owner of the address gets the answer."""
    tasks.network("one", "10.1.0.0/24")
    tasks.network("two", "10.2.0.0/24")
    tasks.sandbox("both", "one", "two")
    tasks.sandbox("b", "two")
    tasks.sandbox("thief", "one")
    address = socket.inet_aton("10.2.0.3")
    assert address in ask("both", "10.1.0.1", "b")
    assert address not in ask("thief", "10.1.0.1", "b")
    tasks.host.ip("address flush dev eth0\naddress add 10.1.0.2/24 dev eth0", "/run/netns/thief")
    if with_mac:
        (victim,) = listed(tasks.host, "ip", "link", "show", "dev", "eth0", place="both")
        tasks.host.ip(f"link set eth0 address {victim['address']}", "/run/netns/thief")
    for _try in range(3):
        assert address not in ask("thief", "10.1.0.1", "b", patience=0.3)
    tasks.end()


def test_other_names_are_asked_upstream(tasks: Tasks) -> None:
    Path("/etc/resolv.conf").write_text(f"nameserver {OUTSIDE4}\nsearch example.org\n")
    tasks.network("n", "10.1.0.0/24")
    tasks.network("closed", "10.2.0.0/24", internal=True)
    tasks.sandbox("a", "n")
    tasks.sandbox("shut", "closed")
    tasks.sandbox("shut2", "closed")
    with upstream() as asked:
        assert known(tasks, "a", "www.example.net", "ahostsv4") == ["203.0.113.9"]
        assert asked
        asked.clear()
        assert known(tasks, "a", "a", "ahostsv4") == ["10.1.0.2"]
        assert known(tasks, "shut", "www.example.net") == []
        assert known(tasks, "shut", "shut2", "ahostsv4") == ["10.2.0.3"]
        assert asked == [], "names of ours are asked of nobody else, and an internal network asks nobody"
    tasks.sandbox("a", "n", dns_servers=["192.0.2.5"])
    tasks.host.ip("address add 192.0.2.5/32 dev lo", OUTSIDE)
    with upstream("192.0.2.5", "203.0.113.7"):
        assert known(tasks, "a", "www.example.net", "ahostsv4") == ["203.0.113.7"]
    tasks.end()


def test_a_name_with_many_addresses_is_found(tasks: Tasks) -> None:
    """The answer is larger than 512 bytes, the limit for clients that do not announce a larger size."""
    Path("/etc/resolv.conf").write_text(f"nameserver {OUTSIDE4}\n")
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    many = sorted(f"203.0.113.{number}" for number in range(1, 61))
    with upstream(OUTSIDE4, *many):
        assert known(tasks, "a", "www.example.net", "ahostsv4") == many
    tasks.end()


def test_only_sandboxes_and_the_host_are_answered(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.network("m", "10.2.0.0/24")
    tasks.sandbox("a", "n")
    tasks.sandbox("b", "m")
    tasks.host.ip("route add 10.1.0.0/24 via 198.51.100.2", OUTSIDE)
    for place in ("a", ""):
        assert socket.inet_aton("10.1.0.2") in ask(place, "10.1.0.1", "a"), place
    for place in ("b", OUTSIDE):
        assert socket.inet_aton("10.1.0.2") not in ask(place, "10.1.0.1", "a", patience=0.3), place
    tasks.end()


def test_a_published_port_53_leaves_the_name_server_alone(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n", published_ports=["53:53/udp"])
    tasks.sandbox("b", "n")
    assert known(tasks, "b", "a") == ["10.1.0.2"]
    tasks.end()


def test_a_network_is_switched_to_files_and_back(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    tasks.sandbox("b", "n")
    assert tasks.network("n", dns=False).changed
    assert not running()
    assert known(tasks, "a", "b") == ["10.1.0.3"]
    assert tasks.network("n", dns=True).changed
    assert not tasks.network("n", dns=True).changed
    assert running()
    assert known(tasks, "a", "b") == ["10.1.0.3"]
    tasks.end()


@pytest.mark.parametrize("written", ["", "1", "4194305"])
def test_the_pid_of_the_server_is_lost(tasks: Tasks, written: str) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    server = int(PID.read_text())
    if written:
        PID.write_text(written)
    else:
        PID.unlink()
    tasks.sandbox("b", "n")
    assert known(tasks, "a", "b") == ["10.1.0.3"]
    assert not tasks.restore().changed
    tasks.end()
    assert eventually(lambda: not Path(f"/proc/{server}").exists())
    assert not running()


def test_a_process_of_another_user_with_its_words_is_not_the_server(tasks: Tasks) -> None:
    """It is not signalled, stopped or waited for, whatever it calls itself."""
    words = ["aardvark-dns", "-c", "echo; read end", "--config", "/run/cnm-dns", "run"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    os.kill(int(PID.read_text()), signal.SIGKILL)
    assert eventually(lambda: not running())
    with subprocess.Popen(words, executable="/bin/sh", user=65534, group=65534, **pipes) as process:
        process.stdout.readline()
        PID.unlink()
        assert tasks.restore().changed
        tasks.sandbox("b", "n")
        told = PID.stat().st_mtime_ns
        PID.write_text(str(process.pid))
        os.utime(PID, ns=(told, told))
        assert known(tasks, "a", "b") == ["10.1.0.3"]
        assert not tasks.restore().changed
        tasks.end()
        assert process.poll() is None
        process.terminate()
    assert not running()


def test_it_runs_as_a_user_of_its_own_and_can_only_bind_its_port(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{PID.read_text()}/status").read_text().splitlines())
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"61153"}
    assert status["Groups"].strip() == "" and status["NoNewPrivs"] == "1"
    # Bit 10 is CAP_NET_BIND_SERVICE of linux/capability.h.
    assert {status[f"Cap{kind}"] for kind in ("Eff", "Prm", "Bnd", "Amb")} == {f"{1 << 10:016x}"}
    files = {path: path.stat() for path in (PID.parent, *PID.parent.iterdir())}
    assert {each.st_gid for each in files.values()} == {61153}
    modes = {path: (each.st_uid, each.st_mode & 0o777) for path, each in files.items()}
    assert modes.pop(PID) == (0, 0o660)
    assert modes.pop(PID.parent) == (0, 0o750)
    assert set(modes.values()) == {(0, 0o640)}
    tasks.end()


@pytest.mark.parametrize("harm", ["killed", "deaf", "removed"])
def test_the_next_run_mends_it(tasks: Tasks, harm: str) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    tasks.sandbox("b", "n")
    if harm == "killed":
        os.kill(int(PID.read_text()), signal.SIGKILL)
        assert eventually(lambda: not running())
    elif harm == "deaf":
        tasks.sandbox("b", "n", state="absent")
        records = next(path for path in PID.parent.iterdir() if path != PID)
        text = records.read_text()
        tasks.sandbox("b", "n")
        records.with_suffix(".new").write_text(text)
        os.replace(records.with_suffix(".new"), records)
    else:
        for path in PID.parent.iterdir():
            if path != PID:
                path.unlink()
        os.kill(int(PID.read_text()), signal.SIGHUP)
        assert eventually(lambda: not running())
    assert tasks.restore().changed
    assert not tasks.restore().changed
    assert known(tasks, "a", "b") == ["10.1.0.3"]
    tasks.end()
    assert not running()


def test_a_killed_run_that_did_not_tell_the_server(tasks: Tasks) -> None:
    """As if the run had ended between writing the file and sending the signal."""
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    os.utime(PID, (1, 1))
    assert tasks.network("n").changed
    assert not tasks.network("n").changed
    tasks.end()


def test_a_server_that_is_late_is_waited_for(tasks: Tasks) -> None:
    """When the task returns, the name server knows the new name, even on a busy host."""
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    server = int(PID.read_text())
    os.kill(server, signal.SIGSTOP)
    late = threading.Timer(0.5, os.kill, (server, signal.SIGCONT))
    late.start()
    tasks.sandbox("b", "n")
    answer = ask("a", "10.1.0.1", "b")
    late.join()
    assert socket.inet_aton("10.1.0.3") in answer


def test_the_clock_was_set_back(tasks: Tasks) -> None:
    """Files with a time in the future are read like any others."""
    tasks.network("lan", "10.1.0.0/24")
    tasks.sandbox("web", "lan")
    later = os.stat(PID).st_mtime + 3600
    os.utime(os.path.dirname(PID), (later, later))
    assert tasks.restore().changed
    assert not tasks.restore().changed
    tasks.sandbox("db", "lan")
    assert not tasks.restore().changed


def test_it_comes_back_after_a_boot(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    tasks.sandbox("b", "n")
    os.kill(int(PID.read_text()), signal.SIGKILL)
    for name in os.listdir("/run/netns"):
        command(f"ip netns delete {name}")
    for each in listed(tasks.host, "ip", "link"):
        if each["ifname"].startswith(("br-", "veth")):
            tasks.host.run(["ip", "link", "delete", each["ifname"]])
    command("nft flush ruleset")
    command("rm -r /run/cnm")
    sysctl("net/ipv4/ip_forward", 0)
    assert tasks.restore().changed
    assert known(tasks, "a", "b") == ["10.1.0.3"]
    tasks.end()


LINGERING = """
import ctypes, os, signal, socket, threading, time
held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
held.bind(("127.0.0.1", 53))
told = threading.Event()
threading.Thread(target=lambda: told.wait() and time.sleep(0.3) or os._exit(0)).start()
def end(*_):
    told.set()
    ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    signal.pause()
"""
"""A process whose first thread ends at once when told to, and the other one a little later."""


def test_its_sockets_are_closed_when_it_has_ended(host: Host) -> None:
    with subprocess.Popen([sys.executable, "-c", LINGERING], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdout.readline() == "ready\n"
        name_server_service.stop(host.program, server.pid)
        assert 53 not in [each.port for each in listeners.listening()]


@pytest.mark.parametrize(("status", "what"), [(1, "could not be started"), (0, "ended at once")])
def test_a_server_that_dies_at_once_is_quoted(host: Host, status: int, what: str) -> None:
    program = Path(NAME_SERVER)
    program.write_text(f"#!/bin/sh\necho no memory for me >&2\nexit {status}\n")
    program.chmod(0o755)
    tasks = Tasks(host)
    with pytest.raises(CnmError, match=f"{what}.*: no memory for me"):
        tasks.network("n", "10.1.0.0/24")
    assert "n" not in tasks.shown("network")


def test_it_can_write_only_the_file_with_its_pid(host: Host) -> None:
    program, shared = Path(NAME_SERVER), ("/tmp", "/var/tmp", "/dev/shm")
    for folder in shared:
        Path(folder).chmod(0o1777)
    written = "\n".join(f"(: >{folder}/of-the-server) 2>/dev/null && echo {folder}" for folder in shared)
    program.write_text(f"#!/bin/sh\n{written}\necho 1 >{PID} && echo pid\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(CnmError, match="could not be started: pid[.]"):
        Tasks(host).network("n", "10.1.0.0/24")


def test_it_is_not_started_as_somebody_else_s_user(tasks: Tasks) -> None:
    with open("/etc/passwd", "a") as users:
        users.write("backup2:x:61153:61153::/:/bin/sh\n")
    with pytest.raises(CnmError, match="that user ID belongs to 'backup2' here"):
        tasks.network("n", "10.1.0.0/24")
    assert not running() and "n" not in tasks.shown("network")


def test_somebody_on_its_port(tasks: Tasks) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rival:
        rival.bind(("0.0.0.0", 53))
        with pytest.raises(InvalidInput, match=r"dns: process .* listens on 10.1.0.1 port 53"):
            tasks.network("n", "10.1.0.0/24", dns=True)
        tasks.network("n", "10.1.0.0/24")
        assert tasks.shown("network")["n"]["Host"]["Dns"] is False
    tasks.end()


def test_many_networks_have_one_server(tasks: Tasks) -> None:
    names = [f"n{number}" for number in range(20)]
    tasks.ensure("network", *({"name": name} for name in names))
    tasks.ensure("sandbox", *({"name": f"s{name}", "networks": [{"name": name}]} for name in names))
    pid = PID.read_text()
    tasks.sandbox("t", "n7")
    assert known(tasks, "t", "sn7")
    assert PID.read_text() == pid
    tasks.end()
    assert not running()
