# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients of a cluster whose members are killed, stopped or cut off."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from etcd_cluster import Cluster, Member, cluster, needs_etcd
from fleet import Fleet
from follower import following

from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.errors import Unavailable

pytestmark = needs_etcd


def asked(etcd: Cluster, url: str) -> Member:
    """Return the member of ETCD at URL."""
    return next(each for each in etcd.members if each.url == url)


@pytest.mark.parametrize("fault", ["kill", "stop"])
@pytest.mark.parametrize("which", ["asked", "leader"])
def test_a_member_that_fails_costs_no_request(three: Cluster, fault: str, which: str) -> None:
    leader = three.leader()
    client = three.client(*(three.others(leader) if which == "leader" else three.members))
    client.put("before", b"1")
    gone = leader if which == "leader" else asked(three, client.cluster.endpoint)
    getattr(gone, fault)()
    client.put("after", b"1")
    assert len(client.list("").entries) == 2


def test_without_a_quorum_requests_fail_until_it_is_back(three: Cluster) -> None:
    survivor, *others = three.members
    client = three.client(patience=2.0)
    client.put("before", b"1")
    with following(three.settings(), "") as follower:
        for each in others:
            each.kill()
        with ThreadPoolExecutor() as pool:
            answers = [pool.submit(final_answer, three, survivor, path) for path in ("kv/range", "kv/put")]
            for request in (lambda: client.put("a", b""), lambda: client.get("a"), lambda: client.grant(5)):
                with pytest.raises(Unavailable, match="No member has answered within 2 s"):
                    request()
        assert {each.result() for each in answers} <= {"etcdserver: request timed out", "context deadline exceeded"}
        follower.wait(lambda seen: seen.lost)
        for each in others:
            each.start()
        three.client().put("after", b"1")
        follower.wait(lambda seen: {"before", "after"} <= seen.values.keys())


def final_answer(etcd: Cluster, member: Member, path: str) -> str:
    """Return what MEMBER answers to a request at PATH after seven seconds, which is longer than a client waits."""
    client = etcd.client(member)
    with pytest.raises(Unavailable) as found:
        client.cluster.same_member().ask(path, client.keys.one("before"), "", 20.0)
    return str(found.value).split("'")[3]


@pytest.mark.parametrize("fault", ["kill", "stop"])
def test_a_watch_goes_on_with_another_member(three: Cluster, fault: str) -> None:
    client = three.client()
    client.put("a", b"1")
    with following(three.settings(), "") as follower:
        gone = asked(three, follower.watch.endpoint)
        writer = three.client(*three.others(gone))
        getattr(gone, fault)()
        writer.transaction([], [])
        writer.put("b", b"1")
        follower.wait(lambda seen: "b" in seen.values and seen.listings == 2, 15.0)
        writer.put("c", b"1")
        follower.wait(lambda seen: "c" in seen.values)
        assert follower.listings == 2


def test_a_line_that_breaks_is_noticed_on_both_sides(fleet: Fleet) -> None:
    """The member that is cut off is the leader, so the others also have to elect another one."""
    with cluster(fleet_members=fleet.members) as etcd:
        first = etcd.leader()
        second, third = etcd.others(first)
        cut_off, other = (next(each for each in fleet.members if each.name == one.name) for one in (first, second))
        with other.here():
            writer = etcd.client(second, third)
        with (
            cut_off.here(),
            following(etcd.settings(first), "") as inside,
            following(etcd.settings(second), "") as outside,
        ):
            client = etcd.client(patience=3.0)
            fleet.plug(cut_off.number, False)
            begin = time.monotonic()
            with other.here():
                writer.put("a", b"1")
            with pytest.raises(Unavailable):
                client.put("b", b"1")
            inside.wait(lambda seen: seen.lost)
            outside.wait(lambda seen: seen.lost)
            assert time.monotonic() - begin < 20
            assert "a" not in inside.values
            fleet.plug(cut_off.number, True)
            for follower in (inside, outside):
                follower.wait(lambda seen: "a" in seen.values)
