# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that says how an agent reaches etcd, and how an agent notices what runs do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from _cnm.etcd.settings_file import read
from _cnm.model.errors import CnmError
from cnm_agent.store_changes import StoreChanges

from .conftest import Told

URL = "https://192.0.2.1:2379"


def written(folder: Path, values: Any, mode: int = 0o600) -> str:
    path = folder / "etcd.json"
    path.touch(mode)
    path.chmod(mode)
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return str(path)


def test_all_settings(tmp_path: Path) -> None:
    path = written(
        tmp_path, {"endpoints": [URL, "http://[2001:db8::1]:2379/"], "user": "h1", "password": "x y", "host": "h1"}
    )
    settings = read(path)
    assert settings.host == "h1"
    assert settings.etcd.endpoints == [URL, "http://[2001:db8::1]:2379"]
    assert (settings.etcd.prefix, settings.etcd.user, settings.etcd.password) == ("/cnm/", "h1", "x y")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("{", ["is not valid JSON"]),
        ([], ["is not a JSON object"]),
        ({}, ["'endpoints' has to be a list of URLs"]),
        ({"endpoints": URL}, ["'endpoints' has to be a list of URLs"]),
        (
            {"endpoints": ["192.0.2.1:2379", 5, f"{URL}/x", "https://h:port"]},
            ['"192.0.2.1:2379"', " 5 ", "/x", ":port"],
        ),
        ({"endpoints": [URL], "prefx": "/", "user": 5}, ["no setting 'prefx'; did you mean 'prefix'", "'user' is not"]),
        ({"endpoints": [URL], "prefix": "/cnm"}, ["'prefix' has to end with '/', and '/cnm' does not"]),
        ({"endpoints": [URL], "user": "a"}, ["'user' and 'password' have to be given together"]),
        (
            {"endpoints": [URL], "ca": "/none", "key": "own.key"},
            ["'/none' cannot be read: No", "'own.key' is not an abs"],
        ),
        ({"endpoints": [URL], "ca": "/dev/null"}, ["the certificates or the key cannot be used"]),
        ({"endpoints": [URL], "key": "/dev/null"}, ["'key' is useless without 'certificate'"]),
        ({"endpoints": [URL], "host": "a/b"}, ["'a/b' is not the name of a host"]),
    ],
)
def test_all_mistakes_are_in_one_message(tmp_path: Path, values: Any, said: list[str]) -> None:
    path = written(tmp_path, values)
    with pytest.raises(CnmError) as caught:
        read(path)
    assert path in str(caught.value)
    assert [each for each in said if each not in str(caught.value)] == []


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, {"endpoints": [URL]}, 0o640)
    with pytest.raises(CnmError, match="other users can read it. Set its mode to 0600"):
        read(path)
    with pytest.raises(CnmError, match="cannot be read: No such file"):
        read(f"{path}.none")


def test_each_commit_is_noticed(told: Told) -> None:
    changes = StoreChanges(told.folder)
    while changes.happened():
        pass
    told.listed("network")
    assert not changes.happened()
    for number in range(20):
        told.sandbox(f"s{number}")
        assert changes.happened()
        told.listed("network")
    while changes.happened():
        pass
