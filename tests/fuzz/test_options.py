# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any options: they are refused with a sentence and the host is unchanged, or they are applied."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import strategies as st
from inventory import difference
from machine import Machine
from running import NAMES, PLURALS, Pretended, arguments, converges, furnish, objects, run, tidy
from trial import tried
from values import items


def drawn(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Draw options of the module NAME, in its single form and its list form."""
    options = arguments(name)
    plural = PLURALS.get(name)
    asked = items({key: spec for key, spec in options.items() if key != plural})
    if not plural:
        return asked
    listed = st.fixed_dictionaries({plural: st.lists(items(options[plural]["options"]), max_size=3)})
    return asked | asked | listed


@pytest.mark.parametrize("name", NAMES)
def test_on_a_pretended_host(name: str, pretended: Pretended, begin: int, seconds: float) -> None:
    pretended.begin()
    with pretended.entered():
        before = objects()

    def body(drawn: tuple[dict[str, Any], bool]) -> None:
        asked, check = drawn
        pretended.begin()
        with pretended.entered():
            answer = run(name, asked, check)
            if answer.get("failed") or check or name not in PLURALS:
                assert pretended.untouched()
                assert objects() == before
                return
            converges(name, asked)
            tidy()
            assert pretended.holds() == pretended.empty

    print(
        tried(st.tuples(drawn(name), st.sampled_from((False, False, True))), begin, seconds, body, 40), "runs of", name
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are made by root")
@pytest.mark.parametrize("name", PLURALS)
def test_on_a_host(name: str, pretended: Pretended, machine: Machine, begin: int, seconds: float) -> None:
    """A real host, which is slow, either does what the simulated one accepts, or stays unchanged."""
    counts = {"accepted": 0, "refused": 0}

    def body(asked: dict[str, Any]) -> None:
        pretended.begin()
        with pretended.entered():
            if run(name, asked).get("failed") or pretended.untouched():
                return
        answer = run(name, asked)
        counts["refused" if answer.get("failed") else "accepted"] += 1
        if answer.get("failed"):
            assert difference(machine.furnished, machine.state()) == {}
            return
        try:
            converges(name, asked)
        finally:
            tidy()
            left = difference(machine.empty, machine.state())
            furnish()
        assert left == {}
        assert difference(machine.furnished, machine.state()) == {}

    tried(drawn(name), begin, seconds, body, 20)
    print(name, counts)
