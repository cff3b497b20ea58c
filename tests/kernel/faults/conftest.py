# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on which runs fail, and how often they do."""

from __future__ import annotations

import os
import random
from typing import Any, Iterator

import dhcp_server
import pytest
import tunnel
import vswitch
from journey import Stride
from runs import Runs
from stand_in import Host

_COUNTED = "runs that went wrong"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stride", type=int, default=8, help="interrupt runs at every so many steps; 1 for each step")


@pytest.fixture()
def seconds(request: pytest.FixtureRequest) -> float:
    """How long several writers work."""
    return float(request.config.getoption("--seconds") or 10)


@pytest.fixture()
def stride(request: pytest.FixtureRequest, seed: int) -> Stride:
    """The steps of runs that are tried."""
    start = random.Random(f"{seed} {request.node.name}").randrange(1 << 16)
    return Stride(start, int(request.config.getoption("--stride")))


@pytest.fixture()
def runs(host: Host, request: pytest.FixtureRequest) -> Iterator[Runs]:
    """Runs on a host that has nothing of ours."""
    made = Runs(host)
    yield made
    tunnel.end(host)
    vswitch.end()
    dhcp_server.end()
    # With the test's report, this gets to the process that prints the summary.
    request.node.user_properties.append((_COUNTED, made.count))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for group in terminalreporter.stats.values() for report in group]
    ends = [report for report in reports if getattr(report, "when", "") == "teardown"]
    count = sum(dict(report.user_properties).get(_COUNTED, 0) for report in ends)
    seconds = sum(os.times()[:4])
    terminalreporter.write_line(f"{count} runs went wrong, {seconds:.0f} s of processor time")
