# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time from the start of a task to the first answer from another host, and the interruption by a move."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess

from clock import Cost
from fleet import Fleet
from host import on_a_fleet
from overlays import MOVING, NAMES, Work, address, changing
from probe import Probe, Unanswered
from record import Key, Record

from . import Plan, peer_of

HOSTS = 3
PATIENCE = 10.0
"""Seconds without an answer after the tasks have ended, until a moved endpoint counts as lost."""
_UNKNOWN = float("nan")


def run(plan: Plan, record: Record) -> None:
    """Measure the overlays in turn: an endpoint on another host constantly sends requests to the new one."""
    for _round in range(plan.rounds):
        for name in NAMES[1:]:
            if peer_of(name) in plan.peers:
                for what, cost in on_a_fleet(HOSTS, functools.partial(_measure, name=name)):
                    record.add(Key("first", what, HOSTS, name), cost)


def _measure(fleet: Fleet, name: str) -> list[tuple[str, Cost]]:
    measured = changing(name)(fleet)
    try:
        watcher = measured.endpoint(3)
        costs = []
        for number, what, prepare in ((1, "new", measured.start), (2, "joins", measured.join)):
            work = prepare(number)
            with Probe(watcher, address(number)) as probe:
                begin = time.perf_counter()
                with _at_once([work]):
                    (first,) = probe.until()
                costs.append((what, Cost(first - begin, _UNKNOWN)))
        works = measured.move(1, 2)
        with Probe(watcher, MOVING) as probe:
            return [*costs, ("moves", Cost(_silence(probe, works), _UNKNOWN))]
    finally:
        measured.close()


def _silence(probe: Probe, works: Sequence[Work]) -> float:
    """Return the longest interruption in seconds while WORKS run; infinite if it does not end."""
    probe.until()
    begin = time.perf_counter()
    with _at_once(works) as processes:
        try:
            answers = probe.until(lambda: not any(process.is_alive() for process in processes), PATIENCE)
        except Unanswered:
            answers = [begin, math.inf]
    return max(later - earlier for earlier, later in itertools.pairwise([begin, *answers]))


@contextlib.contextmanager
def _at_once(works: Sequence[Work]) -> Iterator[Sequence[BaseProcess]]:
    """Run WORKS in parallel processes, which have ended at the end of the block."""
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=work, daemon=True) for work in works]
    try:
        for process in processes:
            process.start()
        yield processes
        for process in processes:
            process.join(30)
            if process.exitcode:
                raise RuntimeError(f"a task has failed: {process.exitcode}")
    finally:
        for process in processes:
            if process.pid:
                process.kill()
                process.join()
