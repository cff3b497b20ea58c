# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may read our folders and write to them, whatever the umask and whatever existed before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tasks import Tasks

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError

NOBODY = 65534
STORE, RUNTIME, NAMESPACES, CONFIGURATION = "/var/lib/cnm", "/run/cnm", "/run/netns", "/etc/netns"
PRIVATE = {STORE: 0o700, RUNTIME: 0o700}
PUBLIC = {NAMESPACES: 0o755, CONFIGURATION: 0o755, f"{CONFIGURATION}/web": 0o755}
FOLDERS = {**PRIVATE, **PUBLIC}


@pytest.fixture(params=[0o000, 0o077, 0o022])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture()
def bare(tasks: Tasks) -> Tasks:
    """A host without any of our folders."""
    for folder in (STORE, CONFIGURATION):
        tasks.host.out(["umount", folder])
    for folder in (STORE, RUNTIME, CONFIGURATION, NAMESPACES):
        Path(folder).rmdir()
    return tasks


def build(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("web", "n")


def mode(path: "str | Path") -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def private_files() -> dict[str, int]:
    return {str(path): mode(path) for folder in PRIVATE for path in Path(folder).glob("*") if path.is_file()}


def test_folders_and_files_are_made_with_their_modes(bare: Tasks, umask: int) -> None:
    build(bare)
    assert {folder: mode(folder) for folder in FOLDERS} == FOLDERS
    files = private_files()
    assert {f"{STORE}/cnm.db", f"{STORE}/lock", f"{RUNTIME}/ruleset.json"} <= set(files)
    assert set(files.values()) == {0o600}
    assert {mode(path) for path in Path(f"{CONFIGURATION}/web").iterdir()} == {0o644}


def test_the_journal_and_the_files_of_the_store_in_use_are_private(
    bare: Tasks, umask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, int] = {}
    replace = os.replace

    def look(source: str, target: str) -> None:
        seen.update(private_files())
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    build(bare)
    assert {f"{STORE}/cnm.db-wal", f"{STORE}/cnm.db-shm", f"{STORE}/intent.json.new"} <= set(seen)
    assert set(seen.values()) == {0o600}


def test_what_is_too_open_is_closed(tasks: Tasks) -> None:
    build(tasks)
    for folder in FOLDERS:
        os.chmod(folder, 0o777)
    for path in private_files():
        os.chmod(path, 0o666)
    tasks.network("m", "10.2.0.0/24")
    tasks.sandbox("web", "n", "m")
    tasks.sandbox("new", "n")
    assert {folder: mode(folder) for folder in FOLDERS} == FOLDERS
    tasks.sandbox("new", state="absent")
    assert {value for path, value in private_files().items() if path.startswith(STORE)} == {0o600}


@pytest.mark.parametrize("folder", [STORE, RUNTIME, NAMESPACES, CONFIGURATION])
def test_somebody_else_s_folder_is_refused(tasks: Tasks, folder: str) -> None:
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(CnmError, match=f"'{folder}'"):
        build(tasks)
    assert os.listdir(folder) == []


@pytest.mark.parametrize("file", ["cnm.db", "lock", "intent.json"])
def test_somebody_else_s_file_in_the_store_is_refused(tasks: Tasks, file: str) -> None:
    build(tasks)
    path = Path(STORE, file)
    path.touch()
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(CnmError, match=f"'{path}'"):
        tasks.sandbox("web", "n")


@pytest.mark.parametrize("folder", [STORE, RUNTIME])
def test_a_link_to_another_folder_is_refused(bare: Tasks, folder: str) -> None:
    elsewhere = Path("/run/elsewhere")
    elsewhere.mkdir(mode=0o755)
    Path(folder).symlink_to(elsewhere)
    with pytest.raises(CnmError, match=f"'{folder}'"):
        build(bare)
    assert os.listdir(elsewhere) == []
    assert mode(elsewhere) == 0o755


def test_an_unprivileged_user_reads_names_and_nothing_else(tasks: Tasks) -> None:
    build(tasks)

    def as_nobody(*argv: str) -> int:
        return tasks.host.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *argv]).returncode

    assert as_nobody("cat", f"{CONFIGURATION}/web/hosts", f"{CONFIGURATION}/web/resolv.conf") == 0
    assert as_nobody("ip", "netns", "list") == 0
    for path in private_files():
        assert as_nobody("cat", path) != 0
        # Whoever could hold our lock, or SQLite's, could block every run.
        assert as_nobody("flock", "--nonblock", path, "true") != 0
    for folder in FOLDERS:
        assert as_nobody("touch", f"{folder}/mine") != 0
