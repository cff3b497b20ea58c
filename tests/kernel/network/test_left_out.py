# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be created is left out and named in the message; everything else is created."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest
from lab import command
from tasks import Tasks, answers, listed, reaches
from test_restore import forget

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import Conflict, Incomplete

CNM = [sys.executable, str(Path(__file__).resolve().parents[3] / "command" / "cnm.py")]


def test_restore(tasks: Tasks) -> None:
    """Other people's namespaces, bridges and links are in the way, and UDP port 4789 is in use."""
    tasks.network("lan", "10.1.0.0/24")
    tasks.network("taken", "10.2.0.0/24")
    peers = [{"name": "b", "address": "198.51.100.1", "endpoints": []}]
    tasks.network("far", "10.3.0.0/24", driver="overlay", peers=peers)
    tasks.sandbox("a", "lan", published_ports=["8080:80"])
    for name, network in (("one", "lan"), ("two", "lan"), ("three", "lan"), ("four", "taken"), ("five", "far")):
        tasks.sandbox(name, network)
    bridge = tasks.device("taken")
    forget(tasks)
    command("ip netns add one")
    os.symlink("/run/nowhere", "/run/netns/two")
    os.unlink("/etc/netns/three/hosts")
    os.symlink("/etc/passwd", "/etc/netns/three/hosts")
    command(f"ip link add {bridge} type bridge")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 4789))
        done = tasks.host.run([*CNM, "restore"])
    said = done.stderr.splitlines()
    assert done.returncode == 3, done.stderr
    for part in (
        "Sandbox 'one' was left out: A network namespace '/run/netns/one' that was not made by us",
        "Sandbox 'two' was left out: The network namespace cannot be created: something else is at '/run/netns/two'",
        "The names of sandbox 'three' were left out: The file cannot be written: a link, folder or device is at "
        "'/etc/netns/three/hosts'",
        f"Network 'taken' was left out, and with it its sandboxes 'four': A bridge '{bridge}' that was not",
        "Network 'far' was left out, and with it its sandboxes 'five': The kernel refused to make vxlan ",
    ):
        assert [line for line in said if line.startswith(f"cnm: {part}")], (part, said)
    assert answers(8080, "a") and reaches("three", "a", tasks.address("a", "lan"))
    assert {"four", "five"}.isdisjoint(os.listdir("/run/netns"))
    assert listed(tasks.host, "ip", "link", "show", "master", bridge) == []
    assert not listed(tasks.host, "ip", "link", "show", "type", "vxlan")
    command("ip netns delete one")
    command(f"ip link delete {bridge}")
    os.unlink("/run/netns/two")
    os.unlink("/etc/netns/three/hosts")
    assert tasks.restore().failures == []
    assert not tasks.restore().changed
    for name in ("one", "two", "three"):
        assert reaches(name, "a", tasks.address("a", "lan"))


def test_a_sandbox_in_the_way_of_a_run_about_another(tasks: Tasks) -> None:
    """The rules were flushed, and a sandbox has created an interface with the name of ours."""
    for number, network in enumerate(("red", "blue"), 1):
        tasks.network(network, f"10.{number}.0.0/24")
    tasks.sandbox("hostile", "red")
    tasks.ensure("sandbox", *({"name": name, "networks": [{"name": "blue"}]} for name in ("a", "b")))
    tasks.host.ip("link set eth0 name mine\nlink add eth0 type veth peer name eth9\n", "/run/netns/hostile")
    command("nft flush ruleset")
    for _again in range(2):
        with pytest.raises(Conflict, match="'eth0' in '/run/netns/hostile' that was not made by us"):
            tasks.sandbox("hostile")
        assert "table inet cnm" in command("nft list tables")
    command("nft flush ruleset")
    with pytest.raises(Incomplete, match="^Sandbox 'hostile' was left out: A .* Everything else was done.$"):
        tasks.network("blue", labels={"a": "b"})
    assert tasks.shown("network")["blue"]["Labels"] == {"a": "b"}
    assert not tasks.network("blue").changed
    assert reaches("a", "b", tasks.address("b", "blue"))
    assert not reaches("hostile", "a", tasks.address("a", "blue"))
    assert tasks.sandbox("hostile", state="absent").changed
    assert not tasks.restore().changed
