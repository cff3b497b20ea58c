# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates, users and tokens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from certificates import Authority
from etcd_cluster import FOLDER, Cluster, cluster, needs_tls
from follower import following
from stand_in import private

from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.client import Client
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.entries import packed
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.errors import Refused, Unavailable
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.watch import Lost, Watch

pytestmark = needs_tls
TOKENS_LIVE = 1
"""Seconds."""


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    with private():
        FOLDER.mkdir()
        yield Authority(FOLDER / "tls")


@pytest.fixture(scope="module")
def etcd(authority: Authority) -> Iterator[Cluster]:
    """A member that wants certificates of clients, and has the user 'host', who has the prefix of our clients."""
    certificate, key = authority.sign("server", "/CN=m1", "IP:127.0.0.1")
    ours, our_key = authority.sign("client", "/O=cnm")
    options = {
        "cert-file": certificate,
        "key-file": key,
        "trusted-ca-file": authority.certificate,
        "client-cert-auth": "true",
        "auth-token-ttl": TOKENS_LIVE,
        "bcrypt-cost": 4,
    }
    with cluster(
        1, "https", options=options, ca=str(authority.certificate), certificate=str(ours), key=str(our_key)
    ) as it:
        ask = it.client().cluster.ask
        for name in ("root", "host"):
            ask("auth/user/add", {"name": name, "password": f"{name}'s"})
            ask("auth/role/add", {"name": name})
            ask("auth/user/grant", {"user": name, "role": name})
        permission = {"permType": "READWRITE", "key": packed(b"/cnm/"), "range_end": packed(b"/cnm0")}
        ask("auth/role/grant", {"name": "host", "perm": permission})
        ask("auth/enable", {})
        yield it


def host(etcd: Cluster, **more: Any) -> Client:
    """Return a client of the user 'host', with other settings MORE."""
    return etcd.client(**{"user": "host", "password": "host's", **more})


def test_a_token_that_has_expired_is_renewed(etcd: Cluster) -> None:
    client = host(etcd)
    client.put("token/a", b"1")
    with following(etcd.settings(user="host", password="host's"), "token/") as follower:
        time.sleep(TOKENS_LIVE + 1.5)
        client.put("token/b", b"1")
        follower.wait(lambda seen: "token/b" in seen.values)
        # A member that was restarted knows no token.
        (member,) = etcd.members
        member.kill()
        follower.wait(lambda seen: seen.lost)
        member.start()
        client.put("token/c", b"1")
        follower.wait(lambda seen: "token/c" in seen.values)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"password": "wrong"}, "invalid user ID or password"),
        ({"prefix": "/other/"}, "permission denied"),
        ({"user": ""}, "permission denied"),
    ],
)
def test_who_may_not_is_refused_at_once(etcd: Cluster, settings: Any, reason: str) -> None:
    begin = time.monotonic()
    with pytest.raises(Refused, match=reason):
        host(etcd, **settings).put("a", b"")
    assert time.monotonic() - begin < 5


def test_who_may_not_watch_is_told_why(etcd: Cluster) -> None:
    updates = Watch(etcd.settings(user="host", password="host's", prefix="/other/"), "").updates()
    update = next(updates)
    assert isinstance(update, Lost) and "permission denied" in update.reason
    updates.close()


def test_a_certificate_with_a_common_name_is_refused(etcd: Cluster, authority: Authority) -> None:
    certificate, key = authority.sign("named", "/CN=host")
    with pytest.raises(Refused, match="CommonName of client sending a request against gateway"):
        host(etcd, certificate=str(certificate), key=str(key)).get("a")


def test_other_authorities_are_not_trusted(etcd: Cluster, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Authority(tmp_path / "other")
    # What the environment trusts makes no difference to the setting.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(other.certificate))
    assert host(etcd).get("a") is None
    certificate, key = other.sign("client", "/O=cnm")
    with pytest.raises(Unavailable, match="certificate that is not accepted"):
        host(etcd, ca=str(other.certificate), patience=1.0).get("a")
    for theirs in ({"certificate": str(certificate), "key": str(key)}, {"certificate": "", "key": ""}):
        with pytest.raises(Unavailable, match="cannot be reached"):
            host(etcd, patience=1.0, **theirs).get("a")
