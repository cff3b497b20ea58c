# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One story on two Dockers with an etcd and on two of our hosts: users see the same, except intended differences."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cnm_hosts import CnmHosts
from docker_fleet import needs_docker_fleet
from docker_hosts import DockerHosts
from intended import INTENDED, Difference, intended
from noticed import Onlooker, differing
from story import STORY, Act

LOOKS = 4
"""How often to look at most. Hosts need time to tell each other about changes."""


@needs_docker_fleet
def test_the_same_story(ours: CnmHosts, theirs: DockerHosts) -> None:
    sides = (ours, theirs)
    onlookers = [Onlooker(side) for side in sides]
    met: set[Difference] = set()
    for act in STORY:
        with ThreadPoolExecutor(len(sides)) as pool:
            problems = [*pool.map(lambda side, act=act: side.do(act.moves), sides)]
        assert [bool(each) for each in problems] == [act.refused] * len(sides), (act.title, problems)
        met |= seen_after(act, onlookers)
    vanished = [each.reason for each in INTENDED if each.always and each not in met]
    assert vanished == [], "These are no longer differences."


def seen_after(act: Act, onlookers: Sequence[Onlooker]) -> set[Difference]:
    """Return the intended differences after ACT. Fail if there are others."""
    for onlooker in onlookers:
        onlooker.hear(act)
    unexplained: list[str] = []
    for _time in range(LOOKS):
        differences = [*differing(*(onlooker.look() for onlooker in onlookers))]
        reasons = [intended(*each) for each in differences]
        unexplained = [
            "{}: {!r} of ours, {!r} of theirs".format(*each) for each, why in zip(differences, reasons) if not why
        ]
        if not unexplained:
            return {why for why in reasons if why}
    raise AssertionError(f"After: {act.title}. " + "; ".join(unexplained))


def test_the_differences_are_documented() -> None:
    """Users can read each reason in the documentation."""
    page = " ".join((Path(__file__).parents[2] / "docs" / "overlay.md").read_text().split())
    assert [each.reason for each in INTENDED if each.reason not in page] == []
