# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing the same things with Docker and with us has the same results, except for the list of differences."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from random import Random

import differences
import pytest
from comparison import Comparison
from dockerd import needs_docker
from ours import Ours
from steps import Draw, Step
from theirs import Theirs

pytestmark = needs_docker
LENGTH = 25
"""The number of steps in a sequence."""


def compared(ours: Ours, theirs: Theirs, steps: list[Step]) -> Comparison:
    """Carry out STEPS on both sides, which are empty before and afterwards."""
    try:
        comparison = Comparison(ours, theirs)
        comparison.run(steps)
        return comparison
    finally:
        for side in (ours, theirs):
            side.reset()


def shortest(ours: Ours, theirs: Theirs, steps: list[Step]) -> list[Step]:
    """Return the shortest part of STEPS that still fails."""
    for number in reversed(range(len(steps))):
        fewer = steps[:number] + steps[number + 1 :]
        try:
            compared(ours, theirs, fewer)
        except AssertionError:
            steps = fewer
    return steps


def test_pools_of_the_walkthrough(ours: Ours, theirs: Theirs) -> None:
    """A Docker that has just started chooses the first free pool, as in 1.9."""
    given = {"pools": [{"subnet": "172.19.0.0/16"}]}
    steps = [
        Step("create", "al"),
        Step("create", "bl", arguments=given),
        Step("create", "cl"),
        Step("run", "one", "cl"),
    ]
    for side in (ours, theirs):
        assert [side.do(step) for step in steps] == [[]] * len(steps)
        subnets = {
            name: [pool["Subnet"] for pool in shown["IPAM"]["Config"]] for name, shown in side.networks().items()
        }
        assert subnets == {
            "bridge": ["172.17.0.0/16"],
            "host": [],
            "none": [],
            "al": ["172.18.0.0/16"],
            "bl": ["172.19.0.0/16"],
            "cl": ["172.20.0.0/16"],
        }
        side.reset()


def test_random_sequences(request: pytest.FixtureRequest, ours: Ours, theirs: Theirs) -> None:
    option = request.config.option
    deadline, number = time.monotonic() + option.seconds, option.seed
    outcomes: Counter[tuple[str, str]] = Counter()
    while time.monotonic() < deadline and number - option.seed < option.sequences:
        steps = Draw(Random(number)).sequence(LENGTH)
        try:
            outcomes += compared(ours, theirs, steps).outcomes
        except BaseException:
            print(f"This sequence again: --seed {number} --seconds 1; --shrink leaves out what is not needed")
            print(*(shortest(ours, theirs, steps) if option.shrink else steps), sep="\n")
            raise
        number += 1
    print(f"{number - option.seed} sequences:")
    for verb, what in sorted(outcomes):
        print(f"{outcomes[verb, what]:5} {verb:10} {what}")
    assert "both" in {what for _verb, what in outcomes}


def test_the_differences_are_documented() -> None:
    """Users can read each reason in the documentation."""
    page = " ".join((Path(__file__).parents[2] / "docs" / "docker.md").read_text().split())
    reasons = [each.reason for each in (*differences.REFUSALS, *differences.HIDDEN)] + [*differences.OTHERS]
    assert [reason for reason in reasons if reason not in page] == []
