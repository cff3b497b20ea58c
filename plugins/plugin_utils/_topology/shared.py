# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that is done in one process and handed to others, which share nothing with it but a folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Generic, Mapping, NamedTuple, Optional, Set, TypeVar

T = TypeVar("T")
C = TypeVar("C")
Names = Optional[Set[str]]


@dataclass(frozen=True)
class Work(Generic[T, C]):
    """What one process has found out for all."""

    answers: Mapping[str, T]
    """By the name of a host."""
    common: C
    """What each host is to know beside its answer."""
    names: Names
    """On which variables that depends, by name; None if not on variables alone."""


@dataclass(frozen=True)
class Answer(Generic[T, C]):
    """What a host is given."""

    own: T
    common: C
    worker: str
    """The host that had the work done."""


class _Note(NamedTuple):
    """What is known of the answers in the folder."""

    names: Names
    digest: Optional[str]
    meeting: Optional[str]
    """Who can have them, if they depend on more than variables."""
    worker: str


def answer(
    folder: Path,
    host: str,
    digest: Callable[[Set[str]], Optional[str]],
    meeting: Optional[str],
    work: Callable[[], "Work[T, C]"],
) -> "Answer[T, C]":
    """Return HOST's answer out of FOLDER if it is still right; else WORK for all.

    It is right as long as the variables on which it depends are as they were. If it depends on more than variables, it
    is for those who are at the same task at the same time, once for each.
    Only one process works at a time, and others wait for it.

    :param folder: nobody else's to write, since answers are unpickled; made if it is not there
    :param digest: returns what tells the values of variables, by name, from others; None if it cannot tell
    :param meeting: names the task that hosts are at together; None for a host that comes alone
    :param work: raises what this raises
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        # The kernel unlocks it when the process dies.
        fcntl.flock(lock, fcntl.LOCK_EX)
        note: Optional[_Note] = _read(folder / "note")
        path = _path(folder, host)
        fixed = note is not None and note.names is not None
        if note is not None and path.exists():
            if fixed and note.digest is not None and note.digest == digest(note.names or set()):
                return Answer(_read(path), _read(folder / "common"), note.worker)
            if not fixed and meeting is not None and note.meeting == meeting:
                own = _read(path)
                path.unlink()
                return Answer(own, _read(folder / "common"), note.worker)
        if note is None or fixed or meeting is not None:
            return _work(folder, host, digest, meeting, work)
    # Nobody else can have this answer, so nobody waits for it.
    done = work()
    return Answer(done.answers[host], done.common, host)


def _work(
    folder: Path,
    host: str,
    digest: Callable[[Set[str]], Optional[str]],
    meeting: Optional[str],
    work: Callable[[], "Work[T, C]"],
) -> "Answer[T, C]":
    (folder / "note").unlink(missing_ok=True)
    done = work()
    found = digest(done.names) if done.names is not None else None
    names = done.names if found is not None else None
    shutil.rmtree(folder / "answers", ignore_errors=True)
    if names is not None or meeting is not None:
        (folder / "answers").mkdir(mode=0o700)
        for name, each in done.answers.items():
            if names is not None or name != host:
                _path(folder, name).write_bytes(pickle.dumps(each))
        (folder / "common").write_bytes(pickle.dumps(done.common))
    new = folder / "new"
    new.write_bytes(pickle.dumps(_Note(names, found, meeting, host)))
    os.replace(new, folder / "note")
    return Answer(done.answers[host], done.common, host)


def first(folder: Path, what: str, value: T) -> T:
    """Return the VALUE with which a process was the first to come here, of all that come with the same WHAT."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / hashlib.sha256(what.encode()).hexdigest()
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            path.write_bytes(pickle.dumps(value))
        found: T = _read(path)
    return found


def _read(path: Path) -> Any:
    """Return what is in the file at PATH, None if there is none."""
    # Not JSON, in which dates and vaulted texts would not be what they are to the process that did the work.
    return pickle.loads(path.read_bytes()) if path.exists() else None


def _path(folder: Path, host: str) -> Path:
    return folder / "answers" / hashlib.sha256(host.encode()).hexdigest()
