# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel has lost everything, as after a reboot; the store has not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from inventory import FORWARDING, difference, inventory, nothing_left
from lab import HOST, UPLINK4, UPLINK6, command, sysctl
from tasks import BRIDGE, Tasks, answers, hosts, listed, reaches, source_outside

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import Conflict, InvalidInput

CNM = [sys.executable, str(Path(__file__).resolve().parents[3] / "command" / "cnm.py")]


def forget(tasks: Tasks) -> None:
    """Remove what does not survive a reboot."""
    for name in os.listdir("/run/netns"):
        command(f"ip netns delete {name}")
    for each in listed(tasks.host, "ip", "link"):
        if each["ifname"].startswith(("br-", "cnm", "veth", "vx-")):
            tasks.host.run(["ip", "link", "delete", each["ifname"]])
    command("nft flush ruleset")
    command("find /run/cnm -mindepth 1 -delete")
    for name in FORWARDING:
        sysctl(name, 0)


def test_all_comes_back(tasks: Tasks) -> None:
    untouched = inventory(tasks.host)
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    tasks.network("quiet", "10.2.0.0/24", {f"{BRIDGE}.enable_icc": False})
    tasks.network("closed", "10.3.0.0/24", internal=True)
    tasks.sandbox("a", "n", "closed", published_ports=["8080:80"])
    tasks.sandbox("b", "n", "quiet")
    tasks.sandbox("c", "bridge", sysctls={"net.ipv4.ip_default_ttl": 99})
    tasks.sandbox("sleeper", "n")
    tasks.sandbox("sleeper", state="stopped")
    before = inventory(tasks.host)
    assert not tasks.restore().changed
    forget(tasks)
    assert tasks.restore().changed
    assert difference(before, inventory(tasks.host)) == {}
    assert not tasks.restore().changed
    assert difference(before, inventory(tasks.host)) == {}
    for client, address in ((HOST, "127.0.0.1"), ("/run/outside", UPLINK4), ("c", UPLINK4), ("/run/outside", UPLINK6)):
        assert answers(8080, "a", client, address)
    assert reaches("b", "a", hosts("b")["a"])
    assert source_outside("c") == UPLINK4
    assert tasks.sandbox("sleeper", state="present").changed
    tasks.end()
    assert nothing_left(tasks, untouched)


def test_a_task_alone_brings_its_sandbox_back(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n", published_ports=["8080:80"])
    forget(tasks)
    assert tasks.sandbox("a").changed
    assert answers(8080, "a") and source_outside("a") == UPLINK4
    assert not tasks.sandbox("a").changed
    assert not tasks.restore().changed


def test_an_adopted_namespace_that_comes_later(tasks: Tasks) -> None:
    """At boot, its owner may start after us: everything else is restored, and the sandbox joins its networks later."""
    untouched = inventory(tasks.host)
    tasks.network("n", "10.1.0.0/24")
    command("ip netns add theirs")
    tasks.sandbox("a", "n", published_ports=["8080:80"])
    tasks.sandbox("late", "n", netns="/run/netns/theirs", published_ports=["8081:80"])
    forget(tasks)
    done = tasks.host.run([*CNM, "restore"])
    assert (done.returncode, "Sandbox 'late' was left out: " in done.stderr) == (0, True)
    assert "'/run/netns/theirs', which it adopted, is gone" in done.stderr
    assert answers(8080, "a") and source_outside("a") == UPLINK4
    again = tasks.host.run([*CNM, "restore"])
    assert (again.returncode, again.stdout) == (0, "")
    assert tasks.network("another", "10.2.0.0/24").changed
    with pytest.raises(InvalidInput, match="Sandbox 'late': the network namespace '/run/netns/theirs'"):
        tasks.sandbox("late")
    command("ip netns add theirs")
    assert tasks.restore().left_out == []
    assert answers(8081, "theirs") and source_outside("theirs") == UPLINK4
    assert not tasks.restore().changed
    assert not tasks.sandbox("late").changed
    command("ip netns delete theirs")
    tasks.end()
    assert nothing_left(tasks, untouched)


def test_an_adopted_bridge_that_comes_later(tasks: Tasks) -> None:
    """The same for a bridge: what is on other networks is restored."""
    untouched = inventory(tasks.host)
    tasks.host.ip("link add br0 type bridge\nlink set br0 up\n")
    tasks.network("n", "10.1.0.0/24")
    tasks.network("theirs", "10.5.0.0/24", {f"{BRIDGE}.name": "br0"})
    tasks.sandbox("a", "n", published_ports=["8080:80"])
    tasks.sandbox("late", "theirs", published_ports=["8081:80"])
    forget(tasks)
    command("ip link delete br0")
    done = tasks.host.run([*CNM, "restore"])
    said = "Sandbox 'late' was left out: the bridge 'br0', which network 'theirs' adopted, is gone"
    assert (done.returncode, said in done.stderr) == (0, True), done.stderr
    assert answers(8080, "a") and source_outside("a") == UPLINK4
    assert tasks.network("another", "10.2.0.0/24").changed
    for task in (lambda: tasks.network("theirs"), lambda: tasks.sandbox("late")):
        with pytest.raises(Conflict, match="bridge 'br0', which was adopted, is gone"):
            task()
    tasks.host.ip("link add br0 type bridge\nlink set br0 up\n")
    assert tasks.restore().left_out == []
    assert answers(8081, "late") and source_outside("late") == UPLINK4
    assert not tasks.restore().changed
    assert not tasks.network("theirs").changed
    tasks.end()
    command("ip link delete br0")
    assert nothing_left(tasks, untouched)
