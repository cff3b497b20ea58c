# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A few file descriptors are enough for many namespaces; if there are too few, the message says so."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pytest
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError

sys.path.append(str(Path(__file__).parent / "network"))

import children
from tasks import Tasks

LIMIT = 64
TOLD = 3


@pytest.fixture()
def tasks(host: Host) -> Tasks:
    opened = Tasks(host)
    opened.network("lan", "10.1.0.0/24")
    return opened


def test_more_namespaces_than_descriptors(tasks: Tasks) -> None:
    sandboxes = [{"name": f"s{number}", "networks": [{"name": "lan"}]} for number in range(LIMIT + 10)]

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        assert tasks.ensure("sandbox", *sandboxes).changed
        assert not tasks.ensure("sandbox", *sandboxes).changed
        assert tasks.ensure("sandbox", *({**each, "state": "absent"} for each in sandboxes)).changed

    assert children.end(children.start(few)) == 0


def test_too_few_are_told(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.listdir("/run/netns")
    program = tasks.host.program

    def run(argv: list[str], stdin: str | None) -> tuple[int, str, str]:
        try:
            return program(argv, stdin)
        except OSError as error:
            return 127, "", str(error)

    monkeypatch.setattr(tasks.host, "program", run)

    def few(more: int) -> None:
        limit = len(os.listdir("/proc/self/fd")) + more
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        try:
            tasks.sandbox("web", "lan")
        except CnmError as error:
            os._exit(TOLD if "Too many open files" in str(error) or "unable to open" in str(error) else 1)

    ends = [children.end(children.start(lambda more=more: few(more))) for more in range(0, 24, 2)]
    assert set(ends) == {TOLD, 0}, ends
    assert tasks.sandbox("web", state="absent").changed
    assert os.listdir("/run/netns") == before
