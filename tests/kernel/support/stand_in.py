# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in for a host: private namespaces with their own kernel settings, folders and uplink."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

from namespaces import NEWNET, Place, call, have_own

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.dns import RECORDS

_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
OUTSIDE = "/run/outside"
_NAME_SERVER = "/usr/lib/podman"
_ADDED = re.compile(r"^address add (\S*:\S*)/\d+ dev (\S+) nodad$", re.MULTILINE)
_PATIENCE = 60
"""Seconds."""
_LINK = f"""\
link set lo up
link add uplink type veth peer name wan netns {OUTSIDE}
address add 198.51.100.2/24 dev uplink
address add 2001:db8::2/64 dev uplink nodad
"""
_OUTSIDE = """\
link set lo up
address add 198.51.100.1/24 dev wan
address add 2001:db8::1/64 dev wan nodad
link set wan up
"""
_UP = """\
link set uplink up
route add default via 198.51.100.1
route add default via 2001:db8::1
"""
"""The outer end is set up first: an end that comes up alone waits a second before it can be used for IPv6."""


def _mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount without the program mount, which takes ten times as long. Each test makes ten mounts."""
    call("mount", source.encode(), target.encode(), kind.encode(), flags, options.encode())


def _namespace(path: str) -> None:
    """Create a network namespace at PATH."""
    Path(path).touch()
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    call("unshare", NEWNET)
    try:
        _mount("/proc/thread-self/ns/net", path, flags=_MS_BIND)
    finally:
        call("setns", home, NEWNET)
        os.close(home)


def _overlay(folder: str) -> None:
    upper, work = f"/run/overlay{folder}/upper", f"/run/overlay{folder}/work"
    os.makedirs(upper)
    os.makedirs(work)
    _mount("overlay", folder, "overlay", options=f"lowerdir={folder},upperdir={upper},workdir={work}")


class Host:
    """The stand-in for a host, with a :class:`Kernel`, a method that runs programs, and a network namespace outside."""

    outside = OUTSIDE

    def __init__(self) -> None:
        _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
        _mount("tmpfs", "/run", "tmpfs")
        for folder in ("/etc", "/var/cache", "/var/lib"):
            _overlay(folder)
        # The program mount creates the last one, so every host that has booted has it.
        for folder in ("/run/netns", "/run/cnm", "/etc/netns", "/var/lib/cnm", "/run/mount"):
            os.makedirs(folder, exist_ok=True)
        for folder in ("/etc/netns", "/var/lib/cnm"):
            # The machine that runs the tests may have networks of ours, too.
            _mount("tmpfs", folder, "tmpfs")
        # New networks have DNS if the name server's program is installed, and most tests are about other things.
        if os.path.isdir(_NAME_SERVER):
            _mount("tmpfs", _NAME_SERVER, "tmpfs")
        _namespace(OUTSIDE)
        self._batch(_LINK, None)
        self._batch(_OUTSIDE, OUTSIDE)
        self._batch(_UP, None)
        self.kernel = Kernel(self.program)

    def have_name_server(self) -> None:
        """Let the host have the name server's program, if the machine has it."""
        if os.path.isdir(_NAME_SERVER):
            subprocess.run(["umount", _NAME_SERVER], check=True)

    def close(self) -> None:
        """Stop what would outlive the host."""
        self.kernel.close()
        self.kill_name_server()

    def kill_name_server(self) -> None:
        """Kill the name server, if it runs, without giving it a chance to clean up."""
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(Path(RECORDS, "aardvark.pid").read_text()), signal.SIGKILL)

    def run(
        self, argv: List[str], namespace: Optional[str] = None, stdin: Optional[str] = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run ARGV on the host, or in the network namespace at the path NAMESPACE."""
        command = ["nsenter", f"--net={namespace}", *argv] if namespace else argv
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=300)

    def out(self, argv: List[str], namespace: Optional[str] = None) -> str:
        """Run ARGV, which must succeed, and return its output."""
        done = self.run(argv, namespace)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def ip(self, commands: str, namespace: Optional[str] = None) -> None:
        """Run the COMMANDS of ip, one per line, and wait until the IPv6 addresses work that they add to links."""
        self._batch(commands, namespace)
        for address, link in _ADDED.findall(commands):
            # The kernel may be many seconds late (readiness.py). On a link that is down, no address works.
            deadline = time.monotonic() + _PATIENCE
            while self._is_up(link, namespace) and not self._is_local(address, namespace):
                assert time.monotonic() < deadline, f"{address} does not work"

    def _batch(self, commands: str, namespace: Optional[str]) -> None:
        done = self.run(["ip", "-batch", "-"], namespace, stdin=commands)
        assert done.returncode == 0, done.stderr

    def _is_up(self, link: str, namespace: Optional[str]) -> bool:
        (interface,) = json.loads(self.out(["ip", "-json", "link", "show", "dev", link], namespace))
        return "UP" in interface["flags"]

    def _is_local(self, address: str, namespace: Optional[str]) -> bool:
        done = self.run(["ip", "-json", "route", "get", address], namespace)
        return done.returncode == 0 and json.loads(done.stdout)[0].get("type") == "local"

    def program(self, argv: List[str], stdin: Optional[str]) -> Tuple[int, str, str]:
        """Run ARGV in the form that the core expects."""
        done = self.run(argv, stdin=stdin)
        return done.returncode, done.stdout, done.stderr


@contextmanager
def private() -> Iterator[Host]:
    """Move this process to a host of its own: private network and mount namespaces."""
    folder, home = os.getcwd(), Place()
    have_own()
    try:
        made = Host()
        try:
            yield made
        finally:
            made.close()
    finally:
        home.enter()
        home.close()
        os.chdir(folder)
