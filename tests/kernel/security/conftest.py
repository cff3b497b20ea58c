# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on which the core creates networks, for tests that try to break out of them or into them."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from lab import UPLINK4, UPLINK6, renew_uplink
from stand_in import OUTSIDE, Host
from tasks import Tasks

PATIENCE = 120
"""Seconds after which a run counts as stuck."""


@pytest.fixture()
def patience() -> Iterator[None]:
    """Let a test that is stuck fail."""

    def give_up(*_: object) -> None:
        raise TimeoutError("waited for ever")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture()
def seconds(request: pytest.FixtureRequest) -> float:
    """How long an adversary attacks."""
    return float(request.config.getoption("--seconds") or 3)


@pytest.fixture()
def tasks(host: Host) -> Tasks:
    """Tasks on a host whose outside neighbour routes to all subnets through the host."""
    renew_uplink(host)
    host.ip(f"route add default via {UPLINK4}\nroute add default via {UPLINK6}\n", OUTSIDE)
    return Tasks(host)
