# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command shows of changes."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from _cnm.store.objects import SqliteStore
from cnm_command.events import Event, Snapshot, events, line, matches, snapshot

from .conftest import Engine

WEB = {"name": "web", "networks": [{"name": "lan"}]}


class Watched:
    """A host whose changes are watched."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._seen = self._look()

    def _look(self) -> Snapshot:
        with SqliteStore.open(self.engine.folder, write=False) as store:
            return snapshot(store)

    def after(self, kind: str, *items: Dict[str, Any]) -> List[str]:
        """Ensure ITEMS; return what is shown of this, without times and ids."""
        self.engine.ensure(kind, *items)
        before, self._seen = self._seen, self._look()
        return [
            f"{each.kind} {each.action} " + ",".join(each.attributes.values()) for each in events(before, self._seen)
        ]


@pytest.fixture()
def watched(engine: Engine) -> Watched:
    """A host with the network 'lan'."""
    engine.ensure("network", {"name": "lan"})
    return Watched(engine)


def test_networks_come_change_and_go(watched: Watched) -> None:
    assert watched.after("network", {"name": "more"}) == ["network create more,bridge"]
    assert watched.after("network", {"name": "more"}) == []
    assert watched.after("network", {"name": "more", "labels": {"a": "b"}}) == ["network update more,bridge"]
    assert watched.after("network", {"name": "more", "state": "absent"}) == ["network destroy more,bridge"]


def test_a_sandbox_comes_stops_starts_and_goes(watched: Watched) -> None:
    assert watched.after("sandbox", WEB) == [
        "sandbox create web",
        "sandbox start web",
        "endpoint create web,lan",
        "network connect lan,web,web",
    ]
    assert watched.after("sandbox", {**WEB, "state": "stopped"}) == ["sandbox stop web"]
    assert watched.after("sandbox", {**WEB, "state": "started"}) == ["sandbox start web"]
    assert watched.after("sandbox", {**WEB, "hostname": "www"}) == ["sandbox update web"]
    assert watched.after("sandbox", {"name": "web", "state": "absent"}) == [
        "network disconnect lan,web,web",
        "endpoint destroy web,lan",
        "sandbox stop web",
        "sandbox destroy web",
    ]


def test_an_endpoint_that_moves_is_disconnected_and_connected(watched: Watched) -> None:
    watched.after("sandbox", {"name": "one"}, {"name": "two"})
    vip = {"name": "vip", "network": "lan"}
    assert watched.after("endpoint", vip) == ["endpoint create vip,lan"]
    assert watched.after("endpoint", {**vip, "aliases": ["sql"]}) == ["endpoint update vip,lan"]
    assert watched.after("endpoint", {**vip, "sandbox": "one"}) == ["network connect lan,one,vip"]
    assert watched.after("endpoint", {**vip, "sandbox": "two", "force": True}) == [
        "network disconnect lan,one,vip",
        "network connect lan,two,vip",
    ]
    assert watched.after("endpoint", {**vip, "state": "left"}) == ["network disconnect lan,two,vip"]


def test_an_event_is_a_line_or_json_as_with_docker() -> None:
    event = Event("network", "connect", "ab12", {"name": "lan", "sandbox": "web"})
    time, _space, rest = line(event, "text").partition(" ")
    assert (time[4], time[10]) == ("-", "T")
    assert rest == "network connect ab12 (name=lan, sandbox=web)"
    shown = json.loads(line(event, "json"))
    assert (shown["Type"], shown["Action"], shown["Actor"]["Attributes"]["sandbox"]) == ("network", "connect", "web")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"network": ["lan"]}, ["create", "vip", "connect"]),
        ({"network": ["ab12"], "event": ["create", "connect"]}, ["create", "connect"]),
        ({"sandbox": ["web"]}, ["start", "connect"]),
        ({"sandbox": ["web", "other"], "type": ["sandbox"]}, ["start"]),
        ({"network": ["web"]}, []),
    ],
)
def test_filters_choose_the_events_of_networks_and_sandboxes(wanted: Dict[str, List[str]], expected: List[str]) -> None:
    seen = [
        Event("network", "create", "ab12", {"name": "lan", "type": "bridge"}),
        Event("sandbox", "start", "cd34", {"name": "web"}),
        Event("endpoint", "vip", "ef56", {"name": "vip", "network": "lan"}),
        Event("network", "connect", "ab12", {"name": "lan", "sandbox": "web", "endpoint": "web"}),
    ]
    assert [each.action for each in seen if matches(each, wanted)] == expected
