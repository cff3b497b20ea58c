# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody else's firewall drops forwarded packets: a warning names it and says what to do."""

from __future__ import annotations

from lab import UPLINK4, command
from tasks import Tasks, answers, source_outside


def test_a_policy_that_drops_is_named(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    assert tasks.warnings == []
    command("nft add table inet strict")
    command("nft add chain inet strict gate { type filter hook forward priority 5 ; policy drop ; }")
    tasks.sandbox("a", "n")
    (warning,) = tasks.warnings
    for part in ("'gate'", "'inet strict'", "drops forwarded traffic", tasks.device("n")):
        assert part in warning
    assert source_outside("a") is None
    for direction in ("iifname", "oifname"):
        command(f"nft add rule inet strict gate {direction} {tasks.device('n')} accept")
    assert not tasks.sandbox("a").changed
    assert tasks.warnings == []
    assert source_outside("a") == UPLINK4


def test_docker_comes_after_us(tasks: Tasks) -> None:
    """The predefined network has had its subnet since the store was created, and docker0 takes the same one."""
    tasks.network("n", "10.1.0.0/24")
    command("ip link add docker0 type bridge")
    command("ip address add 172.17.0.1/16 dev docker0")
    command("ip link set docker0 up")
    tasks.sandbox("a", "bridge", published_ports=["8080:80"])
    assert not tasks.address("a", "bridge").startswith("172.17.")
    assert "dev docker0" in command("ip route get 172.17.0.9")
    assert source_outside("a") == UPLINK4 and answers(8080, "a")
    assert not tasks.sandbox("a", "bridge").changed
