# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that list rules run only if the rules have changed since the last listing."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import pytest
from lab import at, command
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall import listings
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel

Programs = List[str]
Groups = Sequence[Tuple[str, List[Dict[str, Any]]]]
BLUE: Groups = (("network", [{"name": "blue"}]),)


def ensure(
    host: Host, check: bool = False, groups: Groups = BLUE, afterwards: Callable[[], object] = bool
) -> Tuple[bool, Programs]:
    """Run a task about GROUPS; return whether it changed something, and which programs it ran.

    :param afterwards: called after each change of the rules
    """
    programs: Programs = []

    def noting(argv: List[str], stdin: Optional[str]) -> Tuple[int, str, str]:
        programs.append(os.path.basename(argv[0]))
        answer = host.program(argv, stdin)
        if stdin is not None:
            afterwards()
        return answer

    with Kernel(noting) as kernel:
        result = Controller(kernel, lambda _warning: None, check).ensure_all(groups)
    return result.changed, programs


def publishing(*ports: int) -> Groups:
    published = [{"container_port": port} for port in ports]
    return [("sandbox", [{"name": "web", "networks": [{"name": "blue"}], "published_ports": published}])]


@pytest.fixture()
def unchanged_host(host: Host) -> Host:
    """A host with a network, after a run that changed nothing and stored the listings."""
    ensure(host)
    assert not ensure(host)[0]
    return host


def test_a_run_that_changes_nothing_runs_no_program(unchanged_host: Host) -> None:
    assert ensure(unchanged_host) == (False, [])
    assert ensure(unchanged_host, check=True) == (False, [])


@pytest.mark.parametrize(
    "change",
    (
        "nft flush chain inet cnm forward",
        "nft delete table inet cnm",
        "nft flush ruleset",
        "nft flush map inet cnm within",
    ),
)
def test_drift_is_seen_at_once(unchanged_host: Host, change: str) -> None:
    command(change)
    assert ensure(unchanged_host, check=True)[0]
    assert ensure(unchanged_host)[0]
    assert not ensure(unchanged_host)[0]


def test_what_others_change_is_asked_for_again(unchanged_host: Host) -> None:
    # Where Docker is installed, the chain already exists and has our rules.
    unchanged_host.run(["iptables", "-w", "-N", "DOCKER-USER"])
    command("iptables -w -F DOCKER-USER")
    changed, programs = ensure(unchanged_host)
    assert changed
    assert "iptables" in programs
    assert "devgroup" in unchanged_host.out(["iptables", "-w", "-S", "DOCKER-USER"])
    ensure(unchanged_host)
    assert ensure(unchanged_host) == (False, [])
    command("iptables -w -D DOCKER-USER 1")
    assert ensure(unchanged_host)[0]


def test_a_port_changes_nothing_but_our_table(unchanged_host: Host) -> None:
    ensure(unchanged_host, groups=publishing(80))
    assert ensure(unchanged_host, groups=publishing(80, 81)) == (True, ["nft", "nft"])
    assert ensure(unchanged_host, groups=publishing(80, 81)) == (False, [])


def test_what_others_change_beside_a_port_is_seen(unchanged_host: Host) -> None:
    unchanged_host.run(["iptables", "-w", "-N", "DOCKER-USER"])
    ensure(unchanged_host, groups=publishing(80))
    assert ensure(unchanged_host, groups=publishing(80, 81), afterwards=lambda: command("iptables -w -F DOCKER-USER"))[
        0
    ]
    assert ensure(unchanged_host, groups=publishing(80, 81))[0]
    assert "devgroup" in unchanged_host.out(["iptables", "-w", "-S", "DOCKER-USER"])


def test_check_mode_keeps_nothing(unchanged_host: Host) -> None:
    os.unlink(listings.MEMORY)
    assert not ensure(unchanged_host, check=True)[0]
    assert not os.path.lexists(listings.MEMORY)


def test_the_answers_are_for_root_alone(unchanged_host: Host) -> None:
    assert stat.S_IMODE(os.lstat(listings.MEMORY).st_mode) == 0o600
    assert not os.path.lexists(f"{listings.MEMORY}.new")


@pytest.mark.parametrize("content", ("", "[]", '{"state": 1}', '{"state": "x", "answers": []}', "null", "{"))
def test_a_damaged_file_is_written_again(unchanged_host: Host, content: str) -> None:
    Path(listings.MEMORY).write_text(content)
    changed, programs = ensure(unchanged_host)
    assert not changed
    assert "nft" in programs
    assert ensure(unchanged_host) == (False, [])


def test_somebody_elses_file_is_not_believed(unchanged_host: Host) -> None:
    os.chown(listings.MEMORY, 1000, 0)
    assert "nft" in ensure(unchanged_host)[1]
    assert os.lstat(listings.MEMORY).st_uid == 0


def test_answers_hold_for_their_namespace_only(unchanged_host: Host) -> None:
    command("ip netns add other")
    asked: Programs = []

    def noting(argv: List[str], stdin: Optional[str]) -> Tuple[int, str, str]:
        asked.append(argv[0])
        return unchanged_host.program(argv, stdin)

    for place, known in (("", True), ("other", False)):
        with at(place):
            lister = listings.Listings(noting)
            assert ("cnm" in lister.run(["/usr/sbin/nft", "-j", "list", "chains"], None)[1]) is known
            lister.close()
    assert len(asked) == 1


def test_failures_are_not_kept(host: Host) -> None:
    lister = listings.Listings(lambda argv, stdin: (1, "", "no memory"))
    for _attempt in range(2):
        assert lister.run(["/usr/sbin/nft", "-j", "list", "chains"], None)[0] == 1
    lister.keep()
    lister.close()
    assert not os.path.lexists(listings.MEMORY)
