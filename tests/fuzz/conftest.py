# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private host and a simulated one, and for how long to run."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "unit" / "plugins" / "module_utils"))

from machine import Machine
from running import Pretended
from stand_in import private

SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seconds", type=float, default=3.0, help="seconds to spend on each module or file")


def pytest_configure(config: pytest.Config) -> None:
    given = config.getoption("--hypothesis-seed", None)
    config.stash[SEED] = random.SystemRandom().randrange(2**32) if given is None else int(given)


def pytest_report_header(config: pytest.Config) -> str:
    return f"fuzz: --hypothesis-seed={config.stash[SEED]} --seconds {config.option.seconds:g}"


@pytest.fixture()
def begin(request: pytest.FixtureRequest) -> int:
    """The seed of the first values."""
    return request.config.stash[SEED]


@pytest.fixture()
def seconds(request: pytest.FixtureRequest) -> float:
    return float(request.config.option.seconds)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with private() as host:
        yield Machine(host)


@pytest.fixture(scope="module")
def pretended() -> Iterator[Pretended]:
    made = Pretended()
    yield made
    made.end()
