# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host is removed from etcd that is gone for good."""

from __future__ import annotations

import json

import pytest
from cnm_command import access, forgetting
from cnm_command.arguments import parse
from cnm_command.errors import Failure
from cnm_command.main import main

from .conftest import Etcd, Told


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access.os, "geteuid", lambda: 0)


def forget(host: str) -> int:
    return forgetting.forget(parse(["forget", host]))


def test_what_a_host_has_becomes_free(told: Told, etcd: Etcd, capsys: pytest.CaptureFixture[str]) -> None:
    before = etcd.values()
    holder = json.dumps({"host": "h4", "endpoint": "web"})
    keys = {
        "networks/green/members/h4": '"192.0.2.4"',
        "slices/green/10.9.7.0": '"h4"',
        "addresses/green/10.9.200.0/10.9.200.1": holder,
        "networks/gone/definition": "{}",
        "networks/gone/members/h4": '"192.0.2.4"',
    }
    for key, text in keys.items():
        etcd.put(key, text.encode())
    assert forget("h4") == 0
    assert etcd.values() == before
    assert capsys.readouterr().out.splitlines() == sorted(f"- {key}" for key in keys if "definition" not in key)
    with pytest.raises(Failure, match="no host 'h4' has anything in etcd"):
        forget("h4")


def test_a_host_that_is_alive_is_not_forgotten(told: Told, etcd: Etcd) -> None:
    etcd.join("green", "h2", "192.0.2.2")
    etcd.put("green/hosts/h2/a", name="a", ipv4_address="10.9.2.1")
    before = etcd.values()
    with pytest.raises(Failure, match="host 'h2' is alive, and tells of endpoint 'a'"):
        forget("h2")
    assert etcd.values() == before


def test_without_etcd_the_reason_is_told(etcd: Etcd, capsys: pytest.CaptureFixture[str]) -> None:
    etcd.is_down = True
    assert main(["forget", "h4"]) == 1
    assert capsys.readouterr().err == "cnm: What a host has is in etcd. No member has answered.\n"
