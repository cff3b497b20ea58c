# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import os
import socket

import pytest
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import listeners, sock_diag
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system.listeners import Listener, listening, process

address = ipaddress.ip_address


def bound(kind: int, where: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in where else socket.AF_INET, kind)
    made.bind((where, port))
    if kind == socket.SOCK_STREAM:
        made.listen()
    return made


@pytest.fixture(params=(True, False), ids=("sock_diag", "files"))
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to read the kernel's sockets: kernels without sock_diag refuse any question like an unknown one."""
    if not request.param:
        monkeypatch.setattr(sock_diag, "SOCK_DIAG_BY_FAMILY", 0x7FFF)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("where", ("0.0.0.0", "127.0.0.1", "198.51.100.2", "::", "::1", "2001:db8::2"))
@pytest.mark.parametrize(("protocol", "kind"), (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)))
def test_sockets_are_found_with_their_process(host: Host, where: str, protocol: str, kind: int) -> None:
    assert listening() == []
    with bound(kind, where, 8053) as made:
        (listener,) = listening()
        assert listener == Listener(protocol, address(where), 8053, os.fstat(made.fileno()).st_ino)
        with open("/proc/self/comm") as stream:
            assert process(listener.inode) == f"{stream.read().strip()} ({os.getpid()})"


@pytest.mark.usefixtures("way")
def test_connected_sockets_do_not_listen(host: Host) -> None:
    with bound(socket.SOCK_STREAM, "127.0.0.1", 80) as server, socket.create_connection(("127.0.0.1", 80)):
        assert [each.port for each in listening()] == [80]
        server.close()
        assert listening() == []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", 53))
        assert listening() == []


@pytest.mark.usefixtures("way")
def test_ipv4_socket_of_the_ipv6_kind(host: Host) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as made:
        made.bind(("::ffff:127.0.0.1", 80))
        made.listen()
        assert [each.address for each in listening()] == [address("127.0.0.1")]


def test_sctp_endpoints(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test uses the kernel's text format, because kernels without SCTP have no such sockets."""
    lines = {
        "sctp/eps": [
            "ffff88017e0a0200 ffff880299f7fa00 2   10  29   11165    0   200689 10.0.0.102 10.0.0.70",
            "ffff88017e0a0201 ffff880299f7fa01 2   10  30   11166    0   200690 ::",
        ]
    }
    monkeypatch.setattr(listeners, "_rows", lambda table: [line.split() for line in lines.get(table, ())])
    assert listening() == [
        Listener("sctp", address("10.0.0.102"), 11165, 200689),
        Listener("sctp", address("10.0.0.70"), 11165, 200689),
        Listener("sctp", address("::"), 11166, 200690),
    ]


def test_nobody_has_an_unknown_socket() -> None:
    assert process(0) == ""
