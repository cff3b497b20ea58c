# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hosts that run Docker, and two pairs of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path.append(str(TESTS / "parity"))

from docker_hosts import DockerHosts
from etcd_hosts import EtcdHosts
from fleet import Fleet
from inventory_hosts import InventoryHosts


@pytest.fixture()
def theirs() -> Iterator[DockerHosts]:
    with ExitStack() as stack:
        fleet = Fleet(2)
        stack.callback(fleet.close)
        made = DockerHosts(fleet)
        stack.callback(made.end)
        yield made


@pytest.fixture()
def played(tmp_path: Path) -> Iterator[InventoryHosts]:
    with ExitStack() as stack:
        fleet = Fleet(2)
        stack.callback(fleet.close)
        made = InventoryHosts(fleet, tmp_path)
        stack.callback(made.end)
        yield made


@pytest.fixture()
def sharing() -> Iterator[EtcdHosts]:
    with ExitStack() as stack:
        fleet = Fleet(2)
        stack.callback(fleet.close)
        made = EtcdHosts(fleet)
        stack.callback(made.end)
        yield made
