# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of a real containerd, which ctr puts on our network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from containerd import Containerd, needs_containerd
from lab import pinged
from needed import needs_name_server
from service import service
from tasks import Tasks, eventually

pytestmark = [needs_containerd, needs_name_server]


@pytest.fixture()
def containerd(blue: Tasks) -> Iterator[Containerd]:
    made = Containerd(blue.host, "blue")
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
        with service() as running:
            assert "1 packets received" in containerd.out("db", "ping", "-c", "1", "own")
            assert running.did_the_last_run()
        assert "nameserver 10.9.0.1" in containerd.out("db", "wget", "-q", "-O", "-", "http://default-web/resolv.conf")
        assert pinged("own", sandbox["Networks"]["blue"]["IPAddress"])
    assert sorted(tasks.shown("sandbox")) == ["own"]
