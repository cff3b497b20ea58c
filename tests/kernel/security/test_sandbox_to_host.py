# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a program with all rights inside a sandbox can do to the host."""

from __future__ import annotations

import pytest
from attack import advertise, arrives
from lab import HOST, OUTSIDE, UPLINK4, ready
from tasks import Tasks, eventually, listed

FORGED = "2001:db8:bad::"


def believes_in_routers(tasks: Tasks) -> bool:
    routes = listed(tasks.host, "ip", "-6", "route")
    return any(route.get("protocol") == "ra" or route["dst"].startswith(FORGED) for route in routes)


@pytest.mark.parametrize("subnets", ["10.1.0.0/24", "10.1.0.0/24,fd00:1::/64"])
def test_the_host_takes_no_sandbox_for_its_router(tasks: Tasks, subnets: str) -> None:
    tasks.network("n", subnets)
    tasks.sandbox("evil", "n")
    assert eventually(lambda: tasks.device("n") in ready(HOST) and "eth0" in ready("evil"))
    advertise("evil", "eth0", FORGED)
    assert not eventually(lambda: believes_in_routers(tasks), 0.5)


def test_the_host_takes_a_router_outside_for_one(tasks: Tasks) -> None:
    """So that the test above would notice."""
    assert eventually(lambda: "uplink" in ready(HOST) and "wan" in ready(OUTSIDE))
    advertise(OUTSIDE, "wan", FORGED)
    assert eventually(lambda: believes_in_routers(tasks))


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2", UPLINK4])
def test_nobody_in_a_sandbox_passes_for_the_host(tasks: Tasks, source: str) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("evil", "n")
    assert arrives("evil", "10.1.0.2", "10.1.0.1", HOST) == "10.1.0.2"
    assert arrives("evil", source, "10.1.0.1", HOST) is None
