# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role docker merges into an existing daemon.json."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "roles" / "docker" / "files" / "daemon_json.py"
POOLS = [{"base": "10.200.0.0/16", "size": 24}]


def merged(present: Optional[str], wanted: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the program's answer about a file with the text PRESENT, or about a missing file if it is None."""
    encoded = None if present is None else base64.b64encode(present.encode()).decode()
    question = {"present": encoded, "wanted": wanted, "pools": [], "reloadable": ["debug"], "ours": [], **more}
    done = subprocess.run(
        [sys.executable, PROGRAM], input=json.dumps(question), capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(
    ("present", "wanted", "after"),
    [
        (None, {"debug": True}, {"debug": True}),
        ("", {"debug": True}, {"debug": True}),
        ('{"mtu": 1400}', {"debug": True}, {"mtu": 1400, "debug": True}),
        ('{"log-opts": {"a": "1", "b": "2"}}', {"log-opts": {"b": None, "c": "3"}}, {"log-opts": {"a": "1", "c": "3"}}),
        ('{"hosts": ["a", "b"]}', {"hosts": ["c"]}, {"hosts": ["c"]}),
        ('{"mtu": 1400}', {"mtu": None, "debug": None}, {}),
        ('{"log-opts": "x"}', {"log-opts": {"a": "1"}}, {"log-opts": {"a": "1"}}),
    ],
)
def test_wishes_are_merged(present: Optional[str], wanted: dict[str, Any], after: dict[str, Any]) -> None:
    answer = merged(present, wanted)
    assert answer["config"] == json.loads(answer["text"]) == after
    again = merged(answer["text"], wanted)
    assert (again["text"], again["differing"]) == (answer["text"], [])


def test_a_file_that_is_as_it_should_be_keeps_its_form() -> None:
    text = '{ "debug":true }'
    assert merged(text, {"debug": True})["text"] == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "line 1 column 2"),
        ("[]", "not an object"),
        ("3", "not an object"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1, "a": 2}', 'the key "a" occurs twice'),
        ("\u00ff{}", "line 1 column 1"),
    ],
)
def test_what_is_no_object_in_json_is_left_alone(text: str, said: str) -> None:
    answer = merged(text, {"debug": True})
    assert list(answer) == ["problem"]
    assert said in answer["problem"]


def test_a_reload_is_enough_only_for_what_docker_reads_again() -> None:
    assert merged("{}", {"debug": True})["reload"]
    assert not merged("{}", {"debug": True, "mtu": 1400})["reload"]
    assert not merged('{"debug": true}', {"debug": None})["reload"]


def test_pools_are_given_to_a_file_that_has_none() -> None:
    assert merged(None, {}, pools=POOLS)["config"] == {"default-address-pools": POOLS}
    theirs = '{"default-address-pools": [{"base": "10.64.0.0/16", "size": 24}]}'
    answer = merged(theirs, {}, pools=POOLS, ours=["10.64.0.0/24", "192.168.0.0/16"])
    assert (answer["differing"], answer["overlaps"]) == ([], ["10.64.0.0/16"])
