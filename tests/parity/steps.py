# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users do with networks and containers, drawn at random: valid, invalid, and often about existing objects."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

NETWORKS = ("al", "bl", "cl")
"""No name consists of hexadecimal digits only: an id could begin with it, and such a beginning also works as a name."""
CONTAINERS = ("one", "two", "three")
PREDEFINED = ("bridge", "host", "none")
BRIDGE = "com.docker.network.bridge"


class Step(NamedTuple):
    """One action of a user. VERB is Docker's. What ARGUMENTS leave out is chosen."""

    verb: str
    name: str
    """The name of the container, or of the network for ``create`` and ``delete``."""
    network: str = ""
    arguments: "dict[str, Any]" = {}  # noqa: RUF012


POOLS = (
    {"subnet": "10.1.0.0/24"},
    {"subnet": "10.1.0.128/25"},
    {"subnet": "10.1.0.0/29", "aux_addresses": {"router": "10.1.0.2"}},
    {"subnet": "10.2.0.0/16", "gateway": "10.2.9.9"},
    {"subnet": "10.2.0.0/16", "iprange": "10.2.1.0/24"},
    {"subnet": "10.2.0.0/16", "iprange": "10.2.1.0/24", "gateway": "10.2.0.254"},
    {"subnet": "10.3.0.0/30"},
)
POOLS6 = ({"subnet": "fd00:1::/64"}, {"subnet": "fd00:2::/112", "gateway": "fd00:2::ffff"})
SUBNETS = (
    *(pool["subnet"] for pool in POOLS),
    "10.1.0.5/24",  # host bits
    "198.51.100.0/24",  # the host's own
    "10.4.0.0/31",
    "10.4.0.0/32",
    "10.5.0.0",
    "nonsense",
)
SUBNETS6 = ("fd00:1::/64", "fd00:1::/48", "fd00:2::/112", "fd00:3::5/64")
ADDRESSES = (
    "10.1.0.1",
    "10.1.0.2",
    "10.1.0.7",
    "10.1.0.200",
    "10.1.0.0",
    "10.1.0.255",
    "10.2.9.9",
    "10.2.1.0",
    "10.2.1.9",
    "10.3.0.2",
    "nonsense",
)
ADDRESSES6 = ("fd00:1::1", "fd00:1::9", "fd00:2::ffff", "fd00:1::", "10.1.0.2")
ALIASES = ("web", "db", "two", "a.b")
MACS = ("02:42:0a:00:00:99", "06:00:00:00:00:01", "01:00:5e:00:00:01", "nonsense")
PORTS = (
    {"container": "80", "host": "8080"},
    {"container": "80", "host": "8081"},
    {"container": "80", "host": "8080", "address": "127.0.0.1"},
    {"container": "53", "host": "8080", "protocol": "udp"},
    {"container": "90", "host": "8080"},
    {"container": "80", "host": ""},
)
BAD_PORTS = (
    {"container": "80", "host": "70000"},
    {"container": "80", "host": "word"},
    {"container": "70000", "host": "8082"},
    {"container": "80", "host": "8083", "protocol": "icmp"},
    {"container": "80", "host": "8084", "address": "192.0.2.77"},
    {"container": "80", "host": "22222"},  # a test program listens on this port
)
OPTIONS = (
    {f"{BRIDGE}.enable_icc": "false"},
    {f"{BRIDGE}.enable_icc": "maybe"},
    {f"{BRIDGE}.enable_ip_masquerade": "false"},
    {f"{BRIDGE}.host_binding_ipv4": "127.0.0.1"},
    {f"{BRIDGE}.name": "brmine"},
    {f"{BRIDGE}.name": "a-name-that-is-too-long"},
    {"com.docker.network.driver.mtu": "1400"},
    {"com.docker.network.driver.mtu": "many"},
    {"com.example.unknown": "1"},
)
LABELS = ({"role": "web"}, {"a": "1", "b": ""}, {})


_VERBS = (
    "create",
    "run",
    "run",
    "connect",
    "connect",
    "connect",
    "disconnect",
    "stop",
    "start",
    "restart",
    "remove",
    "delete",
)


class Draw:
    """Draws a sequence. Most steps are about objects from earlier steps, and most are valid."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._networks: dict[str, list[dict[str, Any]]] = {}
        """The requested pools, by the name of the network."""
        self._containers: list[str] = []

    def sequence(self, length: int) -> list[Step]:
        steps = [self._create(), self._run()]
        while len(steps) < length:
            verb = self._random.choice(_VERBS)
            full = {"create": len(self._networks) >= len(NETWORKS), "run": len(self._containers) >= len(CONTAINERS)}
            if full.get(verb) and self._often(9):
                continue
            steps.append(getattr(self, f"_{verb}", lambda verb=verb: self._state(verb))())
        return steps

    def _often(self, tenths: int) -> bool:
        return self._random.random() < tenths / 10

    def _name(self, likely: Sequence[str], all_names: Sequence[str]) -> str:
        return self._random.choice(likely if likely and self._often(9) else all_names)

    def _create(self) -> Step:
        name = self._name([name for name in NETWORKS if name not in self._networks], (*NETWORKS, *PREDEFINED, "-bad"))
        asked: dict[str, Any] = {}
        if self._often(5):
            asked["pools"] = self._legal() if self._often(7) else self._junk()
        for key, values, tenths in (("ipv6", (True,), 1), ("internal", (True,), 2), ("labels", LABELS, 3)):
            if self._often(tenths):
                asked[key] = self._random.choice(values)
        if self._often(2):
            asked["options"] = self._random.choice(OPTIONS)
        if self._often(0.5):
            asked["driver"] = self._random.choice(("host", "null"))
        self._networks.setdefault(name, asked.get("pools", []))
        return Step("create", name, "", asked)

    def _legal(self) -> list[dict[str, Any]]:
        pools = [self._random.choice(POOLS)]
        return [*pools, self._random.choice(POOLS6)] if self._often(2) else pools

    def _junk(self) -> list[dict[str, Any]]:
        chosen = [(SUBNETS, ADDRESSES)] * self._random.randint(0, 2) + [(SUBNETS6, ADDRESSES6)] * self._often(3)
        pools = []
        for subnets, addresses in chosen:
            pool: dict[str, Any] = {"subnet": self._random.choice(subnets)}
            if self._often(3):
                pool["gateway"] = self._random.choice(addresses)
            if self._often(2):
                pool["iprange"] = self._random.choice(subnets)
            if self._often(2):
                pool["aux_addresses"] = {"router": self._random.choice(addresses)}
            pools.append(pool)
        return pools

    def _delete(self) -> Step:
        name = self._name([*self._networks], (*NETWORKS, *PREDEFINED))
        if not self._often(5):
            self._networks.pop(name, None)
        return Step("delete", name)

    def _attachment(self, network: str) -> dict[str, Any]:
        asked: dict[str, Any] = {}
        for key, addresses in (("ip", ADDRESSES), ("ip6", ADDRESSES6)):
            near = [
                each
                for each in addresses
                if any(
                    each.rpartition(".")[0].startswith(pool["subnet"][:5]) for pool in self._networks.get(network, ())
                )
            ]
            if self._often(5 if near else 0.5):
                asked[key] = self._name(near, addresses)
        if self._often(3):
            asked["aliases"] = self._random.sample(ALIASES, self._random.randint(1, 2))
            if self._often(1):
                asked["aliases"].append("two words")
        return asked

    def _network(self) -> str:
        return self._name([*self._networks], (*NETWORKS, *PREDEFINED))

    def _run(self) -> Step:
        name = self._name([name for name in CONTAINERS if name not in self._containers], (*CONTAINERS, "-bad"))
        network = self._network()
        asked = self._attachment(network)
        if self._often(1):
            asked["mac"] = self._random.choice(MACS)
        if self._often(3):
            asked["ports"] = self._random.sample(PORTS if self._often(7) else BAD_PORTS, self._random.randint(1, 2))
        if self._often(2):
            asked["labels"] = self._random.choice(LABELS)
        if name not in self._containers:
            self._containers.append(name)
        return Step("run", name, network, asked)

    def _connect(self) -> Step:
        network = self._network()
        return Step("connect", self._container(), network, self._attachment(network))

    def _disconnect(self) -> Step:
        return Step("disconnect", self._container(), self._network())

    def _container(self) -> str:
        return self._name(self._containers, CONTAINERS)

    def _state(self, verb: str) -> Step:
        name = self._container()
        if verb == "remove":
            self._containers = [each for each in self._containers if each != name]
        return Step(verb, name)
