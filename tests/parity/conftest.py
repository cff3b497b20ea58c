# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hosts that do not see each other: one with a real Docker, one of ours."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from dockerd import Dockerd
from lab import at
from ours import Ours
from stand_in import Host, private
from theirs import Theirs

LISTENER = 22222
"""A port that somebody on either host listens on."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seconds", type=float, default=60.0, help="seconds to spend on new sequences")
    parser.addoption("--sequences", type=int, default=10**6, help="maximum number of sequences")
    parser.addoption("--seed", type=int, help="seed of the sequences; random by default")
    parser.addoption("--shrink", action="store_true", help="spend minutes on finding the shortest sequence that fails")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(2**32)


def pytest_report_header(config: pytest.Config) -> str:
    return f"parity: --seed {config.option.seed} --seconds {config.option.seconds:g}"


@pytest.fixture(scope="module")
def theirs() -> Iterator[Theirs]:
    """A Docker on its own host. This process has left that host when the test begins."""
    with ExitStack() as stack:
        with private() as host:
            daemon = Dockerd(host)
            stack.callback(daemon.end)
            daemon.start()
            daemon.load_image()
        listen(stack, daemon.place)
        made = Theirs(daemon)
        stack.callback(made.close)
        yield made


@pytest.fixture(scope="module")
def our_host(theirs: Theirs) -> Iterator[Host]:
    """Our host, which this process has entered."""
    with private() as host, ExitStack() as stack:
        listen(stack, "")
        yield host


@pytest.fixture()
def ours(our_host: Host) -> Iterator[Ours]:
    made = Ours(our_host)
    yield made
    made.reset()


def listen(stack: ExitStack, place: str) -> None:
    """Listen on LISTENER at PLACE until STACK is closed."""
    with at(place):
        listening = stack.enter_context(socket.socket())
    listening.bind(("0.0.0.0", LISTENER))
    listening.listen()
