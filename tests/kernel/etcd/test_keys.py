# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys, transactions and leases, on a cluster of one member."""

from __future__ import annotations

import time
from typing import Any

import pytest
from etcd_cluster import Cluster, needs_etcd
from fleet import until
from follower import following

from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd import client as client_module
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.claims import claim, renew
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.client import Client
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.errors import LeaseGone, Refused, Unavailable
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.member import Member
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.transaction import (
    LARGEST,
    Absent,
    Batch,
    Delete,
    Get,
    NoneBelow,
    Put,
    Unchanged,
)

pytestmark = needs_etcd


def test_a_client_sees_what_begins_with_its_prefix_and_key_and_nothing_else(etcd: Cluster) -> None:
    everything = etcd.client(prefix="/")
    for key in ("cnm/once/", "cnm/once/\u00fc", "cnm/once/b", "cnm/once", "cnm/once0", "cnm/oncf", "cnm0/once/a", "cn"):
        everything.put(key, b"\0\xff")
    client = etcd.client()
    listing = client.list("once/")
    assert [each.key for each in listing.entries] == ["once/", "once/b", "once/\u00fc"]
    assert {each.value for each in listing.entries} == {b"\0\xff"}
    assert listing.revision >= max(each.revision for each in listing.entries)
    with following(etcd.settings(), "once/") as follower:
        everything.put("cnm/once0", b"")
        everything.put("cnm/zzz", b"")
        client.put("once/last", b"")
        follower.wait(lambda seen: "once/last" in seen.values)
        assert set(follower.values) == {"once/", "once/b", "once/\u00fc", "once/last"}
    assert client.get("once/none") is None


def test_a_key_that_is_not_utf_8_is_kept(etcd: Cluster) -> None:
    client = etcd.client()
    client.put("odd/\udcff", b"1")
    (kept,) = client.list("odd/").entries
    assert (kept.key, client.get(kept.key)) == ("odd/\udcff", kept)


def test_a_request_that_is_too_large_is_refused_and_a_large_list_is_not(etcd: Cluster) -> None:
    client = etcd.client()
    with pytest.raises(Refused, match="request is too large"):
        client.put("large/0", bytes(1_600_000))
    for number in range(5):
        client.put(f"large/{number}", bytes(1_000_000))
    assert sum(len(each.value) for each in client.list("large/").entries) == 5_000_000


@pytest.mark.parametrize("compacts", [False, True])
def test_a_list_in_parts_is_of_one_revision(etcd: Cluster, compacts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PART", 2)
    client, other = etcd.client(), etcd.client()
    wanted = [f"parts{compacts}/{name}" for name in ("a", "b", "b\udcff", "c", "d")]
    for key in wanted:
        client.put(key, b"1")
    original, asked = client.cluster.ask, []

    def ask(path: str, body: Any) -> Any:
        if len(asked) == 1:
            # Somebody changes what was read already, and what was not.
            for key in (wanted[0], wanted[4]):
                revision = other.put(key, b"2")
            if compacts:
                other.cluster.ask("kv/compaction", {"revision": str(revision)})
        asked.append(body)
        return original(path, body)

    monkeypatch.setattr(client.cluster, "ask", ask)
    listing = client.list(f"parts{compacts}/")
    assert [each.key for each in listing.entries] == wanted
    assert listing.revision >= max(each.revision for each in listing.entries)
    assert {each.value for each in listing.entries if each.key in (wanted[0], wanted[4])} == {
        b"2" if compacts else b"1"
    }
    assert len(asked) == (5 if compacts else 3)


def test_a_transaction_has_at_most_as_many_operations_as_etcd_admits(etcd: Cluster) -> None:
    client = etcd.client()
    many: Any = [Put(f"many/{number}", b"") for number in range(LARGEST + 1)]
    assert client.transaction([], many[:LARGEST]).succeeded
    with pytest.raises(ValueError, match="129 operations are too many"):
        client.transaction([], many)
    with pytest.raises(ValueError, match="129 conditions are too many"):
        client.transaction([Absent(each.key) for each in many], [])
    body = {"success": [{"request_range": client.keys.one(each.key)} for each in many]}
    with pytest.raises(Refused, match="too many operations"):
        client.cluster.ask("kv/txn", body)


def test_conditions_decide_which_operations_are_done(etcd: Cluster) -> None:
    client = etcd.client()
    first = client.transaction([Absent("c/a")], [Put("c/a", b"1")], [Get("c/a")])
    assert (first.succeeded, first.found) == (True, [])
    second = client.transaction([Absent("c/a")], [Put("c/a", b"2")], [Get("c/a"), Get("c/none")])
    assert (second.succeeded, [each.value for each in second.found]) == (False, [b"1"])
    assert not client.transaction([Unchanged("c/a", first.revision + 1)], [Delete("c/a")]).succeeded
    assert client.transaction([Unchanged("c/a", first.revision)], [Delete("c/a")]).succeeded
    assert client.get("c/a") is None


def wanting(*keys: str, owner: bytes = b"h1") -> Batch:
    return Batch([Absent(key) for key in keys], [Put(key, owner) for key in keys])


def test_a_claim_takes_all_keys_or_none(etcd: Cluster) -> None:
    client = etcd.client()
    assert claim(client, wanting(*(f"ip/{number}" for number in range(LARGEST - 1))), "h1")
    assert not claim(client, wanting("ip/5", "ip/500", owner=b"h2"), "h2")
    assert (client.get("ip/5").value, client.get("ip/500")) == (b"h1", None)
    assert not claim(client, wanting("ip/5", "ip/500"), "h1"), "nothing was created"


def test_a_range_without_keys_is_a_condition(etcd: Cluster) -> None:
    client = etcd.client()
    for key in ("range", "range/b", "range0"):
        client.put(key, b"")
    for condition, holds in (
        (NoneBelow("range/a/"), True),
        (NoneBelow("range/"), False),
        (NoneBelow("range/", "range/b"), True),
        (NoneBelow("range/", "range/a"), False),
        (NoneBelow("range/", "range/ba"), False),
    ):
        assert client.transaction([condition], []).succeeded == holds, condition


def test_a_claim_whose_answer_was_lost_is_ours(etcd: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, lost = Member.ask, []

    def lose_the_first(self: Member, path: str, *rest: Any) -> Any:
        answer = ask(self, path, *rest)
        if path == "kv/txn" and not lost:
            lost.append(answer)
            raise Unavailable("The answer was lost.")
        return answer

    client = etcd.client()
    monkeypatch.setattr(Member, "ask", lose_the_first)
    assert claim(client, wanting("lost/a", "lost/b"), "lost/fence")
    assert lost[0]["succeeded"]
    assert not claim(client, wanting("lost/a"), "lost/fence")


def test_a_claim_is_not_carried_out_after_the_host_has_given_up(etcd: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a member that was stopped, and finds the request later."""
    client, other = etcd.client(), etcd.client()
    original = Client.transaction

    def late(self: Client, *arguments: Any) -> Any:
        renew(other, "late/fence")
        return original(self, *arguments)

    monkeypatch.setattr(Client, "transaction", late)
    for _attempt in range(2):
        assert not claim(client, wanting("late/a"), "late/fence")
    monkeypatch.undo()
    assert claim(client, wanting("late/a"), "late/fence")


def test_an_expired_lease_takes_its_keys_along_and_says_so(etcd: Cluster) -> None:
    client = etcd.client()
    kept, dying = client.grant(2), client.grant(2)
    client.put("lease/kept", b"", kept)
    client.put("lease/dying", b"", dying)
    with following(etcd.settings(), "lease/") as follower:
        deadline = time.monotonic() + 20
        while "lease/dying" in follower.values and time.monotonic() < deadline:
            assert client.keep_alive(kept) == 2
            time.sleep(0.2)
        assert set(follower.values) == {"lease/kept"}
        for use in (lambda: client.keep_alive(dying), lambda: client.put("lease/dying", b"", dying)):
            with pytest.raises(LeaseGone):
                use()
        with pytest.raises(LeaseGone):
            client.transaction([], [Put("lease/dying", b"", dying)])
        client.revoke(dying)
        client.revoke(kept)
        assert until(lambda: not follower.values)
