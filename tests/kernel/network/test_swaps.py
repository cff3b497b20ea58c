# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandboxes and networks that swap unique values in one task."""

from __future__ import annotations

import pytest
from tasks import Tasks, answers, link, listed, reaches


@pytest.fixture()
def pair(tasks: Tasks) -> Tasks:
    """Sandboxes ``a`` and ``b`` on networks ``n`` and ``m``."""
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    tasks.network("m", "10.2.0.0/24")
    tasks.ensure("sandbox", *({"name": name, "networks": [{"name": "n"}, {"name": "m"}]} for name in "ab"))
    return tasks


def test_addresses_ports_and_interface_names_are_swapped(pair: Tasks) -> None:
    pair.ensure(
        "sandbox", *({"name": name, "published_ports": [f"{port}:80"]} for name, port in (("a", 8001), ("b", 8002)))
    )
    attachments = {
        "a": [
            {"name": "m", "interface_name": "eth0"},
            {"name": "n", "ipv4_address": "10.1.0.3", "interface_name": "eth1"},
        ],
        "b": [{"name": "n", "ipv4_address": "10.1.0.2"}, {"name": "m"}],
    }
    items = [
        {"name": name, "networks": attachments[name], "published_ports": [f"{port}:80"]}
        for name, port in (("a", 8002), ("b", 8001))
    ]
    assert pair.ensure("sandbox", *items).changed
    assert not pair.ensure("sandbox", *items).changed
    assert link(pair.host, "eth1", "a")["address"] == "02:42:0a:01:00:03"
    assert {each["addr_info"][0]["local"] for each in listed(pair.host, "ip", "-4", "address", place="a")} == {
        "127.0.0.1",
        "10.1.0.3",
        "10.2.0.2",
    }
    assert reaches("a", "b", "10.1.0.2")
    assert reaches("a", "b", "10.2.0.3")
    assert answers(8002, "a")
    assert answers(8001, "b")


def test_subnets_are_swapped(pair: Tasks) -> None:
    items = [
        {"name": "n", "ipam_config": [{"subnet": "10.2.0.0/24"}, {"subnet": "fd00:1::/64"}], "force": True},
        {"name": "m", "ipam_config": [{"subnet": "10.1.0.0/24"}], "force": True},
    ]
    assert pair.ensure("network", *items).changed
    assert not pair.ensure("network", *items).changed
    assert pair.address("b", "n") == "10.2.0.3"
    assert reaches("a", "b", "10.2.0.3")
    assert reaches("a", "b", "10.1.0.3")
