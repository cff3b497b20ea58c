# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a program with all rights in a sandbox can do to the host."""

from __future__ import annotations

import pytest
from attack import advertise, arrives, heard, mac
from lab import HOST, OUTSIDE, UPLINK4, UPLINK6, at, command, ready
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
    """Shows that the test above would notice."""
    assert eventually(lambda: "uplink" in ready(HOST) and "wan" in ready(OUTSIDE))
    advertise(OUTSIDE, "wan", FORGED)
    assert eventually(lambda: believes_in_routers(tasks))


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2", UPLINK4])
def test_nobody_in_a_sandbox_passes_for_the_host(tasks: Tasks, source: str) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("evil", "n")
    assert arrives("evil", "10.1.0.2", "10.1.0.1", HOST) == "10.1.0.2"
    assert arrives("evil", source, "10.1.0.1", HOST) is None


def test_nobody_in_a_sandbox_passes_for_the_host_by_ipv6(tasks: Tasks) -> None:
    """A program that listens on both IP versions takes ::ffff:127.0.0.1 for 127.0.0.1."""
    subnets = {"four": "10.1.0.0/24", "dual": "10.2.0.0/24,fd00:2::/64", "inner": "10.3.0.0/24,fd00:3::/64"}
    for name, subnet in subnets.items():
        tasks.network(name, subnet, internal=name == "inner")
        tasks.sandbox(name, name)
    for name, subnet in subnets.items():
        device = tasks.device(name)
        assert eventually(lambda device=device, name=name: device in ready(HOST) and "eth0" in ready(name))
        gateway, own = link_local(HOST, device), link_local(name, "eth0")
        forged = [UPLINK6, gateway, "::ffff:127.0.0.1", f"::ffff:{UPLINK4}"]
        if ":" in subnet:
            forged.append(tasks.gateway(name, 6))
        assert heard(name, [*forged, own], gateway, HOST, 53, ("eth0", mac(HOST, device)), ("::", 53)) == {own}


def link_local(place: str, device: str) -> str:
    """Return the link-local IPv6 address of a link."""
    with at(place):
        lines = command(f"ip -brief -6 address show dev {device} scope link").split()
    return lines[2].partition("/")[0]
