# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which objects the info modules show."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.filters import selection
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

from .conftest import lan_of, pretended


@pytest.fixture(scope="module")
def full():
    with pretended() as host:
        lan_of(host)
        host.network("back", internal=True, labels={"tier": "back", "x": ""})
        host.network("empty", labels={"tier": "front"})
        host.sandbox("web", networks=[{"name": "back"}, {"name": "lan"}], labels={"app": "web"})
        host.sandbox("idle", state="stopped")
        host.endpoint("vip", network="back")
        yield host


def shown(host, kind, **wishes):
    return [one["Name"] for one in host.controller(check=True).describe(kind, selection(wishes))]


@pytest.mark.parametrize(
    ("kind", "wishes", "names"),
    [
        ("network", {}, ["back", "bridge", "empty", "host", "lan", "none"]),
        ("network", {"name": None, "driver": None}, ["back", "bridge", "empty", "host", "lan", "none"]),
        ("network", {"name": ["lan", "nowhere"]}, ["lan"]),
        ("network", {"name": []}, []),
        ("network", {"name": [""]}, []),
        ("network", {"driver": "null"}, ["none"]),
        ("network", {"type": "builtin"}, ["bridge", "host", "none"]),
        ("network", {"type": "custom"}, ["back", "empty", "lan"]),
        ("network", {"dangling": True}, ["empty"]),
        ("network", {"scope": "local", "type": "custom"}, ["back", "empty", "lan"]),
        ("network", {"scope": "global"}, []),
        ("network", {"dangling": False, "type": "custom"}, ["back", "lan"]),
        ("network", {"labels": ["tier"]}, ["back", "empty"]),
        ("network", {"labels": ["tier=front"]}, ["empty"]),
        ("network", {"labels": ["tier", "x"]}, ["back"]),
        ("network", {"labels": ["x="]}, ["back"]),
        ("sandbox", {}, ["db", "idle", "web"]),
        ("sandbox", {"labels": ["app=web"]}, ["web"]),
        ("sandbox", {"network": "lan"}, ["db", "web"]),
        ("sandbox", {"state": "stopped"}, ["idle"]),
        ("sandbox", {"state": "running"}, ["db", "web"]),
        ("sandbox", {"network": "nowhere"}, []),
        ("endpoint", {}, ["db", "vip", "web", "web"]),
        ("endpoint", {"network": "back"}, ["vip", "web"]),
        ("endpoint", {"sandbox": "web"}, ["web", "web"]),
        ("endpoint", {"sandbox": "web", "network": "lan"}, ["web"]),
        ("endpoint", {"sandbox": "nobody"}, []),
    ],
)
def test_what_is_shown(full, kind, wishes, names):
    assert shown(full, kind, **wishes) == names


def test_by_the_beginning_of_an_id(full):
    identifier = full.one("network", "lan")["Id"]
    assert shown(full, "network", name=[identifier[:10]]) == ["lan"]
    assert shown(full, "endpoint", network=identifier[:10]) == ["db", "web"]


def test_an_ambiguous_reference_is_refused():
    with pretended() as host:
        host.ensure("network", *({"name": f"net{number}"} for number in range(18)))
        host.endpoint("x", network="net0")
        firsts = [one["Id"][0] for one in host.listed("network").values()]
        twice = next(digit for digit in firsts if firsts.count(digit) > 1)
        with pytest.raises(InvalidInput, match="is ambiguous"):
            shown(host, "endpoint", network=twice)
