# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections of published ports go to the right target, even after a run that was killed before it had ended them."""

from __future__ import annotations

import pytest
from lab import UPLINK4, endpoint
from runs import Runs
from scenarios import LAN, OTHER, RESTORE, Task, sandbox
from stand_in import OUTSIDE
from steps import Fault

ONE, TWO = (sandbox(name, "lan", published_ports=["53:53/udp"]) for name in ("one", "two"))
NEITHER, HAND_OVER = (
    sandbox("one", published_ports=[]),
    Task("sandbox", [*sandbox("one", published_ports=[]).items, *TWO.items]),
)


def connections(runs: Runs) -> list[str]:
    """Return the lines of conntrack that say who answers at port 53."""
    listed = runs.host.out(["conntrack", "-L", "-p", "udp", "--orig-port-dst", "53"])
    return [line for line in listed.splitlines() if "dport=53" in line]


def tuples(line: str) -> list[str]:
    """Return the parts of LINE that do not change over time."""
    return [word for word in line.split() if word.startswith(("src=", "dst=", "sport=", "dport="))]


def address(runs: Runs, name: str) -> str:
    return str(runs.sandboxes()[name]["Networks"]["lan"]["IPAddress"])


def publishes(runs: Runs, name: str) -> bool:
    return bool(runs.sandboxes().get(name, {}).get("Ports"))


def ask() -> None:
    """Send a datagram from outside to port 53 of the host."""
    with endpoint(OUTSIDE, "udp", "0.0.0.0", 5353) as client:
        client.sendto(b"ask", (UPLINK4, 53))


@pytest.mark.parametrize("following", [OTHER, RESTORE, HAND_OVER], ids=["another", "restore", "the same"])
def test_none_goes_on_to_where_the_port_was(runs: Runs, following: Task) -> None:
    runs.do([LAN, ONE])
    target = address(runs, "one")
    number = 0
    while True:
        runs.do([NEITHER, sandbox("two", state="absent"), ONE])
        ask()
        assert f"src={target}" in "".join(connections(runs))
        step = runs.killed(HAND_OVER, Fault(("program", "conntrack", "commit", "unlink"), number))
        if step is None:
            break
        number += 1
        runs.run(following)
        published = next((name for name in ("one", "two") if publishes(runs, name)), "")
        assert published
        assert all(f"src={address(runs, published)} " in line for line in connections(runs)), step
    assert number > 3


def test_what_was_untouched_goes_on(runs: Runs) -> None:
    runs.do([LAN, ONE, sandbox("other", "lan", published_ports=["54:53/udp"])])
    ask()
    before = connections(runs)
    assert before
    runs.killed(sandbox("other", published_ports=[]), Fault(("commit",), 0))
    runs.run(OTHER)
    assert [tuples(line) for line in connections(runs)] == [tuples(line) for line in before]
