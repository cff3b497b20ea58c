# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chain DOCKER-USER, where our rules contain names of the host's devices."""

from __future__ import annotations

from lab import command, run
from tasks import Tasks


def test_a_device_s_name_is_no_wildcard_and_ends_no_rule(tasks: Tasks) -> None:
    """The name 'br-+', used as a wildcard, would open all of Docker's networks to our sandboxes."""
    command("iptables -N DOCKER-USER")
    for name in ("br-+", 'br-"a', "br-'b", "br-\\c", "br-lan"):
        assert run(["ip", "link", "add", name, "type", "bridge"])[0] == 0
    tasks.network("n", "10.1.0.0/24")
    rules = command("iptables -S DOCKER-USER").splitlines()
    named = [rule.split()[rule.split().index("-o") + 1] for rule in rules if " -o " in rule]
    assert sorted(named) == ["br-+", "br-lan", "docker0"]
    (ending,) = [rule for rule in rules if "-o br-+ " in rule]
    assert ending.endswith("-j DROP")


def test_other_people_s_rules_stay_whatever_their_comments_say(tasks: Tasks) -> None:
    comments = ["it's ours", 'a "quoted" cnm', "cnm; -j DROP", "# BEGIN cnm", "cnm"]
    command("iptables -N DOCKER-USER")
    for comment in comments:
        assert run(["iptables", "-A", "DOCKER-USER", "-m", "comment", "--comment", comment, "-j", "RETURN"])[0] == 0
    before = command("iptables -S DOCKER-USER").splitlines()
    tasks.network("n", "10.1.0.0/24")
    assert set(before) < set(command("iptables -S DOCKER-USER").splitlines())
    tasks.network("n", state="absent")
    assert command("iptables -S DOCKER-USER").splitlines() == before
