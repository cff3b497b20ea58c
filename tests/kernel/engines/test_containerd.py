# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of a real containerd, which ctr puts on our network."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from containerd import Containerd, needs_containerd
from lab import pinged
from tasks import Tasks, eventually

pytestmark = [
    needs_containerd,
    pytest.mark.skipif(
        not os.path.exists("/usr/lib/podman/aardvark-dns"), reason="aardvark-dns is needed: apt install aardvark-dns"
    ),
]


@pytest.fixture()
def containerd(tasks: Tasks) -> Iterator[Containerd]:
    tasks.host.have_name_server()
    tasks.network("blue", "10.9.0.0/24")
    made = Containerd(tasks.host, "blue")
    try:
        made.start()
        made.resolve_at("10.9.0.1")
        yield made
    finally:
        made.end()


def test_two_containers_and_a_sandbox_talk_by_name(tasks: Tasks, containerd: Containerd) -> None:
    tasks.sandbox("own", "blue")
    with containerd.container("web", "httpd", "-f", "-p", "80", "-h", "/etc"):
        assert eventually(lambda: "default-web" in tasks.shown("sandbox"))
        sandbox = tasks.shown("sandbox")["default-web"]
        assert (sandbox["Labels"]["cnm.engine"], sandbox["Labels"]["cnm.container"]) == ("cni", "default-web")
        assert "1 packets received" in containerd.out("db", "ping", "-c", "1", "own")
        assert "nameserver 10.9.0.1" in containerd.out("db", "wget", "-q", "-O", "-", "http://default-web/resolv.conf")
        assert pinged("own", sandbox["Networks"]["blue"]["IPAddress"])
    assert sorted(tasks.shown("sandbox")) == ["own"]
