# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces adopted by a path or a pid that others can make refer to something else."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lab import command
from stand_in import OUTSIDE
from tasks import Tasks, listed, reaches

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.facts import Facts
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, KernelRefused

CNM = [sys.executable, str(Path(__file__).resolve().parents[3] / "command" / "cnm.py")]
NEXT_PID = Path("/proc/sys/kernel/ns_last_pid")


@pytest.fixture()
def lan(tasks: Tasks, patience: None) -> Tasks:
    tasks.network("lan", "10.1.0.0/24")
    return tasks


@contextmanager
def container(pid: int = 0) -> Iterator[int]:
    """Yield the pid of a process in its own network namespace. It is PID, if that is given."""
    for _attempt in range(100):
        if pid:
            NEXT_PID.write_text(str(pid - 1))
        with subprocess.Popen(["unshare", "--net", "sleep", "60"]) as process:
            if pid in (0, process.pid):
                home = os.readlink("/proc/self/ns/net")
                while os.readlink(f"/proc/{process.pid}/ns/net") == home:
                    time.sleep(0.005)
                try:
                    yield process.pid
                finally:
                    process.kill()
                return
            process.kill()
    pytest.skip(f"pid {pid} cannot be had")


def inside(tasks: Tasks, pid: int) -> set[str]:
    """Return the links of the process PID."""
    shown = tasks.host.out(["ip", "-brief", "link"], f"/proc/{pid}/ns/net")
    return {line.split()[0].partition("@")[0] for line in shown.splitlines()}


def host_links(tasks: Tasks) -> set[str]:
    return {link["ifname"] for link in listed(tasks.host, "ip", "link")}


def test_a_pid_that_is_another_process_by_now(lan: Tasks) -> None:
    """The inode numbers of namespaces are reused at once, so both the pid and the inode may be the same."""
    before = host_links(lan)
    for _attempt in range(10):
        with container() as pid:
            inode = os.stat(f"/proc/{pid}/ns/net").st_ino
            lan.sandbox("web", "lan", pid=pid)
            assert inside(lan, pid) == {"lo", "eth0"}
        while host_links(lan) != before:
            time.sleep(0.01)
        time.sleep(0.05)
        with container(pid) as another:
            same = os.stat(f"/proc/{another}/ns/net").st_ino == inode
            with pytest.raises(CnmError, match="has ended"):
                lan.sandbox("web", "lan")
            lan.restore()
            assert inside(lan, another) == {"lo"}
            done = lan.host.run([*CNM, "sandbox", "exec", "web", "true"])
            assert (done.returncode, "has ended" in done.stderr) == (125, True)
            lan.sandbox("web", state="absent")
            assert inside(lan, another) == {"lo"}
        if same:
            return
    pytest.skip("the kernel gave no inode out again")


def test_a_path_that_is_turned_to_the_host(lan: Tasks) -> None:
    """The path is a user's own link. The user cannot enter the host's namespace, but we can."""
    command("ip netns add theirs")
    link = Path("/run/mine")
    link.symlink_to("/run/netns/theirs")
    lan.sandbox("web", "lan", netns=str(link))
    link.unlink()
    link.symlink_to("/proc/1/ns/net" if _is_host("/proc/1/ns/net") else f"/proc/{os.getpid()}/ns/net")
    before = host_links(lan)
    with pytest.raises(CnmError, match=str(link)):
        lan.sandbox("web", "lan", sysctls={"net.ipv4.ip_default_ttl": "1"})
    lan.restore()
    assert host_links(lan) - before == set()
    assert Path("/proc/sys/net/ipv4/ip_default_ttl").read_text() != "1\n"
    lan.sandbox("web", state="absent")
    assert host_links(lan) - before == set()


def test_a_path_that_is_turned_to_another_sandbox(lan: Tasks) -> None:
    """The user cannot enter the namespace of the other sandbox, but we would take it for the one that was adopted."""
    command("ip netns add theirs")
    link = Path("/run/mine")

    def turn(name: str) -> None:
        link.unlink(missing_ok=True)
        link.symlink_to(f"/run/netns/{name}")

    def near() -> Any:
        links = listed(lan.host, "ip", "address", place="near")
        routes = lan.host.out(["ip", "route"], "/run/netns/near")
        return routes, [(each["ifname"], each["address"], each["addr_info"]) for each in links]

    lan.sandbox("near", "lan")
    before = near()
    turn("theirs")
    lan.sandbox("web", "lan", netns=str(link))
    turn("near")
    with pytest.raises(CnmError, match=f"^Sandbox 'web': the namespace at '{link}' is already used by sandbox 'near'"):
        lan.sandbox("web", "lan", netns=str(link), sysctls={"net.ipv4.ip_default_ttl": "1"})
    lan.warnings.clear()
    lan.restore()
    assert [f"'{link}' leads to the namespace of sandbox 'near' now" in text for text in lan.warnings] == [True]
    lan.network("lan", "10.1.0.0/24", driver_options={"com.docker.network.driver.mtu": "1400"})
    assert near() == before
    turn("theirs")
    lan.sandbox("web", "lan", netns=str(link))
    assert reaches("theirs", "near", lan.address("near", "lan"))
    for state in ("stopped", "absent"):
        turn("near")
        lan.sandbox("web", state=state)
        assert near() == before
    assert not lan.restore().changed


def _is_host(path: str) -> bool:
    return os.stat(path).st_ino == os.stat("/proc/self/ns/net").st_ino


def test_a_path_that_is_turned_during_a_run(lan: Tasks) -> None:
    command("ip netns add theirs")
    link = Path("/run/mine")
    link.symlink_to("/run/netns/theirs")
    with Kernel(lan.host.program) as kernel:
        assert kernel.facts.namespace_id(str(link))
        link.unlink()
        link.symlink_to(OUTSIDE)
        with pytest.raises(KernelRefused, match="another network namespace"):
            kernel.facts.namespace_id(str(link))


TURNING = """
import os, runpy, sys
really = os.execv
def turned(*arguments):
    os.unlink("/run/mine")
    os.symlink(f"/proc/{os.getppid()}/ns/net", "/run/mine")
    really(*arguments)
os.execv = turned
sys.argv = ["cnm", "sandbox", "exec", "web", "readlink", "/proc/self/ns/net"]
sys.path.insert(0, os.path.dirname(os.environ["CNM"]))
runpy.run_path(os.environ["CNM"])
"""
"""Points the adopted path to the host's own namespace after all checks have been made."""


def test_a_program_is_in_the_namespace_that_was_checked(lan: Tasks) -> None:
    command("ip netns add theirs")
    Path("/run/mine").symlink_to("/run/netns/theirs")
    lan.sandbox("web", "lan", netns="/run/mine")
    theirs = lan.host.out(["readlink", "/proc/self/ns/net"], "/run/netns/theirs")
    done = subprocess.run(
        [sys.executable, "-c", TURNING], env={**os.environ, "CNM": CNM[1]}, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == (theirs, 0), done.stderr


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "file", "mount namespace", "process"])
def test_what_is_no_network_namespace_is_not_opened(lan: Tasks, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a pipe blocks. Opening a device may have effects, such as starting a watchdog or rewinding a tape."""
    path = f"/run/{kind.replace(' ', '-')}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = "/dev/zero"
    elif kind == "folder":
        os.mkdir(path)
    elif kind == "file":
        Path(path).touch()
    else:
        path = "/proc/self/ns/mnt" if kind == "mount namespace" else "/proc/self/stat"
    opened: list[str] = []
    really = os.open

    def watched(target: str, flags: int, *more: int, **others: int) -> int:
        if target == path and not flags & os.O_PATH:
            opened.append(target)
        return really(target, flags, *more, **others)

    monkeypatch.setattr(os, "open", watched)
    with pytest.raises(CnmError, match="no network namespace"):
        lan.sandbox("web", "lan", netns=path)
    assert opened == []


def test_only_the_network_of_a_container_is_entered(lan: Tasks) -> None:
    """No program or file of the container is used: the container controls them."""
    script = (
        "mount -t tmpfs tmpfs /usr/sbin && mount -t tmpfs tmpfs /etc/netns && "
        "for name in nft iptables ip; do printf '#!/bin/sh\\ntouch /run/owned\\n' >/usr/sbin/$name; "
        "chmod +x /usr/sbin/$name; done; touch /run/ready; exec sleep 60"
    )
    with subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", script]) as process:
        while not Path("/run/ready").exists():
            time.sleep(0.01)
        lan.sandbox("web", "lan", pid=process.pid, published_ports=["8080:80"])
        hosts = Path("/etc/netns/web/hosts").read_text()
        theirs = Path(f"/proc/{process.pid}/root/etc/netns")
        assert "\tweb" in hosts
        assert os.listdir(theirs) == []
        lan.sandbox("web", state="absent")
        process.kill()
    assert not Path("/run/owned").exists()


def _netlink_ports() -> set[int]:
    """Return the addresses of the NETLINK_ROUTE sockets in this namespace."""
    rows = [line.split() for line in Path("/proc/thread-self/net/netlink").read_text().splitlines()[1:]]
    return {int(row[2]) for row in rows if row[1] == "0"}


def test_nobody_answers_in_the_kernel_s_place(lan: Tasks) -> None:
    """Anyone with rights in a namespace can send to any netlink socket in it, even a user in a user namespace."""
    before = _netlink_ports()
    with Kernel(lan.host.program) as kernel:
        assert kernel.facts.has_foreign_link("uplink")
        (port,) = _netlink_ports() - before
        forged = struct.pack("=IHHII", 16, 3, 0, 1, 0)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as stranger, pytest.raises(ConnectionRefusedError):
            stranger.sendto(forged, (port, 0))


def test_a_path_that_its_owner_redirects_while_it_is_checked(
    lan: Tasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path leads to another sandbox, except for the moment in which sandboxes are compared."""
    lan.sandbox("near", "lan")
    command("ip netns add theirs")
    link = tmp_path / "namespace"
    link.symlink_to("/run/netns/near")

    asked = Facts.namespace_file

    def lead_to(name: str) -> None:
        link.unlink()
        link.symlink_to(f"/run/netns/{name}")

    def ask(facts: Facts, path: str) -> object:
        lead_to("theirs")
        try:
            return asked(facts, path)
        finally:
            lead_to("near")

    monkeypatch.setattr(Facts, "namespace_file", ask)
    before = lan.host.out(["ip", "-brief", "address"], "/run/netns/near")
    with pytest.raises(CnmError):
        lan.sandbox("lent", "lan", netns=str(link))
    assert lan.host.out(["ip", "-brief", "address"], "/run/netns/near") == before
