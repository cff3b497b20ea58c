# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a process that stays remembers of the rows that it has read."""

from __future__ import annotations

from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.seen import Seen


def test_what_is_looked_up_stays_and_what_is_gone_is_forgotten() -> None:
    seen: Seen[str] = Seen(3)
    for number in range(100):
        seen.open()
        if ("stays",) not in seen.recent and seen.again(("stays",)) is None:
            assert number == 0
            seen.recent["stays",] = "object"
        seen.recent["gone", number] = "object"
        assert len(seen.recent) <= 4
    assert [seen.again(("gone", number)) for number in range(90)] == [None] * 90
