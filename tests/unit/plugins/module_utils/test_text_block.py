# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our block in a text is found at once if it is well-formed, and line by line if somebody has edited it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system.text_block import (
    BEGIN,
    END,
    _split,
    _split_by_line,
)

LINES = st.sampled_from(
    [f"{BEGIN}\n", f"{END}\n", BEGIN, END, f"{BEGIN} \r\n", f" {END}\n", f"x{BEGIN}\n", "a\n", "b", "\n", "\x0b", "\r"]
)


@given(st.lists(LINES, max_size=8).map("".join))
@example(f"{BEGIN}\n{END}\n")
@example(f"a\n{BEGIN}\nb\n{END}\nc")
def test_both_ways_find_the_same(text: str) -> None:
    assert _split(text) == _split_by_line(text)


@pytest.mark.parametrize("mine", ["", "192.0.2.1 printer\n"])
def test_a_whole_block_needs_no_look_at_its_lines(mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{_split.__module__}._split_by_line", lambda _text: pytest.fail("line by line"))
    assert _split(f"{mine}{BEGIN}\nours\n{END}\nrest\n") == (mine, "ours\n", "rest\n", True)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        # Two blocks: somebody has appended a copy of the file.
        (f"a\n{BEGIN}\nx\n{END}\nb\n{BEGIN}\ny\n{END}\nc\n", ("a\n", "x\ny\n", "b\nc\n", False)),
        # Without the end marker: our lines are never empty or comments.
        (f"a\n{BEGIN}\nx\ny\n", ("a\n", "x\ny\n", "", False)),
        (f"a\n{BEGIN}\nx\n\nb\n# c\n", ("a\n", "x\n", "\nb\n# c\n", False)),
        (f"{BEGIN}\nx\n# b\nc\n{BEGIN}\ny\n{END}\n", ("", "x\ny\n", "# b\nc\n", False)),
        # Without the begin marker, nothing shows which lines are ours.
        (f"a\n{END}\nb\n", ("a\nb\n", None, "", False)),
        # With both markers, everything between them is ours.
        (f"{BEGIN}\nx\n\n# b\ny\n{END}\n", ("", "x\n\n# b\ny\n", "", True)),
    ],
)
def test_a_damaged_block_is_found(text: str, parts: tuple[object, ...]) -> None:
    assert _split(text) == parts
