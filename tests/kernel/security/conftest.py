# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose networks are made by the core, for those who try to break out of them or into them."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from lab import UPLINK4, UPLINK6, renew_uplink
from stand_in import OUTSIDE, Host
from tasks import Tasks

PATIENCE = 120
"""Seconds after which a run counts as one that waits for ever."""


@pytest.fixture()
def patience() -> Iterator[None]:
    """Let a test fail that waits for ever."""

    def give_up(*_: object) -> None:
        raise TimeoutError("waited for ever")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture()
def seconds(request: pytest.FixtureRequest) -> float:
    """How long an adversary is at work."""
    return float(request.config.getoption("--seconds") or 3)


@pytest.fixture()
def tasks(host: Host) -> Tasks:
    """Tasks on a host whose neighbour outside has a route to every subnet by way of the host."""
    renew_uplink(host)
    host.ip(f"route add default via {UPLINK4}\nroute add default via {UPLINK6}\n", OUTSIDE)
    return Tasks(host)
