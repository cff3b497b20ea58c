# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How commands become root and enter a sandbox, and which sandboxes are known."""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.cnm.linux.plugins.plugin_utils._sandboxes.entry import FAILED, as_root, in_sandbox
from ansible_collections.cnm.linux.plugins.plugin_utils._sandboxes.known import Known, declared, listed


def run(command, folder, **programs):
    """Run COMMAND on a host that has only PROGRAMS, shell scripts, besides the shell."""
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", "-c", command], env={"PATH": str(folder)}, capture_output=True, text=True, check=False
    )


ROOT, JOE = "echo 0", "echo 1000"


@pytest.mark.parametrize(("user", "expected"), [(ROOT, "it's 5"), (JOE, "elevated it's 5")])
def test_only_those_who_are_not_root_become_root(tmp_path, user, expected):
    elevate = '[ "$1" = -n ] && shift && printf "elevated " && exec "$@"'
    say = 'printf %s "$*"'
    assert run(as_root('say "it\'s" 5', "elevate -n"), tmp_path, id=user, elevate=elevate, say=say).stdout == expected


def test_the_command_reaches_the_sandbox_as_it_is(tmp_path):
    enter = '[ "$1 $2 $3" = "sandbox exec www" ] && shift 3 && exec "$@"'
    done = run(in_sandbox("www", """printf '%s' "it's \\"$0\\" \\$x" """, "sudo"), tmp_path, id=ROOT, cnm=enter)
    assert done.stdout == """it's "/bin/sh" $x"""


def test_without_the_command_cnm_the_message_says_so(tmp_path):
    done = run(in_sandbox("www", "true", "sudo"), tmp_path, id=ROOT)
    assert done.returncode == FAILED
    assert "the command cnm is missing" in done.stderr


def upper(value):
    """Evaluate templates: what begins with a $ is written in capitals, and $fact cannot be evaluated."""
    if value == "$fact":
        raise LookupError("not known yet")
    if isinstance(value, list):
        return [upper(each) for each in value]
    if isinstance(value, dict):
        return {key: upper(each) for key, each in value.items()}
    return value[1:].upper() if isinstance(value, str) and value.startswith("$") else value


def test_only_what_is_needed_of_a_declaration_is_evaluated():
    raw = [
        {
            "name": "$www",
            "labels": {"tier": "$front", "port": 80},
            "etc_hosts": "$fact",
            "networks": [{"name": "web", "ipv4_address": "10.0.0.2", "aliases": ["w"]}],
        },
        {"name": "idle", "state": "stopped"},
        {"name": "gone", "state": "absent", "networks": [{"name": "web"}]},
    ]
    assert list(declared(raw, upper)) == [
        Known("WWW", {"tier": "FRONT", "port": "80"}, {"web": {"ipv4_address": "10.0.0.2", "ipv6_address": None}})
    ]
    assert list(declared(None, upper)) == []


@pytest.mark.parametrize("wrong", [{"name": "www"}, ["www"], [{"networks": []}], "$text"])
def test_a_declaration_of_another_form_is_refused(wrong):
    with pytest.raises(ValueError, match="cnm_sandboxes is not a list"):
        list(declared(wrong, upper))


def shown(name, state="running", **networks):
    return {"Name": name, "State": state, "Labels": {"tier": "front"}, "Networks": networks}


def test_sandboxes_that_run_are_taken_from_a_list_of_the_host():
    address = {"IPAddress": "172.18.0.2", "GlobalIPv6Address": ""}
    lines = [shown("www", web=address), shown("idle", "stopped"), shown("broken", "lost")]
    assert listed("\n".join(map(json.dumps, lines)) + "\n") == [
        Known("www", {"tier": "front"}, {"web": {"ipv4_address": "172.18.0.2", "ipv6_address": None}})
    ]
    assert listed("") == []


@pytest.mark.parametrize("wrong", ["Welcome!\n", "[]\n", '{"Name": "www"}\n'])
def test_other_output_is_refused(wrong):
    with pytest.raises(ValueError):
        listed(wrong)
