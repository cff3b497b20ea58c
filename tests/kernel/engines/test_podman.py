# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of a real Podman that uses CNI."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab import pinged
from needed import needs_name_server
from podman import Podman, needs_podman
from tasks import Tasks

pytestmark = [needs_podman, needs_name_server]


@pytest.fixture()
def podman(blue: Tasks) -> Iterator[Podman]:
    made = Podman(blue.host, "blue")
    if made.version() >= 5:
        pytest.skip("Podman 5 has no CNI backend")
    try:
        yield made
    finally:
        made.end()


def test_containers_have_what_podman_asks_for_and_talk_by_name(tasks: Tasks, podman: Podman) -> None:
    tasks.sandbox("own", "blue")
    podman.run("web", "/bin/httpd -f -p 80 -h /etc", "--detach", "--network-alias=www", "--publish=8080:80")
    sandbox = tasks.shown("sandbox")["web"]
    assert sandbox["Labels"]["cnm.engine"] == "cni"
    assert sandbox["Ports"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
    address = sandbox["Networks"]["blue"]["IPAddress"]
    inspected = podman.command("inspect", "web", "--format={{.NetworkSettings.Networks.blue.IPAddress}}")
    assert inspected.strip() == address
    assert pinged("own", address)
    chosen = ["--rm", "--ip=10.9.0.77", "--mac-address=02:00:00:00:00:77"]
    said = podman.run("db", "/bin/cat /etc/resolv.conf /sys/class/net/eth0/address", *chosen)
    assert "nameserver 10.9.0.1" in said and "02:00:00:00:00:77" in said
    assert "1 packets received" in podman.run("asks", "/bin/ping -c 1 own", "--rm")
    assert "web" in podman.run("gets", "/bin/wget -q -O - http://www/hosts", "--rm")
    podman.command("restart", "--time=0", "web")
    assert tasks.shown("sandbox")["web"]["Ports"] == sandbox["Ports"]
    podman.command("rm", "--force", "--time=0", "web")
    assert sorted(tasks.shown("sandbox")) == ["own"]
