# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The compiled copy of the core: later tasks load it, but only if nobody except root can have written it."""

from __future__ import annotations

import marshal
import os
import stat
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Callable, Dict, List, Set

import pytest
from stand_in import Host

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
CORE = "ansible_collections/cnm/linux/plugins/module_utils/_cnm"
CACHE = Path("/var/cache")
FOLDER = CACHE / "cnm"
SENT = Path("/run/sent.zip")
TASK = """\
import sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.cnm.linux.plugins.module_utils._cnm.compiled import keep
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.suggestions import did_you_mean
keep(whole="whole" in sys.argv)
print(did_you_mean("blu", ["blue"]))
"""
ANOTHER = """\
import sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.cnm.linux.plugins.module_utils._cnm.compiled import keep
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.ids import is_id
keep()
"""
REQUEST = """\
import sys
sys.path.insert(0, sys.argv[1])
if "without pyroute2" in sys.argv:
    sys.modules["pyroute2"] = None
from ansible_collections.cnm.linux.plugins.module_utils._cnm.compiled import keep
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.request import encode
print(encode("address", 20, 0, [("IFA_LOCAL", sys.argv[2])], family=2, index=5).hex())
keep()
"""
COPIED = " from the copy"


def send(more: str = "") -> None:
    """Pack the core into a zip file as Ansible does, with the text MORE added to one of its files."""
    with zipfile.ZipFile(SENT, "w", zipfile.ZIP_DEFLATED) as archive:
        for parent in Path(CORE).parents:
            if parent.name:
                archive.writestr(f"{parent}/__init__.py", "")
        for path in sorted((PLUGINS / "module_utils" / "_cnm").rglob("*.py")):
            text = path.read_text(encoding="utf-8") + (more if path.name == "suggestions.py" else "")
            archive.writestr(f"{CORE}/{path.relative_to(PLUGINS / 'module_utils' / '_cnm')}", text)


def start(text: str = TASK, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", text, str(SENT), *arguments]
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONPYCACHEPREFIX": ""}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def task(text: str = TASK, *arguments: str) -> str:
    """Run a task as Ansible does, and return its output."""
    running = start(text, *arguments)
    output, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (0, "")
    return output.rstrip("\n")


def copies() -> List[Path]:
    return sorted(FOLDER.iterdir())


def files(path: Path) -> Set[str]:
    """Return which files of the core are in the copy at PATH."""
    return {name[len(CORE) + 1 :] for name in marshal.loads(path.read_bytes()[4:])}


def rewrite(path: Path) -> None:
    """Change the copy at PATH so that its output shows where it comes from."""
    compiled: Dict[str, bytes] = marshal.loads(path.read_bytes()[4:])
    code = compile(f"def did_you_mean(*_): return {COPIED!r}", "copy", "exec")
    compiled[f"{CORE}/model/suggestions.py"] = marshal.dumps(code)
    data = marshal.dumps(compiled)
    path.write_bytes(zlib.crc32(data).to_bytes(4, "big") + data)


@pytest.fixture()
def copy(host: Host) -> Path:
    """The copy that the first task has written, changed so that its use can be noticed."""
    send()
    task()
    (path,) = copies()
    rewrite(path)
    return path


def test_later_tasks_load_what_the_first_has_compiled(host: Host) -> None:
    send()
    assert "did you mean" in task()
    (path,) = copies()
    assert sys.implementation.cache_tag in path.name
    assert [(stat.S_IMODE(each.stat().st_mode), each.stat().st_uid) for each in (FOLDER, path)] == [
        (0o700, 0),
        (0o600, 0),
    ]
    rewrite(path)
    assert task() == COPIED
    assert copies() == [path]


def test_a_later_task_adds_what_it_is_the_first_to_use(host: Host) -> None:
    send()
    task()
    (path,) = copies()
    first = files(path)
    task(ANOTHER)
    assert files(path) - first == {"model/ids.py"}
    before = path.stat().st_ino
    task(ANOTHER)
    assert path.stat().st_ino == before, "nothing to add"
    task(TASK, "whole")
    core = PLUGINS / "module_utils" / "_cnm"
    assert files(path) == {str(each.relative_to(core)) for each in core.rglob("*.py")}


def test_later_tasks_need_no_pyroute2_for_requests_of_the_same_shape(host: Host) -> None:
    send()
    first = task(REQUEST, "10.0.0.1")
    other = task(REQUEST, "10.0.0.2", "without pyroute2")
    assert bytes.fromhex(other) == bytes.fromhex(first).replace(b"\x0a\0\0\1", b"\x0a\0\0\2") != bytes.fromhex(first)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def link(path: Path) -> None:
    other = path.with_name("other")
    path.rename(other)
    path.symlink_to(other)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def garbage(path: Path) -> None:
    path.write_bytes(b"\xff" * 1000)


FILE: Dict[str, Callable[[Path], None]] = {
    "somebody else's": lambda path: os.chown(path, 1000, 0),
    "for all to write": lambda path: path.chmod(0o602),
    "for a group to write": lambda path: path.chmod(0o620),
    "a link": link,
    "a pipe": pipe,
    "truncated": truncate,
    "empty": lambda path: os.truncate(path, 0),
    "garbage": garbage,
}


@pytest.mark.parametrize("damage", FILE)
def test_a_copy_that_may_not_be_roots_is_replaced(copy: Path, damage: str) -> None:
    FILE[damage](copy)
    assert "did you mean" in task()
    assert stat.S_ISREG(copy.lstat().st_mode)
    assert (stat.S_IMODE(copy.lstat().st_mode), copy.lstat().st_uid) == (0o600, 0)
    rewrite(copy)
    assert task() == COPIED


def turn(folder: Path) -> None:
    folder.rename("/var/cache/elsewhere")
    folder.symlink_to("/var/cache/elsewhere")


ABOVE: Dict[str, Callable[[], None]] = {
    "the folder is somebody else's": lambda: os.chown(FOLDER, 1000, 0),
    "all may write to the folder": lambda: FOLDER.chmod(0o707),
    "a group may write to the folder": lambda: FOLDER.chmod(0o770),
    "the folder is a link": lambda: turn(FOLDER),
    "the cache is somebody else's": lambda: os.chown(CACHE, 1000, 0),
    "all may write to the cache": lambda: CACHE.chmod(0o1777),
}


@pytest.mark.parametrize("above", ABOVE)
def test_nothing_is_loaded_or_written_where_others_decide_what_is_there(copy: Path, above: str) -> None:
    ABOVE[above]()
    before = copy.stat()
    assert "did you mean" in task()
    assert (copy.stat().st_mtime_ns, copy.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    copy.unlink()
    assert "did you mean" in task()
    assert copies() == []


def test_a_new_version_is_compiled_and_old_ones_are_removed(copy: Path) -> None:
    for number in range(6):
        send(f"\n# {number}\n")
        assert "did you mean" in task()
        assert len(copies()) <= 4
    assert copy not in copies()


def test_where_nothing_can_be_written_tasks_work_and_leave_nothing(host: Host) -> None:
    send()
    for options in ("ro", "size=64k"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", CACHE], check=True)
        assert "did you mean" in task()
        assert [path for path in CACHE.rglob("*") if path.is_file()] == []


def test_many_first_tasks_at_once_leave_one_whole_copy(host: Host) -> None:
    send()
    running = [start() for _each in range(6)]
    assert all("did you mean" in each.communicate(timeout=60)[0] for each in running)
    (path,) = copies()
    rewrite(path)
    assert task() == COPIED
