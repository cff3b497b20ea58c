# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode and info change nothing, and do not need what an earlier task would have created."""

from __future__ import annotations

import os

import pytest


@pytest.mark.parametrize("kind", ["network", "sandbox", "endpoint"])
def test_the_folder_of_the_store_is_not_made(host, kind):
    host.listed(kind)
    host.ensure(kind, {"name": "new", **({"network": "bridge"} if kind == "endpoint" else {})}, check=True)
    host.controller(check=True).restore()
    assert not os.path.exists(host.folder)
    assert host.kernel.present == {}


def test_the_predefined_networks_are_there_from_the_start(host):
    assert sorted(host.listed("network")) == ["bridge", "host", "none"]
    assert host.listed("sandbox") == host.listed("endpoint") == {}


@pytest.mark.parametrize(
    ("kind", "item", "missing"),
    [
        ("endpoint", {"name": "x", "network": "lan", "sandbox": "box"}, ["network 'lan'", "sandbox 'box'"]),
        ("sandbox", {"name": "x", "networks": [{"name": "lan"}], "published_ports": ["80"]}, ["network 'lan'"]),
    ],
)
def test_missing_parents_are_a_warning(host, kind, item, missing):
    result = host.ensure(kind, item, check=True)
    assert result.changed
    assert result.objects[0]["Name"] == "x"
    assert [text.partition(";")[0] for text in host.warnings] == [f"There is no {what}" for what in missing]
    assert host.kernel.present == {}
    text = host.refused(kind, item)
    assert [what for what in missing if f"there is no {what}. Create it first." not in text] == []


def test_what_is_wrong_is_wrong_in_check_mode_too(host):
    item = {"name": "x", "network": "lan", "ipv4_address": "10.0.0.300"}
    assert "is not an IP address" in host.refused("endpoint", item, check=True)


def test_removal_needs_no_parents(host):
    for kind in ("network", "sandbox", "endpoint"):
        for check in (True, False):
            assert not host.ensure(kind, {"name": "x", "state": "absent"}, check=check).changed
    assert host.warnings == []
    assert host.kernel.present == {}


def test_an_address_on_a_network_that_is_assumed_is_taken_as_it_is(host):
    wishes = {"name": "lan", "ipv4_address": "10.64.1.10", "ipv6_address": "fd00:64::10"}
    result = host.ensure("sandbox", {"name": "x", "networks": [wishes]}, check=True)
    assert result.objects[0]["Networks"]["lan"]["IPAddress"] == "10.64.1.10"
    host.ensure("network", {"name": "lan"})
    assert "is not in the network's subnet" in host.refused("sandbox", {"name": "x", "networks": [wishes]}, check=True)
