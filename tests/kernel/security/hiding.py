# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox whose programs change its interfaces and namespaces at random, while tasks run."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

from lab import HOST, at, command, sysctl
from tasks import Tasks, answers, listed, reaches

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Result
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.interface import LEAVING
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import GROUP

EVIL, DEEP = "evil", "deep"
"""The hostile sandbox, and a namespace that its programs have created."""
OTHERS = {"near": "red", "guest": "green", "blue": "blue"}
PORT = 8082
"""The host's port that publishes port 80 of sandbox ``blue``."""
SUBNETS = {"red": 1, "green": 2, "blue": 3}

_LINKS = ("eth0", "eth1", "mine", "eth9")
_ACTS = (
    "link set {link} down",
    "link set {link} up",
    "link set {link} down\nlink set {link} name {other}\nlink set {other} up",
    "link set {link} netns deep",
    "link set {link} group {group}",
    "link set lo group {group}",
    "link set lo down",
    "link delete {link}",
    "link set {link} address 06:00:00:00:00:0{digit}",
    "link set {link} mtu 600",
    "link set {link} arp off",
    "link set {link} promisc on",
    "link set {link} alias br-{digit}",
    "link property add dev {link} altname veth{digit}",
    "address flush dev {link}",
    "address add 10.{digit}.0.2/24 dev {link}",
    "address add fd00:{digit}::1/64 dev {link} nodad",
    "route flush table main",
    "route replace default dev {link}",
    "rule add prohibit",
    "link add {link} type dummy",
    "link add {link} type veth peer name peer{digit} netns deep",
    "link add bridge{digit} type bridge\nlink set {link} master bridge{digit}",
    "link add link {link} name {other} type macvlan",
    "link add link {link} name vlan{digit} type vlan id {digit}",
    "link set {link} nomaster",
)
_BACK = "link set {link} netns evil"


def build(tasks: Tasks) -> None:
    """Create three networks with a sandbox each, and the hostile sandbox."""
    tasks.ensure(
        "network",
        *(
            {"name": name, "ipam_config": [{"subnet": f"10.{n}.0.0/24"}, {"subnet": f"fd00:{n}::/64"}]}
            for name, n in SUBNETS.items()
        ),
    )
    for name, network in OTHERS.items():
        tasks.sandbox(name, network, **({"published_ports": [f"{PORT}:80"]} if name == "blue" else {}))
    tasks.sandbox(EVIL, "red")
    command(f"ip netns add {DEEP}")


def act(tasks: Tasks, chance: random.Random) -> str:
    """Let a program in the hostile sandbox do something; return what it did."""
    link, other = chance.sample(_LINKS, 2)
    group = chance.choice((0, GROUP, LEAVING, 7))
    lines = chance.choice(_ACTS).format(link=link, other=other, group=group, digit=chance.randrange(1, 9))
    place, shown = EVIL, lines.replace("\n", "; ")
    if chance.random() < 0.15:
        place, lines = DEEP, _BACK.format(link=link)
    if chance.random() < 0.05:
        with suppress(OSError), at(EVIL):
            sysctl("net/ipv6/conf/all/disable_ipv6", chance.choice((0, 1)))
    # This may fail, because the link may not exist.
    tasks.host.run(["ip", "-force", "-netns", place, "-batch", "-"], stdin=lines)
    return f"{place}: {shown}"


def said(run: Callable[[], Result]) -> str:
    """Return what RUN could not do, in its own words; empty if it did everything."""
    try:
        return " ".join(run().failures)
    except CnmError as error:
        return str(error)


def harmed(tasks: Tasks) -> list[str]:
    """Return what no longer works in the other sandboxes."""
    harm = [
        f"the host does not reach '{name}'"
        for name, network in OTHERS.items()
        if not reaches(HOST, name, f"10.{SUBNETS[network]}.0.2")
    ]
    if not answers(PORT, "blue"):
        harm.append("the published port does not lead to 'blue'")
    return harm


def all_ports(tasks: Tasks) -> dict[str, int]:
    """Return how many ports the bridge of each network has."""
    return {name: len(listed(tasks.host, "ip", "link", "show", "master", tasks.device(name))) for name in SUBNETS}


def ours(tasks: Tasks) -> set[str]:
    """Return our links on the host."""
    return {
        each["ifname"] for each in listed(tasks.host, "ip", "link") if each.get("group") in (str(GROUP), str(LEAVING))
    }
