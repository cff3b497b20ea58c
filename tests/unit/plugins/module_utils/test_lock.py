# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who gets the lock of the store."""

from __future__ import annotations

import os
import threading
import time

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import Locked
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.lock import at_work, held, note


class Runs:
    """Runs that want the lock of the store in FOLDER, one after the other."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.got = []
        self._threads = []

    def want(self, name, patience=20.0):
        self._threads.append(threading.Thread(target=self.run, args=(name, patience)))
        self._threads[-1].start()
        time.sleep(0.05)

    def run(self, name, patience=20.0):
        try:
            with held(self.folder, patience):
                self.got.append(name)
                time.sleep(0.01)
        except Locked:
            self.got.append(f"not {name}")

    def end(self):
        for each in self._threads:
            each.join()
        return self.got


def test_runs_get_it_in_the_order_of_their_arrival(tmp_path):
    runs = Runs(tmp_path)
    with held(runs.folder):
        for name in "abcde":
            runs.want(name)
    # This process has had it, and wants it again before the others can notice.
    runs.run("again")
    assert runs.end() == [*"abcde", "again"]


def test_whoever_has_given_up_keeps_nobody_waiting(tmp_path):
    runs = Runs(tmp_path)
    with held(runs.folder):
        runs.want("a", 0.15)
        runs.want("b")
        time.sleep(0.2)
        assert runs.got == ["not a"]
    runs.run("c")
    assert runs.end() == ["not a", "b", "c"]


def test_others_see_how_far_a_run_is(tmp_path):
    folder = str(tmp_path)
    asking, asked = os.pipe()
    assert at_work(folder) == ""
    with held(folder):
        note(folder, "changes the host: 200 of 1000")
        if os.fork() == 0:
            os.write(asked, at_work(folder).encode())
            os._exit(0)
        os.wait()
        with pytest.raises(Locked, match=r"holds it now and changes the host: 200 of 1000\. Wait"), held(folder, 0.01):
            pass
    seen = os.read(asking, 4096).decode()
    os.close(asking)
    os.close(asked)
    assert seen.startswith(f"Process {os.getpid()} (") and seen.endswith("') changes the host: 200 of 1000.")
    with held(folder), pytest.raises(Locked, match=r"\) holds it now\. Wait"), held(folder, 0.01):
        pass
