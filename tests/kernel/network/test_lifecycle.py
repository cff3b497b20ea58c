# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandboxes that stop, start, join and leave while others keep running."""

from __future__ import annotations

import subprocess

import pytest
from lab import OUTSIDE, UPLINK4, endpoint
from stand_in import Host
from tasks import ANY, Tasks, answers, default_route, host_end, hosts, link, listed, reaches, source_outside

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel


@pytest.fixture()
def three(tasks: Tasks) -> Tasks:
    """Sandboxes ``a``, ``b`` and ``c`` on network ``n``."""
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    for name in "abc":
        tasks.sandbox(name, "n")
    return tasks


def face(tasks: Tasks, name: str) -> dict[str, object]:
    """Return what identifies sandbox NAME to others, and what is inside it."""
    shown = tasks.shown("sandbox")[name]
    inner = link(tasks.host, "eth0", name)
    addresses = listed(tasks.host, "ip", "address", "show", "eth0", place=name)[0]["addr_info"]
    return {
        "networks": shown["Networks"],
        "mac": inner["address"],
        "addresses": sorted(each["local"] for each in addresses if each["scope"] == "global"),
        "names": hosts(name),
        "host's end": host_end(tasks.host, name)["ifname"],
    }


def test_stop_and_start_while_others_talk(three: Tasks) -> None:
    before = face(three, "c")
    b = three.address("b", "n")
    with endpoint("b", "tcp", ANY[4], 80) as server, endpoint("a", "tcp", ANY[4]) as client:
        server.listen()
        client.connect((b, 80))
        accepted = server.accept()[0]
        accepted.settimeout(10)

        def still_talking() -> bool:
            client.sendall(b"ask")
            assert accepted.recv(10) == b"ask"
            accepted.sendall(b"answer")
            return client.recv(10) == b"answer"

        with accepted:
            for state in ("stopped", "present", "restarted"):
                assert three.sandbox("c", state=state).changed
                assert still_talking()
    assert face(three, "c") == before
    assert reaches("a", "c", three.address("c", "n"))


def test_a_stopped_sandbox_has_nothing_on_the_host_and_keeps_its_address(three: Tasks) -> None:
    three.sandbox("c", state="stopped")
    assert not three.sandbox("c", state="stopped").changed
    assert not [each for each in listed(three.host, "ip", "netns") if each["name"] == "c"]
    assert "c" not in hosts("a")
    three.sandbox("d", "n")
    assert three.address("d", "n") == "10.1.0.5"
    three.sandbox("c", state="present")
    assert hosts("a")["c"] in ("10.1.0.4", "fd00:1::4")
    assert reaches("d", "c", "10.1.0.4")


def test_join_and_leave_while_running(three: Tasks) -> None:
    three.network("other", "10.2.0.0/24")
    three.sandbox("o", "other")
    o = three.address("o", "other")
    assert not reaches("a", "o", o)
    second = {"name": "a2", "network": "other", "aliases": ["second"]}
    assert three.ensure("endpoint", {**second, "sandbox": "a"}).changed
    assert not three.ensure("endpoint", {**second, "sandbox": "a"}).changed
    assert reaches("a", "o", o) and reaches("o", "a", "10.2.0.3")
    assert [hosts("o")[name] for name in ("a2", "a2.other", "second")] == ["10.2.0.3"] * 3
    assert reaches("a", "b", three.address("b", "n"))
    assert three.ensure("endpoint", {**second, "state": "left"}).changed
    assert {each["ifname"] for each in listed(three.host, "ip", "link", place="a")} == {"lo", "eth0"}
    assert "second" not in hosts("o")
    assert not reaches("a", "o", o)
    # The endpoint keeps its address in whichever sandbox it is.
    assert three.ensure("endpoint", {**second, "sandbox": "b"}).changed
    assert reaches("o", "b", "10.2.0.3")
    assert source_outside("a") == UPLINK4


def test_names_come_to_a_program_that_runs_already(three: Tasks) -> None:
    script = "echo ready; read line; cat /etc/hosts"
    command = ["ip", "netns", "exec", "a", "sh", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin and program.stdout
        try:
            assert program.stdout.readline() == "ready\n"
            three.sandbox("late", "n")
            three.sandbox("c", state="absent")
            output, _errors = program.communicate("\n", timeout=60)
        finally:
            program.kill()
    words = output.split()
    assert {"late", "late.n", three.address("late", "n")} <= set(words)
    assert "c" not in words and "c.n" not in words
    assert "late" in hosts("b")


def test_default_route_moves_when_its_network_leaves(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    tasks.network("other", "10.2.0.0/24")
    tasks.network("closed", "10.3.0.0/24", internal=True)
    tasks.sandbox("a", "closed", "n", "other", published_ports=["8080:80"])

    def ways(host: Host) -> tuple[str, str]:
        return default_route(host, "a"), default_route(host, "a", 6)

    assert ways(tasks.host) == ("10.1.0.1", "fd00:1::1")
    assert tasks.sandbox("a", "closed", "other").changed
    assert ways(tasks.host) == ("10.2.0.1", "")
    assert source_outside("a") == UPLINK4 and answers(8080, "a", OUTSIDE)
    assert tasks.sandbox("a", "closed", {"name": "n", "gateway_priority": 5}, "other").changed
    assert ways(tasks.host) == ("10.1.0.1", "fd00:1::1")
    assert tasks.sandbox("a", "closed", published_ports=[]).changed
    assert ways(tasks.host) == ("", "")
    assert source_outside("a") is None


def test_many_sandboxes_in_one_task(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    names = [f"s{number:02}" for number in range(30)]
    items = [{"name": name, "networks": [{"name": "n"}], "published_ports": ["80"]} for name in names]
    assert tasks.ensure("sandbox", *items).changed
    addresses = {name: hosts("s00")[name] for name in names}
    assert len(set(addresses.values())) == 30
    for name in names[1:]:
        assert reaches("s00", name, addresses[name])
    assert not tasks.ensure("sandbox", *items).changed
    assert {name: hosts("s29")[name] for name in names} == addresses


def test_an_endpoint_that_was_moved_is_no_longer_in_a_list(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.network("other", "10.2.0.0/24")
    tasks.sandbox("a", "n")
    tasks.sandbox("b")
    tasks.ensure("endpoint", {"name": "a", "network": "n", "sandbox": "b", "force": True})
    tasks.sandbox("b", "other")
    assert tasks.address("a", "n") == "10.1.0.2"
    assert {each["ifname"] for each in listed(tasks.host, "ip", "link", place="b")} == {"lo", "eth0", "eth1"}
    tasks.ensure("endpoint", {"name": "a", "network": "n", "state": "left"})
    tasks.sandbox("b", state="absent")
    assert tasks.shown("endpoint")["a"]["IPv4Address"].startswith("10.1.0.2")


def test_an_endpoint_that_left_by_itself_is_kept(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    tasks.ensure("endpoint", {"name": "a", "network": "n", "state": "left"})
    tasks.sandbox("b")
    tasks.ensure("endpoint", {"name": "a", "network": "n", "sandbox": "b"})
    tasks.sandbox("b", state="absent")
    assert tasks.shown("endpoint")["a"]["IPv4Address"].startswith("10.1.0.2")


def test_what_is_shown_is_of_one_moment(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    before = tasks.shown("endpoint")["a"]

    def meanwhile(_store: object, _found: object) -> bool:
        tasks.sandbox("a", state="absent")
        return True

    with Kernel(tasks.host.program) as kernel:
        assert Controller(kernel, tasks.warnings.append, True).describe("endpoint", meanwhile) == [before]
    assert tasks.shown("endpoint") == {}
