# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forwarding is switched on for our networks, and set back when the last of them is removed."""

from __future__ import annotations

import pytest
from lab import command, sysctl
from playbook import Playbook, inventory, setting

FOUR, SIX = "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"
BOTH_ON = ["1", "1"]


def forwarding() -> list[str]:
    return [setting(FOUR), setting(SIX)]


@pytest.mark.parametrize("before", (["0", "0"], ["1", "0"], ["0", "1"], BOTH_ON))
def test_the_last_network_puts_it_back(play: Playbook, before: list[str]) -> None:
    for name, value in zip((FOUR, SIX), before):
        sysctl(name, value)
    whole = inventory(play.host)
    play.network("web", enable_ipv6=True)
    assert forwarding() == BOTH_ON
    play.network("other")
    play.network("web", state="absent")
    assert setting(FOUR) == "1"
    play.network("other", state="absent")
    assert forwarding() == before
    assert inventory(play.host) == whole


def test_the_predefined_bridge_puts_it_back(play: Playbook) -> None:
    whole = inventory(play.host)
    play.sandbox("one", "bridge")
    assert setting(FOUR) == "1"
    play.sandbox("one", state="absent")
    assert setting(FOUR) == "0"
    assert inventory(play.host) == whole


def test_another_s_later_bridge_keeps_it(play: Playbook) -> None:
    """Its owner, such as Docker, has found forwarding switched on, and relies on it."""
    whole = inventory(play.host)
    play.network("web", enable_ipv6=True)
    command("ip link add docker0 type bridge")
    play.network("web", state="absent")
    assert forwarding() == BOTH_ON
    command("ip link delete docker0")
    play.network("web", state="absent")
    assert inventory(play.host) == whole


def test_a_bridge_that_was_there_before_does_not_keep_it(play: Playbook) -> None:
    command("ip link add docker0 type bridge")
    play.network("web", enable_ipv6=True)
    play.network("web", state="absent")
    assert forwarding() == ["0", "0"]


def test_switched_off_by_somebody_it_is_switched_on_again(play: Playbook) -> None:
    play.network("web")
    sysctl(FOUR, 0)
    assert play.network("web").changed
    assert setting(FOUR) == "1"
    assert not play.network("web").changed
