# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts have reported in this run of Ansible, whose processes share only a folder.

A report has for each network of its host the endpoints that the others need to know (``endpoints``), a digest of them
(``digest``), and the digests of the others' endpoints that the host has in its store (``known``, by host). An empty
digest stands for no endpoints.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping

from ...module_utils._cnm.model.overlay_peer import pack

Report = Mapping[str, Mapping[str, Any]]


def leave(folder: Path, host: str, report: Report) -> None:
    """Leave the REPORT of HOST, by network, in FOLDER, in place of its last one."""
    with _alone(folder):
        (folder / "digests").unlink(missing_ok=True)
        _write(_path(folder / "hosts", host), {"host": host, "networks": report})


def unknown(folder: Path, host: str) -> Dict[str, str]:
    """Return by network the reports of all hosts, packed, for the networks where HOST lacks any.

    A host that has left no report was not reached, and lacks nothing.
    """
    with _alone(folder):
        if not (folder / "digests").exists():
            _collect(folder)
        path = _path(folder / "hosts", host)
        own: Report = _read(path)["networks"] if path.exists() else {}
        digests = _read(folder / "digests")
        return {
            network: _read(_path(folder / "networks", network))
            for network, report in own.items()
            if any(report["known"].get(one, "") != each for one, each in digests[network].items() if one != host)
        }


def _collect(folder: Path) -> None:
    """Sort the reports of all hosts by network, so that not each process has to read all of them."""
    digests: Dict[str, Dict[str, str]] = {}
    endpoints: Dict[str, Dict[str, Any]] = {}
    for path in (folder / "hosts").iterdir():
        entry = _read(path)
        for network, report in entry["networks"].items():
            digests.setdefault(network, {})[entry["host"]] = report["digest"]
            endpoints.setdefault(network, {})[entry["host"]] = report["endpoints"]
    for network, each in endpoints.items():
        _write(_path(folder / "networks", network), pack(each))
    _write(folder / "digests", digests)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time use FOLDER, which is created if it does not exist."""
    for each in ("hosts", "networks"):
        (folder / each).mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        # The kernel unlocks it when the process dies.
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _path(folder: Path, name: str) -> Path:
    return folder / hashlib.sha256(name.encode()).hexdigest()
