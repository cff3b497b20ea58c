# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watches of a cluster of one member."""

from __future__ import annotations

import threading
import time

from etcd_cluster import Cluster, needs_etcd
from follower import following

from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.client import Listing
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.transaction import Delete, Put
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.watch import Changes, Lost, Watch

pytestmark = needs_etcd


def test_every_change_is_seen_once_and_in_order(etcd: Cluster) -> None:
    client = etcd.client()
    watch = Watch(etcd.settings(), "order/")
    updates = watch.updates()
    assert isinstance(next(updates), Listing)
    # Nothing is missed between the listing and the watch.
    for first in range(0, 1280, 128):
        client.transaction([], [Put(f"order/{number}", b"x" * 3000) for number in range(first, first + 128)])
    client.transaction([], [Delete("order/0"), Put("order/1", b"2")])
    seen: list[str] = []
    while len(seen) < 1282:
        update = next(updates)
        assert isinstance(update, Changes)
        seen += [each.key for each in update.changes]
    assert seen == [f"order/{number}" for number in range(1280)] + ["order/0", "order/1"]
    watch.end()
    assert list(updates) == []


def test_what_was_compacted_is_listed_again(etcd: Cluster) -> None:
    client = etcd.client()
    watch = Watch(etcd.settings(), "compacted/")
    updates = watch.updates()
    next(updates)
    client.put("compacted/a", b"1")
    revision = client.put("compacted/b", b"1")
    client.cluster.ask("kv/compaction", {"revision": str(revision)})
    lost, listing = next(updates), next(updates)
    assert isinstance(lost, Lost) and f"before revision {revision}" in lost.reason
    assert isinstance(listing, Listing)
    assert [each.key for each in listing.entries] == ["compacted/a", "compacted/b"]
    updates.close()


def test_what_is_removed_while_nobody_watches_is_noticed(etcd: Cluster) -> None:
    client = etcd.client()
    for key in ("away/a", "away/b"):
        client.put(key, b"1")
    with following(etcd.settings(), "away/") as follower:
        (member,) = etcd.members
        member.kill()
        follower.wait(lambda seen: seen.lost)
        member.start()
        client.transaction([], [Delete("away/a")])
        follower.wait(lambda seen: set(seen.values) == {"away/b"})


def test_another_thread_ends_the_watch(etcd: Cluster) -> None:
    threads = threading.active_count()
    with following(etcd.settings(), "none/") as follower:
        time.sleep(0.3)
        begin = time.monotonic()
        follower.end()
        assert time.monotonic() - begin < 1
        assert follower.lost == []
    time.sleep(0.2)
    assert threading.active_count() <= threads + 1
