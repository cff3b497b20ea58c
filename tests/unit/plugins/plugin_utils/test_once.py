# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One process works for all, whatever becomes of it."""

from __future__ import annotations

import os
import stat
import time

import pytest

from ansible_collections.cnm.linux.plugins.plugin_utils._topology import once

HOSTS = [f"host/{number}" for number in range(8)]


class Work:
    """Notes in a file each time that it is done."""

    def __init__(self, folder):
        self._done = folder / "done"

    def __call__(self):
        time.sleep(0.05)
        with open(self._done, "a", encoding="utf-8") as done:
            done.write("x")
        return {host: (self.times, host) for host in HOSTS}

    @property
    def times(self):
        return len(self._done.read_text(encoding="utf-8")) if self._done.exists() else 0


@pytest.fixture()
def work(tmp_path):
    return Work(tmp_path)


@pytest.fixture()
def folder(tmp_path):
    return tmp_path / "cnm_topology" / "task"


def in_processes(act, *arguments):
    """Let a process for each of ARGUMENTS ACT on it, all at once; return whether all went well."""
    children = []
    for argument in arguments:
        child = os.fork()
        if not child:
            try:
                os._exit(0 if act(argument) else 1)
            finally:
                os._exit(2)
        children.append(child)
    return [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)


def test_one_of_many_processes_works_for_all(folder, work):
    assert in_processes(lambda host: once.answer(folder, host, work) == (1, host), *HOSTS)
    assert work.times == 1


def test_a_host_that_asks_again_is_given_a_new_answer_and_so_are_others(folder, work):
    assert once.answer(folder, HOSTS[0], work) == (1, HOSTS[0])
    assert once.answer(folder, HOSTS[0], work) == (2, HOSTS[0])
    assert once.answer(folder, HOSTS[1], work) == (2, HOSTS[1])
    assert work.times == 2


def test_a_process_that_dies_at_work_leaves_it_to_the_next(folder, work):
    def die():
        os._exit(0)

    assert in_processes(lambda host: once.answer(folder, host, die), HOSTS[0])
    assert once.answer(folder, HOSTS[1], work) == (1, HOSTS[1])


def test_what_the_work_raises_is_raised_and_nothing_is_kept(folder, work):
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        once.answer(folder, HOSTS[0], fail)
    assert once.answer(folder, HOSTS[1], work) == (1, HOSTS[1])


def test_answers_are_for_nobody_else_and_are_taken_away(folder, work):
    once.answer(folder, HOSTS[0], work)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for host in HOSTS[1:]:
        once.answer(folder, host, work)
    assert [path.name for path in folder.iterdir()] == ["lock"]
