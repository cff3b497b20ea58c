# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plugins of engines that ask the service."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from engine import Plugins
from inventory import difference, inventory
from lab import pinged
from service import SOCKET, service
from tasks import Tasks, listed

MANY = 20


def test_the_service_and_the_plugins_without_it_do_the_same(tasks: Tasks, plugins: Plugins) -> None:
    for name in ("web", "db"):
        plugins.namespace(name)
    before = inventory(tasks.host)
    with service() as running:
        plugins.done("ADD", "web")
        assert running.did_the_last_run()
        tasks.sandbox("own", "n")
        assert pinged("web", "10.1.0.1") and pinged("own", tasks.address("web", "n"))
        status, output = plugins.call("ADD", "web")
        assert (status, output["code"]) == (1, 101)
        running.kill()
        assert SOCKET.exists(), "it has left its socket"
        plugins.done("ADD", "db")
        assert not running.did_the_last_run()
        assert pinged("db", tasks.address("web", "n"))
    with service() as running:
        for name in ("web", "db"):
            plugins.done("DEL", name)
        assert running.did_the_last_run()
    tasks.sandbox("own", state="absent")
    assert difference(before, inventory(tasks.host)) == {}


def test_many_containers_at_once(tasks: Tasks, plugins: Plugins) -> None:
    names = [f"c{number}" for number in range(MANY)]
    for name in names:
        plugins.namespace(name)
    before = inventory(tasks.host)
    with service() as running, ThreadPoolExecutor(MANY) as pool:
        # From its first run on, it keeps the store open.
        plugins.done("ADD", names[0])
        plugins.done("DEL", names[0])
        descriptors = len(os.listdir(f"/proc/{running.pid}/fd"))
        results = list(pool.map(lambda name: plugins.done("ADD", name), names))
        assert sorted(result["ips"][0]["address"] for result in results) == sorted(
            f"10.1.0.{number}/24" for number in range(2, MANY + 2)
        )
        for name, result in zip(names, results):
            (link,) = listed(tasks.host, "ip", "address", "show", "dev", "eth0", place=name)
            assert result["interfaces"][0]["mac"] == link["address"]
        list(pool.map(lambda name: plugins.done("DEL", name), names))
        assert running.did_the_last_run()
        assert len(os.listdir(f"/proc/{running.pid}/fd")) == descriptors
    assert difference(before, inventory(tasks.host)) == {}
