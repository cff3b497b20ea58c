# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that one process does for others, which share only a folder with it."""

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
    """The results of one process for all."""

    answers: Mapping[str, T]
    """The answers by host name."""
    common: C
    """What each host gets in addition to its answer."""
    names: Names
    """Names of the variables that the results depend on; None if they depend on more than variables."""


@dataclass(frozen=True)
class Answer(Generic[T, C]):
    """The answer for one host."""

    own: T
    common: C
    worker: str
    """The host whose process did the work."""


class _Note(NamedTuple):
    """Information about the answers in the folder."""

    names: Names
    digest: Optional[str]
    meeting: Optional[str]
    """The task that they are for, if they depend on more than variables."""
    worker: str


def answer(
    folder: Path,
    host: str,
    digest: Callable[[Set[str]], Optional[str]],
    meeting: Optional[str],
    work: Callable[[], "Work[T, C]"],
) -> "Answer[T, C]":
    """Return HOST's answer from FOLDER if it is still valid; else do WORK for all hosts.

    An answer is valid as long as the variables that it depends on have the same values. If it depends on more than
    variables, it is valid only for hosts that run the same task at the same time, once for each.
    Only one process works at a time, and the others wait for it.

    :param folder: only we may write to it, because answers are unpickled; created if it does not exist
    :param digest: returns a digest of the values of variables, by name; None if they are not known
    :param meeting: names the task that hosts run together; None for a host that runs it alone
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
    # No other host can use this answer, so none waits for it.
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
    digested = digest(done.names) if done.names is not None else None
    names = done.names if digested is not None else None
    shutil.rmtree(folder / "answers", ignore_errors=True)
    if names is not None or meeting is not None:
        (folder / "answers").mkdir(mode=0o700)
        for name, each in done.answers.items():
            if names is not None or name != host:
                _path(folder, name).write_bytes(pickle.dumps(each))
        (folder / "common").write_bytes(pickle.dumps(done.common))
    new = folder / "new"
    new.write_bytes(pickle.dumps(_Note(names, digested, meeting, host)))
    os.replace(new, folder / "note")
    return Answer(done.answers[host], done.common, host)


def first(folder: Path, what: str, value: T) -> T:
    """Return the VALUE of the first process that called this with the same WHAT."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / hashlib.sha256(what.encode()).hexdigest()
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            path.write_bytes(pickle.dumps(value))
        earlier: T = _read(path)
    return earlier


def _read(path: Path) -> Any:
    """Return the content of the file at PATH, None if it does not exist."""
    # Not JSON, which would change dates and vaulted texts.
    return pickle.loads(path.read_bytes()) if path.exists() else None


def _path(folder: Path, host: str) -> Path:
    return folder / "answers" / hashlib.sha256(host.encode()).hexdigest()
