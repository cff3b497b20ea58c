# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other hosts' names on a host with the resolver that docs/dns.md sets up."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Iterator, Optional

import pytest
from lab import at
from needed import needs
from stand_in import OUTSIDE
from tasks import Tasks, eventually
from test_name_server import known

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import listeners

pytestmark = needs("unbound", "unbound")

PAGE = Path(__file__).parents[3] / "docs/dns.md"
FIRST, SECOND = "192.0.2.1", "192.0.2.2"
"""The servers that the page names."""
FOUND = [f"203.0.113.{number}" for number in range(1, 61)]
"""More addresses than fit into an answer of 512 bytes."""
CODES = {"SERVFAIL": 2, "REFUSED": 5}
"""RFC 1035 4.1.1."""
AT_ONCE = 2.0
"""Within how many seconds a name must be found on a busy machine. aardvark-dns alone waits 5 for a silent server."""


def answer(query: bytes, kind: str, by_tcp: bool) -> Optional[bytes]:
    """Return the answer to QUERY of a server of this KIND; None if it is silent."""
    if kind == "silent":
        return None
    question = query[12 : query.index(b"\0", 12) + 5]
    flags, records = 0x8180 | CODES.get(kind, 0), []
    if kind == "truncated" and not by_tcp:
        flags |= 0x0200  # TC
    elif kind not in CODES and question[-4:-2] == b"\0\1":
        records = [b"\xc0\x0c\0\1\0\1\0\0\0\x05\0\4" + socket.inet_aton(one) for one in FOUND]
    counts = b"\0\1" + len(records).to_bytes(2, "big") + b"\0\0\0\0"
    return query[:2] + flags.to_bytes(2, "big") + counts + question + b"".join(records)


@contextmanager
def server(address: str, kind: str) -> Iterator[None]:
    """Run a name server of this KIND outside, at ADDRESS, on UDP and TCP."""
    with at(OUTSIDE):
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((address, 53))
        listener = socket.create_server((address, 53))

    def by_udp() -> None:
        while True:
            query, peer = datagrams.recvfrom(4096)
            if not query:
                return
            text = answer(query, kind, by_tcp=False)
            if text:
                datagrams.sendto(text, peer)

    def by_tcp() -> None:
        while True:
            with closing(listener.accept()[0]) as connection, connection.makefile("rwb") as stream:
                length = int.from_bytes(stream.read(2), "big")
                if not length:
                    return
                text = answer(stream.read(length), kind, by_tcp=True)
                if text:
                    stream.write(len(text).to_bytes(2, "big") + text)

    threads = [threading.Thread(target=each) for each in (by_udp, by_tcp)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        with at(OUTSIDE):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", (address, 53))
            socket.create_connection((address, 53)).close()
        for thread in threads:
            thread.join()
        datagrams.close()
        listener.close()


@contextmanager
def resolver() -> Iterator[None]:
    """Run the resolver of the page in the foreground, without the distribution's own settings."""
    example = re.search(r"```text\n(# /etc/unbound.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    here = 'server:\n  username: ""\n  chroot: ""\n  directory: "/run"\n  pidfile: ""\n  use-syslog: no\n'
    # A path that AppArmor lets it read.
    configuration = Path("/etc/unbound/forward.conf")
    configuration.parent.mkdir(exist_ok=True)
    configuration.write_text(f"{here}remote-control:\n  control-enable: no\n{example[1]}")
    with subprocess.Popen(["unbound", "-d", "-c", str(configuration)], stderr=subprocess.DEVNULL) as process:
        try:
            assert eventually(lambda: any(each.port == 53 for each in listeners.listening(("udp",))))
            yield
        finally:
            process.terminate()


@pytest.mark.parametrize("kind", ["silent", "REFUSED", "SERVFAIL", "truncated"])
def test_a_bad_first_server_is_made_up_for(tasks: Tasks, kind: str) -> None:
    """Names are found at once, and the names of sandboxes still come from their network."""
    tasks.host.ip(f"address add {FIRST}/32 dev lo\naddress add {SECOND}/32 dev lo", OUTSIDE)
    Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    with ExitStack() as stack:
        stack.enter_context(server(FIRST, kind))
        # A truncated answer must lead to a query by TCP, so no other server answers in its place.
        stack.enter_context(server(SECOND, "silent" if kind == "truncated" else "good"))
        stack.enter_context(resolver())
        tasks.network("n", "10.1.0.0/24")
        tasks.sandbox("a", "n")
        tasks.sandbox("b", "n")
        for name in ("one.example.net", "two.example.net", "three.example.net"):
            started = time.monotonic()
            assert known(tasks, "a", name, "ahostsv4") == sorted(FOUND)
            assert time.monotonic() - started < AT_ONCE
        assert known(tasks, "a", "b") == ["10.1.0.3"]
        tasks.end()
