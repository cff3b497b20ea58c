# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects planted where our files, folders or namespaces must be: never followed, never waited for."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tasks import Tasks

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError

SECRET = Path("/etc/secret")
TEXT = "root:$6$hash:1::::::\n"
KINDS = ("symbolic link", "dangling link", "hard link", "pipe", "folder")


@pytest.fixture()
def lan(tasks: Tasks, patience: None) -> Iterator[Tasks]:
    """A host with a network and a secret file, which must be unchanged at the end."""
    tasks.network("lan", "10.1.0.0/24")
    SECRET.write_text(TEXT)
    SECRET.chmod(0o600)
    yield tasks
    before = SECRET.stat()
    assert (stat.S_IMODE(before.st_mode), before.st_uid) == (0o600, 0)
    assert SECRET.read_text() == TEXT
    assert not Path("/etc/nowhere").exists()


def plant(kind: str, path: str) -> None:
    """Replace whatever is at PATH with something of KIND."""
    if os.path.lexists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if kind == "symbolic link":
        os.symlink(SECRET, path)
    elif kind == "dangling link":
        os.symlink("/etc/nowhere", path)
    elif kind == "hard link":
        os.link(SECRET, path)
    elif kind == "pipe":
        os.mkfifo(path, 0o666)
    else:
        os.mkdir(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", ["hosts", "resolv.conf"])
def test_files_of_a_sandbox(lan: Tasks, file: str, kind: str) -> None:
    # Use the secret's file system, so that a hard link is possible.
    lan.host.out(["umount", "/etc/netns"])
    path = f"/etc/netns/web/{file}"
    plant(kind, path)
    for _again in range(2):
        with pytest.raises(CnmError, match=path):
            lan.sandbox("web", "lan")
    assert "web" not in lan.shown("sandbox")
    assert not os.path.lexists("/run/netns/web")


def test_the_folder_of_a_sandbox(lan: Tasks) -> None:
    target = Path("/etc/target")
    target.mkdir()
    Path("/etc/netns/web").symlink_to(target)
    with pytest.raises(CnmError, match="/etc/netns/web"):
        lan.sandbox("web", "lan")
    assert os.listdir(target) == []


def test_a_file_that_becomes_a_link_is_not_written_through_when_the_sandbox_goes(lan: Tasks) -> None:
    lan.host.out(["umount", "/etc/netns"])
    lan.sandbox("web", "lan")
    plant("hard link", "/etc/netns/web/hosts")
    with pytest.raises(CnmError, match="/etc/netns/web/hosts"):
        lan.sandbox("web", state="absent")


@pytest.mark.parametrize("kind", KINDS)
def test_the_place_of_a_namespace(lan: Tasks, kind: str) -> None:
    path = "/run/netns/web"
    if kind == "hard link":
        pytest.skip("/run is another file system than /etc")
    plant(kind, path)
    with pytest.raises(CnmError, match=path):
        lan.sandbox("web", "lan")
    lan.sandbox("web", state="absent")
    assert os.path.lexists(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", ["cnm.db", "lock", "intent.json", "intent.json.new", "cnm.db-journal"])
def test_files_of_the_store(lan: Tasks, file: str, kind: str) -> None:
    path = f"/var/lib/cnm/{file}"
    if kind == "hard link":
        lan.host.out(["umount", "/var/lib/cnm"])
        other = Path("/var/lib/secret")
        other.write_text(TEXT)
        other.chmod(0o644)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.link(other, path)
    else:
        plant(kind, path)
    if file.endswith(".new"):
        if kind == "folder":
            pytest.skip("only who may write to /var/lib/cnm, root, could do that")
        lan.sandbox("web", "lan") if kind != "hard link" else lan.network("lan", "10.1.0.0/24")
    else:
        with pytest.raises(CnmError, match=path.replace(file, "")):
            lan.sandbox("web", "lan")
        assert not os.path.lexists("/run/netns/web")
    if kind == "hard link":
        assert (other.read_text(), stat.S_IMODE(other.stat().st_mode)) == (TEXT, 0o644)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", ["ruleset.json", "ruleset.json.new", "listings.json", "listings.json.new"])
def test_files_of_the_runtime_folder(lan: Tasks, file: str, kind: str) -> None:
    if kind in ("hard link", "folder"):
        pytest.skip("only who may write to /run/cnm, root, could do that")
    plant(kind, f"/run/cnm/{file}")
    lan.host.out(["nft", "flush", "ruleset"])
    lan.sandbox("web", "lan")
    assert not lan.sandbox("web").changed
    assert stat.S_ISREG(os.lstat("/run/cnm/ruleset.json").st_mode)
