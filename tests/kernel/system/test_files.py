# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our block in other people's files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import Conflict
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import File
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step, plan

HOSTS = File("/etc/netns/web/hosts", "127.0.0.1 localhost\n10.0.0.2 web\n")
PATH = Path(HOSTS.path)
BLOCK = f"# BEGIN cnm\n{HOSTS.text}# END cnm\n"


def given(text: str) -> None:
    """Create a file with the user's TEXT."""
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(text, encoding="utf-8")


def test_a_new_file_is_the_block_alone(host: Host) -> None:
    host.kernel.apply([Step(None, HOSTS)])
    assert PATH.read_text(encoding="utf-8") == BLOCK
    assert PATH.stat().st_mode & 0o777 == 0o644
    assert PATH.parent.stat().st_mode & 0o777 == 0o755
    assert host.kernel.read([HOSTS.key]) == {HOSTS.key: HOSTS}


@pytest.mark.parametrize("mine", ["192.0.2.1 printer\n", "192.0.2.1 printer"])
def test_the_users_lines_stay_where_they_are(host: Host, mine: str) -> None:
    given(mine)
    assert host.kernel.read([HOSTS.key]) == {}
    host.kernel.apply([Step(None, HOSTS)])
    with PATH.open("a", encoding="utf-8") as file:
        file.write("192.0.2.2 scanner\n")
    changed = File(HOSTS.path, "127.0.0.1 localhost\n")
    host.kernel.apply([Step(HOSTS, changed)])
    assert PATH.read_text(encoding="utf-8").splitlines() == [
        "192.0.2.1 printer",
        "# BEGIN cnm",
        "127.0.0.1 localhost",
        "# END cnm",
        "192.0.2.2 scanner",
    ]
    host.kernel.apply([Step(changed, None)])
    assert PATH.read_text(encoding="utf-8") == "192.0.2.1 printer\n192.0.2.2 scanner\n"


def test_a_running_program_sees_the_change(host: Host) -> None:
    host.kernel.apply([Step(None, HOSTS)])
    with PATH.open(encoding="utf-8") as program:
        host.kernel.apply([Step(HOSTS, File(HOSTS.path, "short\n"))])
        assert program.read() == "# BEGIN cnm\nshort\n# END cnm\n"


def test_a_kill_between_write_and_cut_leaves_no_half_line(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.kernel.apply([Step(None, HOSTS)])
    short = File(HOSTS.path, "short\n")
    with monkeypatch.context() as killed:
        killed.setattr(os, "ftruncate", lambda *_: None)
        host.kernel.apply([Step(HOSTS, short)])
    assert PATH.read_text(encoding="utf-8").rstrip("\n") == "# BEGIN cnm\nshort\n# END cnm"
    assert host.kernel.read([HOSTS.key]) == {HOSTS.key: short}


def test_removal_takes_the_file_and_its_folder(host: Host) -> None:
    host.kernel.apply([Step(None, HOSTS)])
    for _again in range(2):
        host.kernel.apply([Step(HOSTS, None)])
        assert not PATH.parent.exists()
        assert Path("/etc/netns").exists()


def test_a_folder_with_something_else_in_it_stays(host: Host) -> None:
    host.kernel.apply([Step(None, HOSTS)])
    PATH.with_name("nsswitch.conf").touch()
    host.kernel.apply([Step(HOSTS, None)])
    assert [entry.name for entry in PATH.parent.iterdir()] == ["nsswitch.conf"]


def test_the_mode_is_seen_and_set(host: Host) -> None:
    host.kernel.apply([Step(None, HOSTS)])
    PATH.chmod(0o600)
    present = host.kernel.read([HOSTS.key])[HOSTS.key]
    assert not HOSTS.satisfied_by(present)
    host.kernel.apply([Step(present, HOSTS)])
    assert host.kernel.read([HOSTS.key]) == {HOSTS.key: HOSTS}


@pytest.mark.parametrize(
    "damage",
    [
        f"mine\n# BEGIN cnm\n{BLOCK}",
        f"mine\n{BLOCK}# END cnm\n",
        f"mine\n{BLOCK}{BLOCK}",
        f"mine\n{BLOCK}".rstrip("\n"),
        "mine\n# END cnm\n",
        f"mine\n# BEGIN cnm\n{HOSTS.text}",
    ],
)
def test_damaged_markers_are_mended_and_no_line_of_the_user_is_lost(host: Host, damage: str) -> None:
    given(damage)
    present = host.kernel.read([HOSTS.key]).get(HOSTS.key)
    # If only the last line end of the block is missing, the block is complete.
    assert present is None or not HOSTS.satisfied_by(present) or damage == f"mine\n{BLOCK}".rstrip("\n")
    host.kernel.apply([Step(present, HOSTS)])
    assert PATH.read_text(encoding="utf-8") == f"mine\n{BLOCK}"


@pytest.mark.parametrize("kind", ["symlink", "folder", "pipe"])
def test_what_is_no_file_is_a_conflict_and_is_not_touched(host: Host, kind: str) -> None:
    PATH.parent.mkdir()
    target = Path("/etc/target")
    target.write_text("secret\n", encoding="utf-8")
    if kind == "symlink":
        PATH.symlink_to(target)
    elif kind == "folder":
        PATH.mkdir()
    else:
        os.mkfifo(PATH)
    for action in (lambda: plan({}, host.kernel.read([HOSTS.key])), lambda: host.kernel.apply([Step(None, HOSTS)])):
        with pytest.raises(Conflict, match=HOSTS.path):
            action()
    assert target.read_text(encoding="utf-8") == "secret\n"
