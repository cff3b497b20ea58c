# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One story on Docker with an etcd and on our hosts: users see the same, except intended differences.

There are two Dockers, two of our hosts that the inventory tells of each other, and two that share an etcd.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from docker_fleet import needs_docker_fleet
from docker_hosts import DockerHosts
from etcd_hosts import EtcdHosts
from intended import INTENDED, Difference, intended
from inventory_hosts import InventoryHosts
from noticed import Onlooker, differing
from story import STORY, Act

LOOKS = 8
"""How often to look at most. Hosts need time to tell each other about changes."""


@needs_docker_fleet
def test_the_same_story(played: InventoryHosts, sharing: EtcdHosts, theirs: DockerHosts) -> None:
    comparison = Comparison((played, sharing), theirs)
    for act in STORY:
        comparison.see(act)
    assert comparison.vanished() == [], "These are no longer differences."


class Comparison:
    """The same acts on OURS, several pairs of hosts, and on THEIRS."""

    def __init__(self, ours: tuple[InventoryHosts, EtcdHosts], theirs: DockerHosts) -> None:
        self._controls = [each.control for each in ours]
        self._sides = (*ours, theirs)
        self._onlookers = [Onlooker(side) for side in self._sides]
        self._met: set[tuple[str, Difference]] = set()
        self._pool = ThreadPoolExecutor(len(self._sides))

    def see(self, act: Act) -> None:
        """Do ACT on all sides, and compare what users then see. Fail if there are differences that are not intended."""
        problems = [*self._pool.map(lambda side: side.do(act.moves), self._sides)]
        assert [bool(each) for each in problems] == [act.refused] * len(self._sides), (act.title, problems)
        for onlooker in self._onlookers:
            onlooker.hear(act)
        for _time in range(LOOKS):
            unexplained = self._look()
            if not unexplained:
                return
        raise AssertionError(f"After: {act.title}. " + "; ".join(unexplained))

    def _look(self) -> list[str]:
        """Note the intended differences, and return the others."""
        *all_ours, theirs = self._pool.map(Onlooker.look, self._onlookers)
        unexplained = []
        for control, ours in zip(self._controls, all_ours):
            for each in differing(ours, theirs):
                why = intended(control, *each)
                if why:
                    self._met.add((control, why))
                else:
                    unexplained.append("with {}, {}: {!r} of ours, {!r} of theirs".format(control, *each))
        return unexplained

    def vanished(self) -> list[tuple[str, str]]:
        """Return the intended differences that there have not been."""
        expected = [(control, each) for each in INTENDED if each.always for control in each.controls]
        return [(control, each.reason) for control, each in expected if (control, each) not in self._met]


def test_the_differences_are_documented() -> None:
    """Users can read each reason in the documentation."""
    page = " ".join((Path(__file__).parents[2] / "docs" / "overlay.md").read_text().split())
    assert [each.reason for each in INTENDED if each.reason not in page] == []
