# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What not every kernel has, or shows in each network namespace: VLAN-aware bridges, limits of neighbour tables."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import at, run
from tasks import Tasks, eventually, link, listed

pytestmark = pytest.mark.machine
ENDPOINTS, LIMIT = 200, 128


def peer(endpoints: int) -> dict[str, object]:
    """Return a peer with ENDPOINTS, each with an IPv4 and an IPv6 address."""
    remote = [
        {"name": f"e{n}", "ipv4_address": f"10.9.2.{n}", "ipv6_address": f"fd00:9::2:{n}"}
        for n in range(1, endpoints + 1)
    ]
    return {"name": "other", "address": "198.51.100.7", "endpoints": remote}


def overlay(tasks: Tasks, endpoints: int) -> bool:
    """Ensure an overlay whose peer has ENDPOINTS; return whether something has changed."""
    options = {"cnm.overlay.learning": False}
    return tasks.network("blue", "10.9.0.0/16,fd00:9::/64", options, driver="overlay", peers=[peer(endpoints)]).changed


def test_a_bridge_that_somebody_has_made_aware_of_vlans(tasks: Tasks) -> None:
    overlay(tasks, 1)
    tasks.sandbox("a", "blue")
    bridge = tasks.device("blue")

    def finds_the_other() -> bool:
        """Say whether the bridge answers for the endpoint on the other host."""
        tasks.host.run(["ip", "neighbour", "flush", "all"], "/run/netns/a")
        with at("a"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.sendto(b"anybody", ("10.9.2.1", 9))
        return any(
            each["dst"] == "10.9.2.1" and "lladdr" in each for each in listed(tasks.host, "ip", "neigh", place="a")
        )

    def is_aware() -> bool:
        return bool(link(tasks.host, bridge)["linkinfo"]["info_data"].get("vlan_filtering"))

    assert eventually(finds_the_other)
    for change in ("vlan_default_pvid 0", "vlan_filtering 1"):
        if run(["ip", "link", "set", bridge, "type", "bridge", *change.split()])[0]:
            pytest.skip("this kernel's bridges are not aware of VLANs")
    assert not finds_the_other()
    assert overlay(tasks, 1) and not overlay(tasks, 1)
    assert not is_aware()
    assert eventually(finds_the_other) and not tasks.restore().changed


@pytest.fixture
def few_neighbours() -> Iterator[None]:
    """Let the kernel keep few neighbours, in all network namespaces together."""
    names = [
        f"/proc/sys/net/{family}/neigh/default/gc_thresh{number}" for family in ("ipv4", "ipv6") for number in (2, 3)
    ]
    if not all(Path(name).exists() for name in names):
        pytest.skip("the limit of the kernel's neighbour tables can be set in its first network namespace only")
    before = {name: Path(name).read_text() for name in names}
    try:
        for name in names:
            Path(name).write_text(str(LIMIT if name.endswith("3") else LIMIT // 2))
        yield
    finally:
        for name, text in before.items():
            Path(name).write_text(text)


def test_full_neighbour_tables(few_neighbours: None, tasks: Tasks) -> None:
    """The kernel counts neighbours that are not permanent, and forgets them."""
    overlay(tasks, ENDPOINTS)
    bridge = tasks.device("blue")
    tasks.host.ip("link add other address 02:00:00:00:00:01 type bridge\nlink set other up\n")
    for begin in ("10.8.0.", "fd00:8::"):
        tasks.host.ip(
            "".join(
                f"neighbour replace {begin}{n} dev other lladdr 02:00:00:00:00:99 nud noarp\n"
                for n in range(1, ENDPOINTS + 1)
            )
        )
    for family in ("-4", "-6"):
        there = listed(tasks.host, "ip", family, "neighbour", "show", "dev", bridge, "nud", "permanent")
        assert len(there) == ENDPOINTS
        assert len(listed(tasks.host, "ip", family, "neighbour", "show", "dev", "other", "nud", "noarp")) < LIMIT
    assert not overlay(tasks, ENDPOINTS) and not tasks.restore().changed
