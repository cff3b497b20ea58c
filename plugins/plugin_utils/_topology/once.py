# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that is done in one process and handed to others, which share nothing with it but a folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
from pathlib import Path
from typing import Callable, Mapping, TypeVar

T = TypeVar("T")


def answer(folder: Path, host: str, work: Callable[[], Mapping[str, T]]) -> T:
    """Return HOST's answer out of FOLDER and take it away from there; if it has none, WORK for all.

    Only one process works at a time; others wait for it. As an answer can be had once, a host that asks again is given
    a new one, and so are the others from then on.

    :param folder: nobody else's to write, since answers are unpickled; made if it is not there
    :param work: returns the answers of HOST and of all others that may ask, by name; raises what this raises
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        # The kernel unlocks it when the process dies.
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = _path(folder, host)
        if path.exists():
            content = path.read_bytes()
            path.unlink()
            # Not JSON, in which dates and vaulted texts would not be what they are to the process that did the work.
            found: T = pickle.loads(content)
            return found
        answers = dict(work())
        own = answers.pop(host)
        for name, other in answers.items():
            new = folder / "new"
            new.write_bytes(pickle.dumps(other))
            os.replace(new, _path(folder, name))
        return own


def _path(folder: Path, host: str) -> Path:
    return folder / hashlib.sha256(host.encode()).hexdigest()
