# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that comes back with a sandbox that has moved to another host meanwhile. The hosts learn addresses."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fleet import Fleet, Member, until

DUAL = ["10.9.0.0/16", "fd00:9::/64"]
MINE = {"name": "m", "ipv4_address": "10.9.200.7", "ipv6_address": "fd00:9:0:0:200::7"}
ON_BLUE = {"name": "m", "networks": [{**MINE, "name": "blue"}]}
BLUE = {"name": "blue"}
COMMAND = Path(__file__).resolve().parents[3] / "command" / "cnm.py"


@pytest.fixture()
def moved(fleet: Fleet) -> Fleet:
    """Sandbox m was on h1, which died, and is now on h2. h1 does not know this. w on h3 sends to m."""
    one, two, three = fleet.members
    fleet.network("blue", DUAL, endpoints={one.name: [MINE]})
    one.ensure("sandbox", ON_BLUE, {"name": "stays", "networks": [BLUE]})
    three.ensure("sandbox", {"name": "w", "networks": [BLUE]})
    assert until(lambda: three.ping("w", "10.9.200.7", patience=0.3))
    one.forget()
    fleet.plug(1, up=False)
    for member in (two, three):
        member.ensure("network", fleet.item(member, "blue", DUAL, endpoints={two.name: [MINE]}))
    two.ensure("sandbox", ON_BLUE)
    assert three.ping("w", "10.9.200.7")
    one.warnings.clear()
    return fleet


def reachable(fleet: Fleet) -> None:
    """Connect h1 to the other hosts, and wait until it reaches them."""
    one, two, _three = fleet.members
    fleet.plug(1, up=True)
    assert until(lambda: one.run("ping", "-c1", "-W1", two.vtep[4], check=False).returncode == 0)


@contextmanager
def learnt(member: Member, folder: Path) -> Iterator[list[str]]:
    """Yield a list. When the block ends, add to it what the VXLAN device of MEMBER has learned about m meanwhile."""
    mac = member.run("ip", "-n", "w", "neighbour", "show", "10.9.200.7").stdout.split("lladdr ")[1].split()[0]
    lines: list[str] = []
    path = folder / "monitor"
    argv = ["sh", "-c", f"exec stdbuf -oL bridge monitor fdb > {path} 2>&1 & echo $!"]
    pid = int(member.run(*argv).stdout)
    try:
        yield lines
    finally:
        os.kill(pid, 15)
    lines += [line for line in path.read_text().splitlines() if mac in line]


@contextmanager
def talking(member: Member) -> Iterator[None]:
    """Let sandbox m of MEMBER send broadcasts during the block."""
    argv = ["sh", "-c", "exec ip netns exec m ping -b -q -i 0.02 10.9.255.255 > /dev/null 2>&1 & echo $!"]
    pid = int(member.run(*argv).stdout)
    try:
        yield
    finally:
        os.kill(pid, 15)


def test_a_host_that_comes_back_does_not_take_back_what_has_moved(moved: Fleet) -> None:
    """Its own store does not know that the sandbox has moved, and nobody has told it."""
    one, two, three = moved.members
    mac = two.shown("sandbox")["m"]["Networks"]["blue"]["MacAddress"]
    device = three.shown("network")["blue"]["Host"]["VxlanDevice"]

    def place() -> set[str]:
        entries = three.listed("bridge", "fdb", "show", "dev", device)
        return {each["dst"] for each in entries if each["mac"] == mac and "dst" in each}

    assert place() == {two.vtep[4]}
    reachable(moved)
    result = one.restore()
    assert result.left_out == ["m"]
    assert [
        text for text in one.warnings if "Sandbox 'm' was left out: another host has its address 10.9.200.7" in text
    ]
    assert until(lambda: one.ping("stays", "10.9.200.7", patience=0.3)) and three.ping("w", "fd00:9:0:0:200::7")
    assert place() == {two.vtep[4]}
    two.ensure("sandbox", {"name": "m", "state": "absent"})
    assert one.restore().left_out == []
    assert until(lambda: three.ping("w", "10.9.200.7", patience=0.3)) and place() == {one.vtep[4]}


def test_the_way_to_the_others_comes_after_the_first_restore(moved: Fleet, tmp_path: Path) -> None:
    """Until then, m is on h1 for its neighbours there. The other hosts never learn this."""
    one, two, three = moved.members
    one.run("ip", "link", "set", "under", "down", "name", "elsewhere")
    assert one.restore().left_out == []
    assert one.ping("stays", "10.9.200.7")
    namespace = one.run("stat", "-c", "%i", "/run/netns/m").stdout
    with learnt(three, tmp_path) as heard, talking(one):
        one.run("ip", "link", "set", "elsewhere", "up", "name", "under")
        reachable(moved)
        result = one.restore()
    assert (result.left_out, result.given_way) == (["m"], ["m"])
    said = "Sandbox 'm' was taken off network 'blue': another host has its address 10.9.200.7, fd00:9::200:0:0:7."
    assert [text for text in one.warnings if text.startswith(said)], one.warnings
    assert not [line for line in heard if one.vtep[4] in line]
    assert until(lambda: one.ping("stays", "10.9.200.7", patience=0.3)) and three.ping("w", "fd00:9:0:0:200::7")
    assert one.run("ip", "-n", "m", "link", "show", "eth0", check=False).returncode
    assert one.run("stat", "-c", "%i", "/run/netns/m").stdout == namespace, "its programs go on"
    two.ensure("sandbox", {"name": "m", "state": "absent"})
    assert one.restore().left_out == []
    assert until(lambda: three.ping("w", "10.9.200.7", patience=0.3))


def test_nobody_answers_at_boot(moved: Fleet) -> None:
    """A switch does not pass frames yet, or the other host is starting: m is created, and the next run notices."""
    one, two, three = moved.members
    result = one.restore()
    assert (result.changed, result.left_out) == (True, [])
    reachable(moved)
    assert two.restore().given_way == [], "a play has put it there"
    result = one.restore()
    assert result.given_way == ["m"]
    assert until(lambda: one.ping("stays", "10.9.200.7", patience=0.3))
    assert until(lambda: three.ping("w", "10.9.200.7", patience=0.3))
    done = one.run(sys.executable, str(COMMAND), "restore", check=False)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert "Sandbox 'm' was taken off network 'blue': another host has its address" in done.stderr


def test_what_has_given_way_comes_back_by_a_play_that_names_it(moved: Fleet) -> None:
    one, two, three = moved.members
    one.restore()
    reachable(moved)
    assert one.restore().given_way == ["m"]
    one.run("nft", "flush", "ruleset")
    one.ensure("network", {"name": "local"})
    assert one.run("ip", "-n", "m", "link", "show", "eth0", check=False).returncode, "a run about something else"
    one.ensure("sandbox", ON_BLUE)
    assert one.run("ip", "-n", "m", "link", "show", "eth0").returncode == 0
    assert not one.restore().changed
    two.forget()
    assert two.restore().left_out == ["m"]
    assert until(lambda: three.ping("w", "10.9.200.7", patience=0.3))


def test_hosts_that_start_together(moved: Fleet) -> None:
    """All hosts start alone. If two have the same sandbox, the first one to ask again gives way."""
    one, two, three = moved.members
    for member in (two, three):
        member.forget()
    moved.plug(2, up=False)
    moved.plug(3, up=False)
    for member in (one, two, three):
        assert member.restore().left_out == [], member.name
    for number in (2, 3):
        moved.plug(number, up=True)
    reachable(moved)
    assert one.restore().given_way == ["m"]
    assert two.restore().given_way == [] and three.restore().given_way == []
    assert until(lambda: three.ping("w", "10.9.200.7", patience=0.3))
    assert until(lambda: one.ping("stays", "10.9.200.7", patience=0.3))


def test_a_sandbox_on_other_networks_keeps_them(moved: Fleet) -> None:
    one, _two, _three = moved.members
    one.ensure("network", {"name": "local"})
    networks: list[dict[str, Any]] = [{**MINE, "name": "blue"}, {"name": "local"}]
    one.ensure("sandbox", {"name": "m", "networks": networks}, {"name": "beside", "networks": [{"name": "local"}]})
    address = one.shown("sandbox")["m"]["Networks"]["local"]["IPAddress"]
    one.forget()
    one.restore()
    reachable(moved)
    assert one.restore().given_way == ["m"]
    assert one.ping("beside", address)
