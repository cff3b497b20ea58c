# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemd unmounts namespaces whose mount has a unit file, as the role cnm.linux.service writes it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, Optional, Tuple

import pytest
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import mount_units, systemd
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system.programs import find
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.namespace import Namespace
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step

pytestmark = pytest.mark.skipif(not find("systemctl"), reason="systemctl is needed: apt install systemd")
WEB, APP = Namespace("/run/netns/web"), Namespace("/run/netns/my-app.v2")
UNIT = r"run-netns-my\x2dapp.v2.mount"


class Watched:
    """A kernel, and a record of what it lets systemd stop."""

    def __init__(self, host: Host) -> None:
        self.stopped: List[List[str]] = []
        self._host = host
        self.kernel = Kernel(self._run)

    def _run(self, argv: List[str], stdin: Optional[str]) -> Tuple[int, str, str]:
        if os.path.basename(argv[0]) != "systemctl":
            return self._host.program(argv, stdin)
        self.stopped.append(argv[1:])
        return 0, "", ""

    def remove(self) -> None:
        self.kernel.apply([Step(None, WEB), Step(None, APP)])
        self.kernel.apply([Step(WEB, None), Step(APP, None)])
        assert not os.path.lexists(WEB.path) and not os.path.lexists(APP.path)


@pytest.fixture()
def watched(host: Host) -> Watched:
    Path(mount_units.UNITS).mkdir(parents=True, exist_ok=True)
    return Watched(host)


def test_those_with_a_unit_file(watched: Watched) -> None:
    Path(systemd.BOOTED).mkdir(parents=True)
    Path(mount_units.UNITS, UNIT).touch()
    watched.remove()
    assert watched.stopped == [["stop", "--", UNIT]]


@pytest.mark.parametrize(("booted", "unit"), [(True, ""), (True, "srv-data.mount"), (False, UNIT)])
def test_no_others(watched: Watched, booted: bool, unit: str) -> None:
    if booted:
        Path(systemd.BOOTED).mkdir(parents=True)
    if unit:
        Path(mount_units.UNITS, unit).touch()
    watched.remove()
    assert watched.stopped == []
