# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The story: what is done on two hosts, act by act, in Docker's verbs."""

from __future__ import annotations

from typing import Any, NamedTuple

from steps import Step


class Move(NamedTuple):
    """A step, with the host on which the user does it."""

    host: str
    step: Step


class Act(NamedTuple):
    """What is done before the next look at everything."""

    title: str
    moves: tuple[Move, ...]
    refused: bool = False
    """Whether all of it must be refused."""


def create(host: str, network: str, *pools: dict[str, str], internal: bool = False) -> Move:
    return Move(host, Step("create", network, "", {"driver": "overlay", "pools": [*pools], "internal": internal}))


def run(host: str, name: str, network: str, **asked: Any) -> Move:
    return Move(host, Step("run", name, network, asked))


def connect(host: str, name: str, network: str, **asked: Any) -> Move:
    return Move(host, Step("connect", name, network, asked))


def simply(verb: str, host: str, *names: str) -> tuple[Move, ...]:
    """Return the moves of a VERB that takes only NAMES."""
    return tuple(Move(host, Step(verb, name)) for name in names)


STORY = (
    Act("a network is made on one host", (create("h1", "blue", {"subnet": "10.9.0.0/16"}),)),
    Act(
        "a container on each host, with an address and aliases, and one whose address is chosen",
        (
            run("h1", "web", "blue", ip="10.9.1.5", aliases=["www"], ports=[{"container": "80", "host": "8080"}]),
            run("h2", "db", "blue", ip="10.9.2.5", aliases=["store"]),
            run("h2", "other", "blue"),
        ),
    ),
    Act(
        "two networks more, one internal and with IPv6, a container on each host, and one of them on blue, too",
        (
            create("h2", "red", {"subnet": "10.10.0.0/16", "gateway": "10.10.255.254"}),
            run("h1", "spy", "red", ip="10.10.1.5"),
            run("h2", "mole", "red", ip="10.10.2.5", aliases=["store"]),
            create("h1", "green", {"subnet": "10.11.0.0/16"}, {"subnet": "fd00:11::/64"}, internal=True),
            run("h1", "hermit", "green", ip="10.11.1.5", ip6="fd00:11::1:5"),
            run("h2", "monk", "green", ip="10.11.2.5", ip6="fd00:11::2:5"),
            connect("h2", "mole", "blue", ip="10.9.2.6"),
        ),
    ),
    Act("an address that somebody on the other host has", (run("h2", "thief", "blue", ip="10.9.1.5"),), True),
    Act("an address of another subnet", (run("h2", "lost", "blue", ip="10.10.1.6"),), True),
    Act("a network that is in use is to go", simply("delete", "h1", "blue"), True),
    Act("two stop", simply("stop", "h2", "db", "other")),
    Act("they start again", simply("start", "h2", "db", "other")),
    Act(
        "one moves to the other host, with its address",
        (*simply("remove", "h2", "db"), run("h1", "db", "blue", ip="10.9.2.5", aliases=["store"])),
    ),
    Act(
        "one is removed, and another one comes, whose address is chosen",
        (*simply("remove", "h1", "spy"), run("h1", "some", "blue")),
    ),
    Act(
        "all containers are removed, and, on one host, the networks",
        (
            *simply("remove", "h1", "web", "hermit", "db", "some"),
            *simply("remove", "h2", "mole", "monk", "other"),
            *simply("delete", "h2", "blue", "red", "green"),
        ),
    ),
)
