# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hostile sandbox that acts at random: whatever it does, the promises of docs/security.md hold.

``make kernel ARGS="-k adversary --seed 7 --seconds 60"`` repeats a failure, or runs for longer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

import hiding
import neighbour_user
from intruder import NETS, PUBLISHED, VICTIMS, intruder
from lab import HOST, UPLINK4, UPLINK6, command
from stand_in import Host
from tasks import Tasks, answers, eventually, listed, reaches

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Result

BATCH = 50


def routers(tasks: Tasks) -> list[str]:
    """Return the host's routes that come from router advertisements."""
    return [route["dst"] for route in listed(tasks.host, "ip", "-6", "route") if route.get("protocol") == "ra"]


def unharmed(tasks: Tasks) -> list[str]:
    """Return what no longer works on the networks."""
    harm = []
    for version, uplink in ((4, UPLINK4), (6, UPLINK6)):
        harm += [
            f"the host does not reach '{name}'"
            for name, net in VICTIMS.items()
            if not reaches(HOST, name, NETS[net].address(2, version))
        ]
        if not answers(PUBLISHED, "blue", at_address=uplink):
            harm.append(f"the published port is not that of 'blue' at {uplink}")
        harm += [
            f"'{name}' does not reach its gateway"
            for name, net in VICTIMS.items()
            if not reaches(name, HOST, NETS[net].address(1, version), 9000)
        ]
    return harm


def test_packets_of_an_adversary(tasks: Tasks, seed: int, seconds: float) -> None:
    with intruder(tasks, random.Random(seed)) as evil:
        assert eventually(lambda: unharmed(tasks) == [])
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            evil.attack(BATCH)
            assert evil.holes() == [], f"--seed {seed}"
        assert routers(tasks) == [], f"--seed {seed}"
        assert eventually(lambda: unharmed(tasks) == [], 10), (unharmed(tasks), f"--seed {seed}")


def test_interfaces_of_an_adversary(tasks: Tasks, seed: int, seconds: float) -> None:
    """Runs fail for the hostile sandbox alone. It leaves nothing on networks that it is to leave; the others go on."""
    hiding.build(tasks)
    assert eventually(lambda: hiding.harmed(tasks) == [])
    chance = random.Random(seed)
    evil, story = hiding.EVIL, [f"--seed {seed}"]

    def about_others(what: str, run: Callable[[], Result]) -> None:
        story.append(what)
        words = hiding.said(run)
        assert not words or (evil in words and not any(f"'{name}'" in words for name in hiding.OTHERS)), (words, story)
        # It can prevent changes that affect it, such as a change of its network.
        assert not words or what == "network red" or "Everything else was done" in words or what == "restore", (
            words,
            story,
        )

    def about_evil(networks: Sequence[str], **more: str) -> None:
        story.append(f"{evil} on {', '.join(networks)} {more}")
        item = {
            "name": evil,
            **({} if more.get("state") == "absent" else {"networks": [{"name": one} for one in networks]}),
        }
        words = hiding.said(lambda: tasks.ensure("sandbox", {**item, **more}))
        assert not words or evil in words, (words, story)
        here = set() if more.get("state") in ("absent", "stopped") else set(networks)
        if not words:
            # The kernel removes the contents of a namespace later.
            there = {network: 1 + (network in here) for network in hiding.SUBNETS}
            same = eventually(lambda: hiding.all_ports(tasks) == there, 10)
            assert same, (hiding.all_ports(tasks), there, "; ".join(story[-12:]))
        if not words and not more:
            assert not tasks.ensure("sandbox", item).changed, story

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        story += [hiding.act(tasks, chance) for _each in range(chance.randrange(1, 5))]
        choice = chance.randrange(8)
        if choice < 3:
            about_evil(chance.choice((["red"], ["red", "green"], ["green"], [])))
        elif choice == 3:
            about_evil(["red"], state=chance.choice(("stopped", "restarted", "absent")))
            about_evil(["red"])
        elif choice == 4:
            about_others("restore", tasks.restore)
        elif choice == 5:
            about_others("network red", lambda: tasks.network("red", labels={"a": chance.randrange(9)}))
        else:
            if choice == 6:
                story.append("nft flush ruleset")
                command("nft flush ruleset")
            about_others("blue", lambda: tasks.sandbox("blue"))
            assert not reaches("near", "blue", "10.3.0.2"), story
        assert eventually(lambda: hiding.harmed(tasks) == [], 10), (hiding.harmed(tasks), story)
    about_evil([], state="absent")
    assert hiding.said(tasks.restore) == "" and not tasks.restore().changed, story
    assert len(hiding.ours(tasks)) == 2 * len(hiding.SUBNETS), story
    tasks.sandbox(evil, "red")
    assert eventually(lambda: reaches("near", evil, tasks.address(evil, "red"))), story


def test_processes_of_an_adversary(host: Host, tasks: Tasks, seed: int, seconds: float) -> None:
    """An unprivileged user stops no run, and the target of the user's link is never the host or another sandbox."""
    host.have_name_server()
    hiding.build(tasks)
    tasks.ensure("sandbox", {"name": hiding.EVIL, "state": "absent"})
    command("ip netns add theirs")
    places = ["/run/netns/theirs", "/proc/self/ns/net", "/proc/1/ns/net", "/run/netns/near", "/dev/null", "/nowhere"]
    neighbour_user.home(places)
    chance, story = random.Random(seed), [f"--seed {seed}"]
    own = hiding.ours(tasks)
    with neighbour_user.at_work(chance, places):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            choice = chance.randrange(5)
            lent = {"name": "lent", "netns": str(neighbour_user.LINK), "networks": [{"name": "red"}]}
            if choice == 0:
                lent = {"name": "lent", "state": "absent"}
            if choice < 3:
                story.append(hiding.said(lambda item=lent: tasks.ensure("sandbox", item)))
                continue
            ports = [str(chance.randrange(1, 99))] if choice == 3 else []
            said = hiding.said(lambda ports=ports: tasks.sandbox("guest", "green", published_ports=ports))
            story.append(f"guest: {said}")
            assert not said or "'lent'" in said, story
    tasks.ensure("sandbox", {"name": "lent", "state": "absent"})
    assert eventually(lambda: hiding.ours(tasks) == own, 10), (hiding.ours(tasks) ^ own, story)
    for name in ("near", "theirs"):
        links = {each["ifname"] for each in listed(tasks.host, "ip", "link", place=name)}
        assert links == ({"lo", "eth0"} if name == "near" else {"lo"}), (name, links, story)
    assert eventually(lambda: hiding.harmed(tasks) == [], 10), (hiding.harmed(tasks), story)
    assert hiding.said(tasks.restore) == "" and not tasks.restore().changed, story
