# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody flushes the rules: any task of ours restores all of ours."""

from __future__ import annotations

from typing import Callable

import pytest
from lab import command
from playbook import ALL, NEIGHBOURS_ALONE, Playbook, answers, reaches_out, web_works

TASKS: dict[str, Callable[[Playbook], bool]] = {
    "another network": lambda play: play.network("other").changed,
    "another network's sandbox": lambda play: play.sandbox("three", "other").changed,
    "the network": lambda play: play.network("web").changed,
}


@pytest.mark.parametrize("task", TASKS)
def test_a_flushed_ruleset_comes_back_with_any_task(play: Playbook, task: str) -> None:
    play.web()
    play.network("other")
    play.sandbox("three", "other", published_ports=["8081:80"])
    before = play.host.out(["nft", "list", "ruleset"])
    command("nft flush ruleset")
    assert not reaches_out("two")
    assert TASKS[task](play)
    assert web_works(play) == ALL
    assert answers(8081, "three")
    assert play.host.out(["nft", "list", "ruleset"]) == before
    assert [again(play) for again in TASKS.values()] == [False] * len(TASKS)


def test_check_mode_says_so_and_does_not_do_it(play: Playbook) -> None:
    play.web()
    command("nft flush ruleset")
    assert play.network("web", check=True).changed
    assert play.host.out(["nft", "list", "ruleset"]) == ""


def test_a_flushed_chain_of_docker_comes_back(play: Playbook) -> None:
    for rule in ("-P FORWARD DROP", "-N DOCKER-USER", "-A DOCKER-USER -j RETURN", "-A FORWARD -j DOCKER-USER"):
        command(f"iptables -w {rule}")
    command("iptables -w -A FORWARD -i br-+ -o br-+ -j ACCEPT")
    play.web()
    play.network("other")
    whole = play.host.out(["iptables", "-w", "-S"])
    assert web_works(play) == ALL
    command("iptables -w -F DOCKER-USER")
    assert web_works(play) == NEIGHBOURS_ALONE
    assert play.network("other").changed
    assert web_works(play) == ALL
    assert not play.network("other").changed
    assert [rule for rule in whole.splitlines() if "cnm" in rule] == [
        rule for rule in play.host.out(["iptables", "-w", "-S"]).splitlines() if "cnm" in rule
    ]
