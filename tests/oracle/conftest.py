# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hosts that run Docker, and two pairs of ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

TESTS = Path(__file__).parents[1]
sys.path.append(str(TESTS / "parity"))

from docker_hosts import DockerHosts
from etcd_hosts import EtcdHosts
from fleet import Fleet
from inventory_hosts import InventoryHosts

T = TypeVar("T", DockerHosts, EtcdHosts, InventoryHosts)


@contextmanager
def on_two_hosts(make: Callable[[Fleet], T]) -> Iterator[T]:
    with ExitStack() as stack:
        fleet = Fleet(2)
        stack.callback(fleet.close)
        made = make(fleet)
        stack.callback(made.end)
        yield made


@pytest.fixture()
def theirs() -> Iterator[DockerHosts]:
    with on_two_hosts(DockerHosts) as made:
        yield made


@pytest.fixture()
def played(tmp_path: Path) -> Iterator[InventoryHosts]:
    with on_two_hosts(lambda fleet: InventoryHosts(fleet, tmp_path)) as made:
        yield made


@pytest.fixture()
def sharing() -> Iterator[EtcdHosts]:
    with on_two_hosts(EtcdHosts) as made:
        yield made
