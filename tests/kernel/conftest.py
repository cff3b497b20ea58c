# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host, or three, for each test: private network and mount namespaces."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any, Generator, Iterator, List

import pytest
from fleet import Fleet
from stand_in import Host, private


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="seed of the random tests; random by default")
    parser.addoption("--seconds", type=float, help="seconds that the adversary and the concurrent writers work for")
    parser.addoption("--none-skipped", action="store_true", help="a test that is skipped has failed")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "machine: also runs in a virtual machine, whose kernel may have what the kernel here lacks"
    )
    if config.option.seed is None:
        config.option.seed = getattr(config, "workerinput", {}).get("seed", random.randrange(1 << 16))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give each worker of pytest-xdist the same seed."""
    node.workerinput["seed"] = node.config.option.seed


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """Skip the kernel tests without root."""
    if os.geteuid() == 0:
        return
    for item in items:
        if Path(str(item.fspath)).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="kernel tests make network and mount namespaces: run them as root"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Let a skipped test fail with ``--none-skipped``."""
    report = (yield).get_result()
    if report.skipped and item.config.option.none_skipped:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} must not be skipped here: {report.longrepr}"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    terminalreporter.write_line(f"--seed {config.getoption('--seed')}")


@pytest.fixture()
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of the random choices."""
    return int(request.config.getoption("--seed"))


@pytest.fixture()
def host() -> Iterator[Host]:
    """A host of the test's own."""
    with private() as made:
        yield made


@pytest.fixture()
def fleet() -> Iterator[Fleet]:
    """Three hosts of the test's own."""
    made = Fleet(3)
    try:
        yield made
    finally:
        made.close()
