# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What answers of etcd mean."""

from __future__ import annotations

import json

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.client import Client
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.errors import (
    EtcdError,
    LeaseGone,
    Refused,
    Unavailable,
)
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.settings import Settings

from .conftest import Pretender

FOUND = json.dumps({"header": {"revision": "5"}})


def error(status: int, code: int, message: str) -> tuple[int, str]:
    """Return an answer as the gateway of etcd 3.4 gives it."""
    return status, json.dumps({"error": message, "message": message, "code": code})


@pytest.mark.parametrize(
    "answer",
    [
        error(503, 14, "etcdserver: request timed out"),
        error(500, 2, "context deadline exceeded"),
        error(429, 8, "etcdserver: too many requests"),
        (200, '{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}}'),
        (502, "Bad Gateway"),
        (200, '{"header":'),
    ],
)
def test_a_request_is_repeated_while_the_cluster_recovers(member: Pretender, answer: tuple[int, str]) -> None:
    member.answers = [answer, answer, (200, FOUND)]
    assert Client(Settings([member.url], "/")).put("a", b"") == 5
    member.answers = [answer]
    with pytest.raises(Unavailable, match=f"within 0.1 s. etcd at '{member.url}' "):
        Client(Settings([member.url], "/", patience=0.1)).put("a", b"")


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (error(403, 7, "etcdserver: permission denied"), Refused, "answers 'etcdserver: permission denied'."),
        (error(429, 8, "etcdserver: mvcc: database space exceeded"), Refused, "database space exceeded"),
        (error(404, 5, "etcdserver: requested lease not found"), LeaseGone, "lease not found"),
        ((404, "Not Found\n"), Refused, "3.4 or newer is needed"),
        ((400, "CommonName of client\n"), Refused, "HTTP status 400: 'CommonName of client'."),
    ],
)
def test_what_another_attempt_does_not_change_is_said_at_once(
    member: Pretender, answer: tuple[int, str], kind: type[EtcdError], text: str
) -> None:
    member.answers = [answer, (200, FOUND)]
    with pytest.raises(kind, match=text):
        Client(Settings([member.url], "/")).put("a", b"")


def test_a_lease_that_is_gone_is_no_error_to_etcd_but_to_us(member: Pretender) -> None:
    member.answers = [(200, '{"result":{"ID":"7"}}')]
    with pytest.raises(LeaseGone):
        Client(Settings([member.url], "/")).keep_alive(7)


@pytest.mark.parametrize(
    "stale",
    [error(401, 16, "etcdserver: invalid auth token"), error(400, 3, "etcdserver: revision of auth store is old")],
)
def test_a_token_that_is_no_longer_valid_is_renewed_once(member: Pretender, stale: tuple[int, str]) -> None:
    token = (200, json.dumps({"token": "abc"}))
    client = Client(Settings([member.url], "/", user="host", password="secret"))
    member.answers = [token, (200, FOUND), stale, token, (200, FOUND)]
    assert (client.put("a", b""), client.put("a", b"")) == (5, 5)
    member.answers = [stale, token, stale]
    with pytest.raises(Refused):
        client.put("a", b"")
