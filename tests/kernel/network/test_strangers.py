# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody else's firewall drops what is forwarded: a warning says which and what to do."""

from __future__ import annotations

from lab import UPLINK4, command
from tasks import Tasks, source_outside


def test_a_policy_that_drops_is_named(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    assert tasks.warnings == []
    command("nft add table inet strict")
    command("nft add chain inet strict gate { type filter hook forward priority 5 ; policy drop ; }")
    tasks.sandbox("a", "n")
    (warning,) = tasks.warnings
    for part in ("'gate'", "'inet strict'", "drops what is forwarded", tasks.device("n")):
        assert part in warning
    assert source_outside("a") is None
    for direction in ("iifname", "oifname"):
        command(f"nft add rule inet strict gate {direction} {tasks.device('n')} accept")
    assert not tasks.sandbox("a").changed
    assert tasks.warnings == []
    assert source_outside("a") == UPLINK4
