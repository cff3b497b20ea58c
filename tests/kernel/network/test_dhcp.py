# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks whose endpoints get their addresses from the DHCP server of the LAN."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from children import end, start
from dhcp_server import MACS, Server, clients, on_lan
from inventory import inventory, nothing_left
from lab import OUTSIDE, SLICES, pinged
from needed import BUSYBOX, needs
from tasks import Tasks, default_route, eventually, hosts, listed, reaches
from trunk import ROUTER

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import dhcp_client
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import journal
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.objects import SqliteStore

pytestmark = needs("busybox-static", BUSYBOX)
CLIENTS = Path(dhcp_client.FOLDER)
CNM = str(Path(__file__).resolve().parents[3] / "command" / "cnm.py")


@pytest.fixture()
def server(tasks: Tasks, tmp_path: Path) -> Iterator[Server]:
    with on_lan(tasks, tmp_path) as made:
        yield made


def network(tasks: Tasks, uplink: bool = False) -> Any:
    options = {"cnm.bridge.uplink": "lan0"} if uplink else {"parent": "lan0"}
    driver = "bridge" if uplink else "macvlan"
    return tasks.network("lan", "192.168.7.0/24", options, driver=driver, ipam_driver="dhcp")


def item(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "networks": [{"name": "lan", "mac_address": MACS[name], **more}]}


def held(tasks: Tasks, place: str) -> list[str]:
    (interface,) = listed(tasks.host, "ip", "-4", "address", "show", "dev", "eth0", place=place) or [{"addr_info": []}]
    return [each["local"] for each in interface["addr_info"]]


@pytest.mark.parametrize("uplink", [False, True], ids=["macvlan", "uplink"])
def test_addresses_come_from_the_server_and_go_back_to_it(tasks: Tasks, server: Server, uplink: bool) -> None:
    if uplink:
        tasks.host.ip("address flush dev lan0\n")
    untouched = inventory(tasks.host)
    server.start({"a": "192.168.7.61", "b": "192.168.7.62"})
    assert network(tasks, uplink).changed and not network(tasks, uplink).changed
    wanted = [item("a"), item("b")]
    assert tasks.would("sandbox", *wanted) and not clients()
    made = tasks.ensure("sandbox", *wanted)
    assert [each["Networks"]["lan"]["IPAddress"] for each in made.objects] == ["192.168.7.61", "192.168.7.62"]
    assert not tasks.would("sandbox", *wanted) and not tasks.ensure("sandbox", *wanted).changed
    assert (held(tasks, "a"), default_route(tasks.host, "a"), hosts("b")["a"]) == (
        ["192.168.7.61"],
        ROUTER,
        "192.168.7.61",
    )
    assert reaches("a", OUTSIDE, ROUTER) and reaches(OUTSIDE, "b", "192.168.7.62")
    tasks.ensure("endpoint", {"name": "b", "network": "lan", "state": "left"})
    assert len(clients()) == 1
    assert tasks.shown("endpoint")["b"]["IPv4Address"] == "192.168.7.62/24"
    tasks.end()
    assert eventually(lambda: server.released() == {"a"}), "b may join again"
    assert nothing_left(tasks, untouched)
    assert not clients() and not CLIENTS.exists()


def test_without_a_server_nothing_is_made(tasks: Tasks, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    network(tasks)
    before = inventory(tasks.host)
    monkeypatch.setattr(dhcp_client, "PATIENCE", 1.0)
    with pytest.raises(CnmError, match="No DHCP server on network 'lan' has given endpoints 'a', 'b' an address"):
        tasks.ensure("sandbox", item("a"), item("b"))
    assert inventory(tasks.host) == before
    assert not clients() and not CLIENTS.exists() and not tasks.shown("sandbox")
    # Nobody has to be asked for a fixed address.
    assert tasks.ensure("sandbox", item("a", ipv4_address="192.168.7.80")).changed
    assert held(tasks, "a") == ["192.168.7.80"] and not clients()
    monkeypatch.undo()
    server.start({"a": "192.168.7.61", "b": "10.0.0.1"})
    with pytest.raises(CnmError, match="given it 10.0.0.1. Address 10.0.0.1 is not in the network's subnet"):
        tasks.ensure("sandbox", item("b"))


def test_nothing_has_to_be_executable_in_run(tasks: Tasks, server: Server) -> None:
    server.start({"a": "192.168.7.61"})
    network(tasks)
    # As on Debian.
    tasks.host.out(["mount", "-o", "remount,bind,noexec", "/run"])
    try:
        tasks.ensure("sandbox", item("a"))
        assert held(tasks, "a") == ["192.168.7.61"]
    finally:
        tasks.host.out(["mount", "-o", "remount,bind,exec", "/run"])


def test_another_address_is_taken_over(tasks: Tasks, server: Server) -> None:
    server.start({"a": "192.168.7.61", "b": "192.168.7.62"})
    network(tasks)
    tasks.ensure("sandbox", item("a"), item("b"))
    server.start({"a": "192.168.7.71", "b": "192.168.7.62"})
    for pid in clients():
        os.kill(pid, signal.SIGUSR1)
    assert eventually(lambda: held(tasks, "a") == ["192.168.7.71"])
    assert default_route(tasks.host, "a") == ROUTER and reaches("a", OUTSIDE, ROUTER)
    assert hosts("b")["a"] == "192.168.7.61"
    # Whatever a run is about, it takes it over.
    assert tasks.would("network", {"name": "other"}) and tasks.restore().changed and not tasks.restore().changed
    assert hosts("b")["a"] == "192.168.7.71" and tasks.address("a", "lan") == "192.168.7.71"
    assert held(tasks, "a") == ["192.168.7.71"] and default_route(tasks.host, "a") == ROUTER


def test_an_address_is_used_only_as_long_as_it_was_given(
    tasks: Tasks, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dhcp_client, "_TRIES", 1)
    monkeypatch.setattr(dhcp_client, "_PAUSE", 1)
    server.start({"a": "192.168.7.61"}, seconds=3)
    network(tasks)
    tasks.ensure("sandbox", item("a"))
    server.stop()
    (pid,) = clients()
    # It asks for more time at once, not after five seconds, the half of what it believes to be the least.
    os.kill(pid, signal.SIGUSR1)
    assert eventually(lambda: "192.168.7.61" not in held(tasks, "a"), 30)
    assert not pinged(OUTSIDE, "192.168.7.61", SLICES)
    said = "Endpoint 'a' on network 'lan': the time for which it was given 192.168.7.61 is over"
    assert not tasks.ensure("sandbox", item("a")).changed and said in tasks.warnings[0]
    assert "192.168.7.61" not in held(tasks, "a") and not tasks.restore().changed
    assert tasks.shown("endpoint")["a"]["State"] == "lost"
    asked = tasks.host.run([sys.executable, CNM, "doctor", "a", ROUTER])
    assert "no DHCP server on network 'lan' has renewed its address 192.168.7.61" in asked.stdout
    server.start({"a": "192.168.7.71"})
    assert eventually(lambda: held(tasks, "a") == ["192.168.7.71"], 30)
    assert default_route(tasks.host, "a") == ROUTER and reaches("a", OUTSIDE, ROUTER)
    assert tasks.restore().changed and not tasks.restore().changed
    assert tasks.shown("endpoint")["a"]["State"] == "joined" and hosts("a")["a"] == "192.168.7.71"


def test_it_is_repaired_and_restored(tasks: Tasks, server: Server) -> None:
    server.start({"a": "192.168.7.61"})
    network(tasks)
    tasks.ensure("sandbox", item("a"))
    (pid,) = clients()
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not clients())
    assert tasks.would("sandbox", item("a")) and tasks.ensure("sandbox", item("a")).changed
    assert clients() not in ([], [pid]) and not tasks.would("sandbox", item("a"))
    tasks.host.ip("address flush dev eth0\n", "/run/netns/a")
    assert tasks.would("sandbox", item("a")) and tasks.ensure("sandbox", item("a")).changed
    assert held(tasks, "a") == ["192.168.7.61"] and default_route(tasks.host, "a") == ROUTER
    # Somebody has made the sandbox's namespace anew; its client is in the old one.
    tasks.host.out(["ip", "netns", "delete", "a"])
    assert tasks.restore().changed and held(tasks, "a") == ["192.168.7.61"] and len(clients()) == 1
    assert not tasks.restore().changed
    # After a reboot, an address that the server has given before is used at once.
    server.stop()
    os.kill(clients()[0], signal.SIGKILL)
    tasks.host.out(["ip", "netns", "delete", "a"])
    tasks.host.out(["rm", "-r", str(CLIENTS)])
    assert tasks.restore().changed and held(tasks, "a") == ["192.168.7.61"] and not tasks.restore().changed
    server.start({"a": "192.168.7.72"})
    assert eventually(lambda: held(tasks, "a") == ["192.168.7.72"])


def test_a_changed_endpoint(tasks: Tasks, server: Server) -> None:
    server.start({"a": "192.168.7.61", "b": "192.168.7.62"})
    network(tasks)
    tasks.ensure("sandbox", item("a"))
    other = {"name": "a", "networks": [{"name": "lan", "mac_address": MACS["b"]}]}
    assert tasks.would("sandbox", other) and tasks.ensure("sandbox", other).changed
    assert held(tasks, "a") == ["192.168.7.62"] and not tasks.would("sandbox", other)
    assert len(clients()) == 1
    fixed = item("a", ipv4_address="192.168.7.80")
    assert tasks.would("sandbox", fixed) and tasks.ensure("sandbox", fixed).changed
    assert held(tasks, "a") == ["192.168.7.80"] and not clients() and not tasks.would("sandbox", fixed)
    assert eventually(lambda: server.released() == {"b"})


@pytest.mark.parametrize(
    ("where", "name"),
    [(dhcp_client, "await_leases"), (SqliteStore, "commit"), (journal, "clear")],
    ids=["while it waits", "before it keeps what it made", "when it has kept it"],
)
def test_a_killed_run_is_finished_by_the_next(tasks: Tasks, server: Server, where: Any, name: str) -> None:
    server.start({"a": "192.168.7.61"})
    network(tasks)
    before = inventory(tasks.host)

    def die(*_arguments: object, **_more: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def killed(run: Any) -> None:
        def child() -> None:
            setattr(where, name, die)
            run()

        end(start(child))

    killed(lambda: tasks.ensure("sandbox", item("a")))
    if name == "clear":
        assert held(tasks, "a") == ["192.168.7.61"] and len(clients()) == 1
    else:
        tasks.network("bridge")
        assert inventory(tasks.host) == before and not clients()
    assert tasks.ensure("sandbox", item("a")).changed == (name != "clear")
    assert held(tasks, "a") == ["192.168.7.61"]
    killed(lambda: tasks.ensure("sandbox", {"name": "a", "state": "absent"}))
    tasks.network("bridge")
    if name == "commit":
        assert len(clients()) == 1 and held(tasks, "a") == ["192.168.7.61"]
    else:
        assert inventory(tasks.host) == before and not clients()
