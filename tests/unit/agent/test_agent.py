# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an agent publishes, and what it does with what others publish."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from _cnm.controller import Controller
from _cnm.model.errors import CnmError
from cnm_agent import agent as agent_module

from .conftest import CONTROL, VTEP, Etcd, Told, eventually, running


def endpoint(name: str, address: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "ipv4_address": address, **more}


def published(etcd: Etcd, *keys: str) -> bool:
    return eventually(lambda: set(etcd.own()) == set(keys))


def test_running_endpoints_are_published(told: Told, etcd: Etcd, agent: None) -> None:
    told.overlay("blue", control="inventory")
    told.sandbox("web", aliases=["www"])
    told.sandbox("off", state="stopped")
    told.sandbox("other", "blue")
    assert published(etcd, "green/hosts/192.0.2.1/web")
    mac = "02:42:0a:09:00:02"
    value = endpoint("web", "10.9.0.2", mac_address=mac, aliases=["www"])
    assert etcd.own() == {"green/hosts/192.0.2.1/web": value}
    told.sandbox("off")
    assert published(etcd, "green/hosts/192.0.2.1/web", "green/hosts/192.0.2.1/off")
    told.sandbox("web", state="stopped")
    assert published(etcd, "green/hosts/192.0.2.1/off")
    told.ensure("network", {"name": "green", "state": "absent", "force": True})
    assert published(etcd)
    assert told.warnings == []


def test_names_are_told_where_bgp_tells_the_locations(told: Told, etcd: Etcd, agent: None) -> None:
    # FRR would make entries for this network, too, so a host has only one kind.
    told.ensure("network", {"name": "green", "state": "absent", "force": True})
    options = {CONTROL: "evpn", "cnm.overlay.names": "etcd", VTEP: "192.0.2.1"}
    told.overlay("blue", driver_options=options)
    told.sandbox("web", "blue")
    assert published(etcd, "blue/hosts/192.0.2.1/web")
    etcd.put("blue/hosts/h2/a", **endpoint("a", "10.8.2.1"))
    assert eventually(lambda: told.known("blue") == {"a": "10.8.2.1 h2"})


def test_nothing_is_written_twice(told: Told, etcd: Etcd, agent: None) -> None:
    for number in range(5):
        told.sandbox(f"s{number}")
    assert eventually(lambda: len(etcd.own()) == 5)
    written = sum(map(len, etcd.transactions))
    told.ensure("sandbox", {"name": "apart"})
    etcd.put("green/hosts/h2/a", **endpoint("a", "10.9.2.1"))
    assert told.knows(a="10.9.2.1 h2")
    time.sleep(0.3)
    assert written == sum(map(len, etcd.transactions)) == 5


def test_it_waits_for_what_it_has_written(told: Told, etcd: Etcd, agent: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "_ECHO", 20.0)
    etcd.delayed = []
    told.sandbox("old")
    assert eventually(lambda: etcd.transactions)
    told.ensure("sandbox", {"name": "old", "state": "absent"})
    told.sandbox("new", ipv4_address="10.9.0.7")
    time.sleep(0.3)
    assert len(etcd.transactions) == 1
    etcd.tell_delayed()
    assert published(etcd, "green/hosts/192.0.2.1/new")
    assert list(map(len, etcd.transactions)) == [1, 2]


def test_keys_of_an_earlier_process_are_taken_over(told: Told, etcd: Etcd) -> None:
    told.sandbox("web")
    for name in ("web", "gone"):
        etcd.put(f"green/hosts/192.0.2.1/{name}", **endpoint(name, "10.9.0.2"))
    etcd.put("green/hosts/192.0.2.9/away", **endpoint("away", "10.9.0.9"))
    with running(told, etcd):
        assert published(etcd, "green/hosts/192.0.2.1/web")
        assert set(etcd.values("networks/green/hosts/")) == {"192.0.2.1/web", "192.0.2.9/away"}
    # It leaves them for the next one.
    assert len(etcd.values("networks/green/hosts/")) == 2


def test_an_expired_lease_is_replaced(told: Told, etcd: Etcd, agent: None) -> None:
    told.sandbox("web")
    assert published(etcd, "green/hosts/192.0.2.1/web")
    etcd.expire()
    assert published(etcd, "green/hosts/192.0.2.1/web")
    assert told.warnings == []


def test_more_than_a_transaction_holds(told: Told, etcd: Etcd, agent: None) -> None:
    on = [{"name": "green"}]
    told.ensure("sandbox", *({"name": f"s{number}", "networks": on} for number in range(130)))
    assert eventually(lambda: len(etcd.own()) == 130)
    assert sorted(map(len, etcd.transactions)) == [2, 128]


def test_endpoints_of_others_are_known(told: Told, etcd: Etcd, agent: None) -> None:
    etcd.put("green/hosts/h2/a", **endpoint("a", "10.9.2.1", mac_address="02:42:0a:09:02:01"))
    etcd.put("green/hosts/192.0.2.3/b", **endpoint("b", "10.9.3.1"))
    etcd.put("green/hosts/h4/c", **endpoint("c", "10.9.4.1"))
    etcd.put("red/hosts/h2/d", **endpoint("d", "10.9.2.4"))
    etcd.put("green/hosts/h2/e", **endpoint("e", "10.77.2.5"))
    assert told.knows(a="10.9.2.1 h2", b="10.9.3.1 h3")
    told.overlay("green", 2, 3, 4)
    assert told.knows(a="10.9.2.1 h2", b="10.9.3.1 h3", c="10.9.4.1 h4")
    told.overlay("green", 3)
    assert told.knows(b="10.9.3.1 h3")
    told.overlay("green")
    assert told.knows(a="10.9.2.1 h2", b="10.9.3.1 h3")
    etcd.remove("green/hosts/h2/a")
    assert told.knows(b="10.9.3.1 h3")
    assert told.warnings == []


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"name": "a"},
        {"name": "b", "ipv4_address": "10.9.2.1"},
        {"name": "a", "ipv4_address": "ten"},
        {"name": "a", "ipv4_address": 5},
        {"name": "a", "ipv4_address": "10.9.2.1", "aliases": ["-"]},
        {"name": "a", "ipv4_address": "10.9.2.1", "aliases": [5]},
        {"name": "a", "ipv4_address": "10.9.2.1", "aliases": 5},
    ],
)
def test_what_is_not_valid_is_left_out_alone(told: Told, etcd: Etcd, agent: None, item: Any) -> None:
    etcd.put_all({"green/hosts/h2/a": item, "green/hosts/h2/f": endpoint("f", "10.9.2.6")})
    assert told.knows(f="10.9.2.6 h2")
    assert told.warnings == [
        "'networks/green/hosts/h2/a' in etcd does not describe an endpoint. It is left out.",
    ]


def test_what_waits_is_stored_by_one_run(told: Told, etcd: Etcd, agent: None, monkeypatch: pytest.MonkeyPatch) -> None:
    original, runs, proceed = Controller.follow, [], threading.Event()

    def slowly(*arguments: Any) -> bool:
        runs.append(1)
        assert proceed.wait(20)
        return original(*arguments)

    monkeypatch.setattr(Controller, "follow", slowly)
    etcd.put("green/hosts/h2/s0", **endpoint("s0", "10.9.2.0"))
    assert eventually(lambda: runs)
    for number in range(1, 100):
        etcd.put(f"green/hosts/h2/s{number}", **endpoint(f"s{number}", f"10.9.2.{number}"))
    time.sleep(0.2)
    proceed.set()
    assert eventually(lambda: len(told.known()) == 100)
    assert len(runs) <= 3


def test_what_comes_in_many_transactions_is_stored_by_one_run(
    told: Told, etcd: Etcd, agent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[int] = []
    original = Controller.follow

    def counted(*arguments: Any) -> bool:
        changed = original(*arguments)
        known.append(len(told.known()))
        return changed

    monkeypatch.setattr(Controller, "follow", counted)
    monkeypatch.setattr(agent_module, "_MORE", 20.0)
    monkeypatch.setattr(agent_module, "_LONGEST_BURST", 20.0)
    # What the agent does at its start is over when nothing follows for a while.
    assert eventually(lambda: not (known.clear() or time.sleep(0.5) or known))
    items = [endpoint(f"s{number}", f"10.9.{2 + number // 128}.{number % 128}") for number in range(257)]
    for first in (0, 128, 256):
        etcd.put_all({f"green/hosts/h2/{each['name']}": each for each in items[first : first + 128]})
        time.sleep(0.1)
    assert eventually(lambda: known)
    assert known[0] == 257


def test_what_has_come_does_not_wait_for_more_for_long(told: Told, etcd: Etcd, agent: None) -> None:
    etcd.put_all({f"green/hosts/h2/s{number}": endpoint(f"s{number}", f"10.9.2.{number}") for number in range(128)})
    begun = time.monotonic()
    assert eventually(lambda: len(told.known()) == 128)
    assert time.monotonic() - begun < 10


def test_an_address_stays_with_the_host_that_has_published_it_first(told: Told, etcd: Etcd, agent: None) -> None:
    etcd.put("green/hosts/h3/web", **endpoint("web", "10.9.2.1"))
    etcd.put("green/hosts/h2/web", **endpoint("web", "10.9.2.1"))
    assert told.knows(web="10.9.2.1 h3")
    # It is published once more, as by a service that was restarted.
    etcd.put("green/hosts/h3/web", **endpoint("web", "10.9.2.1", aliases=["www"]))
    etcd.put("green/hosts/h2/last", **endpoint("last", "10.9.2.2"))
    assert told.knows(web="10.9.2.1 h3", last="10.9.2.2 h2")
    etcd.remove("green/hosts/h3/web")
    assert told.knows(web="10.9.2.1 h2", last="10.9.2.2 h2")


def test_what_is_here_is_not_elsewhere(told: Told, etcd: Etcd, agent: None) -> None:
    told.sandbox("web", ipv4_address="10.9.2.1")
    etcd.put_all({f"green/hosts/h2/{name}": endpoint(name, f"10.9.2.{n}") for n, name in ((1, "web"), (2, "db"))})
    assert told.knows(db="10.9.2.2 h2")
    told.ensure("sandbox", {"name": "web", "state": "absent"})
    assert told.knows(db="10.9.2.2 h2", web="10.9.2.1 h2")


def test_what_is_known_stays_until_etcd_answers_again(told: Told, etcd: Etcd, agent: None) -> None:
    etcd.put_all({f"green/hosts/h2/{name}": endpoint(name, f"10.9.2.{n}") for n, name in ((1, "a"), (2, "b"))})
    told.sandbox("web")
    assert told.knows(a="10.9.2.1 h2", b="10.9.2.2 h2") and published(etcd, "green/hosts/192.0.2.1/web")
    etcd.is_down = True
    etcd.lose()
    etcd.lose()
    told.sandbox("db")
    told.ensure("sandbox", {"name": "web", "state": "absent"})
    assert eventually(lambda: len(told.warnings) == 2)
    time.sleep(0.2)
    assert told.known() == {"a": "10.9.2.1 h2", "b": "10.9.2.2 h2"}
    assert sorted(told.warnings) == [
        "The endpoints of this host could not be published. No member has answered.",
        "What other hosts have is no longer followed; what is known stays. It is gone.",
    ]
    # Nobody is told of this by an event.
    del etcd.entries["networks/green/hosts/h2/a"]
    etcd.is_down = False
    etcd.tell_all()
    assert told.knows(b="10.9.2.2 h2") and published(etcd, "green/hosts/192.0.2.1/db")


def test_a_run_that_is_refused_is_repeated(
    told: Told, etcd: Etcd, agent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, refusals = Controller.follow, iter(range(3))

    def refuse(*arguments: Any) -> bool:
        if next(refusals, None) is not None:
            raise CnmError("Another run is at work on this host.")
        return original(*arguments)

    monkeypatch.setattr(Controller, "follow", refuse)
    etcd.put("green/hosts/h2/a", **endpoint("a", "10.9.2.1"))
    assert told.knows(a="10.9.2.1 h2")
    assert told.warnings == ["What other hosts have could not be stored. Another run is at work on this host."]


def test_a_host_has_the_name_that_the_settings_give(told: Told, etcd: Etcd) -> None:
    told.sandbox("web")
    with running(told, etcd, "h1"):
        assert published(etcd, "green/hosts/h1/web")


def test_hosts_that_join_are_peers(told: Told, etcd: Etcd, agent: None) -> None:
    def peers() -> dict[str, str]:
        return {each["Name"]: each["IP"] for each in told.listed("network")["green"]["Peers"]}

    declared = {"h2": "192.0.2.2", "h3": "192.0.2.3"}
    assert peers() == declared
    for name, address in (("192.0.2.3", "192.0.2.3"), ("h4", "192.0.2.4"), ("odd", "5"), ("six", "fd00::1")):
        etcd.join("green", name, address)
    assert eventually(lambda: peers() == {**declared, "h4": "192.0.2.4"})
    etcd.put("green/hosts/h4/c", **endpoint("c", "10.9.4.1"))
    assert told.knows(c="10.9.4.1 h4")
    # The inventory changes only what it declares.
    told.overlay("green", 2)
    assert eventually(lambda: peers() == {"h2": "192.0.2.2", "192.0.2.3": "192.0.2.3", "h4": "192.0.2.4"})
    assert told.knows(c="10.9.4.1 h4")
    etcd.leave("green", "h4")
    assert eventually(lambda: peers() == {"h2": "192.0.2.2", "192.0.2.3": "192.0.2.3"})
    assert told.warnings == []


def test_what_was_given_up_without_etcd_is_made_up_for(told: Told, etcd: Etcd, agent: None) -> None:
    key = "addresses/green/10.9.200.0/10.9.200.1"
    told.sandbox("web", ipv4_address="10.9.200.1")
    assert key in etcd.entries
    etcd.is_down = True
    etcd.lose()
    told.ensure("sandbox", {"name": "web", "state": "absent"})
    time.sleep(0.3)
    assert key in etcd.entries
    etcd.is_down = False
    etcd.tell_all()
    assert eventually(lambda: key not in etcd.entries)
    told.sandbox("web", ipv4_address="10.9.200.1")
    told.ensure("network", {"name": "green", "state": "absent", "force": True})
    assert eventually(lambda: not etcd.values())


def test_a_host_joins_again_if_etcd_was_set_up_again(told: Told, etcd: Etcd, agent: None) -> None:
    told.sandbox("web", ipv4_address="10.9.200.1")
    assert published(etcd, "green/hosts/192.0.2.1/web")
    before = etcd.values()
    etcd.entries.clear()
    etcd.tell_all()
    assert eventually(lambda: etcd.values() == before)
    assert told.warnings == []
