# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose networks are made by the core, for those who try to break out of them or into them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import HOST, OUTSIDE4, OUTSIDE6, UPLINK4, UPLINK6, at, command, sysctl
from stand_in import OUTSIDE, Host

sys.path.append(str(Path(__file__).parents[1] / "network"))

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
def tasks(host: Host) -> Tasks:
    """Tasks on a host whose neighbour outside has a route to every subnet by way of the host."""
    for place in (HOST, OUTSIDE):
        with at(place):
            sysctl("net/ipv6/conf/default/accept_dad", 0)
    # Made anew with the end outside up first: the kernel may take a second to notice a peer that comes up later.
    command("ip link delete uplink")
    host.ip(
        f"link add uplink type veth peer name wan netns {OUTSIDE}\n"
        f"address add {UPLINK4}/24 dev uplink\naddress add {UPLINK6}/64 dev uplink nodad\n"
    )
    host.ip(
        f"address add {OUTSIDE4}/24 dev wan\naddress add {OUTSIDE6}/64 dev wan nodad\nlink set wan up\n"
        f"route add default via {UPLINK4}\nroute add default via {UPLINK6}\n",
        OUTSIDE,
    )
    host.ip(f"link set uplink up\nroute add default via {OUTSIDE4}\nroute add default via {OUTSIDE6}\n")
    return Tasks(host)
