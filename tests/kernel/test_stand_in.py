# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in for a host."""

from __future__ import annotations

import os
import threading

from stand_in import private


def test_a_test_whose_threads_have_not_ended_leaves_its_host() -> None:
    """The next test would start inside, where overlays are nested too deeply for the kernel."""
    namespaces = [os.stat(f"/proc/thread-self/ns/{name}").st_ino for name in ("mnt", "net")]
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    try:
        with private():
            thread.start()
        assert [os.stat(f"/proc/thread-self/ns/{name}").st_ino for name in ("mnt", "net")] == namespaces
    finally:
        end.set()
        thread.join()
