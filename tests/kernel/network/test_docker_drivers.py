# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of drivers macvlan and ipvlan, made by a real Docker and by us of the same options on the same host.

The differences are intended, and docs/docker.md has them. One that no longer exists also fails the test.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from http.client import HTTPException
from typing import Any, NamedTuple, Optional

import pytest
from dockerd import IMAGE, Dockerd, needs_docker
from lab import command
from stand_in import Host
from tasks import Tasks, listed
from trunk import mode_of, plug, require

from ansible_collections.cnm.linux.plugins.module_utils._cnm.engines.engine_api import EngineApi
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError

pytestmark = needs_docker
SUBNETS = [ipaddress.ip_network(text) for text in ("192.168.7.0/24", "fd00:7::/64")]
BESIDE = [ipaddress.ip_network("192.168.8.0/24")]
BOX = "box"
"""The container, and our sandbox."""

LAN0, VLAN10 = {"parent": "lan0"}, {"parent": "lan0.10"}
WITHOUT_ROUTE = ["192.168.7.0/24", "fd00:7::/64"]
WITH_ROUTE = ["192.168.7.0/24", "default via 192.168.7.1", "default via fd00:7::1", "fd00:7::/64"]
NOT_REFUSED, WHEN_CREATED, WHEN_JOINED = "", "when created", "when joined"


class Case(NamedTuple):
    """A network, and how Docker and we differ about it on purpose."""

    driver: str
    options: Mapping[str, str]
    differs: Mapping[str, tuple[Any, Any]] = {}
    """What is noticed, as it is with Docker and as it is with us."""
    until: int = 0
    """The major version of Docker from which on LATER is the difference; 0 if there is none."""
    later: Mapping[str, tuple[Any, Any]] = {}
    gateway: str = ""
    internal: Optional[bool] = None
    beside: Optional[tuple[str, Mapping[str, str]]] = None
    """Driver and options of a network that exists already."""


FIRST_IN_L3 = {"addresses": (["192.168.7.2/24", "fd00:7::2/64"], ["192.168.7.1/24", "fd00:7::1/64"])}
REFUSED_BY_US = {"refused": (NOT_REFUSED, WHEN_CREATED)}


def on_nothing(driver: str) -> Case:
    """Return a network of DRIVER without a parent."""
    begin = f"d{driver[0]}-ID"
    made = {"on the host": ([f"{begin} dummy"], ["db-ID bridge", f"{begin} veth", "dp-ID veth"])}
    return Case(driver, {}, {**made, "routes": (WITH_ROUTE, WITHOUT_ROUTE)}, until=26, later=made)


MACVLAN = [
    Case("macvlan", LAN0),
    *(Case("macvlan", {**LAN0, "macvlan_mode": mode}) for mode in ("private", "vepa", "passthru", "l2")),
    Case("macvlan", {"parent": "none0"}),
    Case("macvlan", {"parent": "lo"}),
    Case("macvlan", {**LAN0, "com.docker.network.driver.mtu": "1300"}, {"MTU": (1400, 1300)}),
    Case("macvlan", {**LAN0, "nonsense": "1"}, REFUSED_BY_US),
    Case("macvlan", LAN0, REFUSED_BY_US, internal=True),
    Case("macvlan", LAN0, {"refused": (WHEN_CREATED, NOT_REFUSED)}, until=28, beside=("macvlan", LAN0)),
    Case("macvlan", {**LAN0, "macvlan_mode": "passthru"}, beside=("macvlan", LAN0)),
]
IPVLAN = [
    Case("ipvlan", LAN0),
    Case("ipvlan", {**LAN0, "ipvlan_flag": "private"}, {"link": ("l2 bridge on lan0", "l2 private on lan0")}, until=23),
    Case("ipvlan", {**LAN0, "ipvlan_flag": "none"}, REFUSED_BY_US, until=23),
    Case("ipvlan", {**LAN0, "ipvlan_mode": "l3"}, FIRST_IN_L3),
    Case("ipvlan", {**LAN0, "ipvlan_mode": "l3"}, REFUSED_BY_US, gateway="192.168.7.1"),
    Case(
        "ipvlan",
        {**LAN0, "ipvlan_mode": "l3s"},
        {"refused": (WHEN_CREATED, NOT_REFUSED)},
        until=23,
        later=FIRST_IN_L3,
    ),
    Case("ipvlan", {**LAN0, "ipvlan_mode": "l4"}),
    Case("ipvlan", LAN0, beside=("ipvlan", LAN0)),
    Case("ipvlan", LAN0, {"refused": (WHEN_JOINED, WHEN_CREATED)}, beside=("macvlan", LAN0)),
    on_nothing("ipvlan"),
    Case("ipvlan", {"ipvlan_mode": "l3"}, REFUSED_BY_US),
    Case("ipvlan", VLAN10),
]
NEED_MODULES = [
    on_nothing("macvlan"),
    Case("macvlan", VLAN10),
    *(Case("macvlan", {"parent": f"lan0.{tag}"}) for tag in ("0", "4095", "x")),
    Case("macvlan", {"parent": "none0.10"}),
]


class Theirs:
    """Docker, and a container that is on one of its networks at a time, or on two."""

    refusals = HTTPException

    def __init__(self, daemon: Dockerd) -> None:
        self._api = EngineApi(daemon.socket)
        self._networks: list[str] = []
        self._joined: list[str] = []
        self.version = int(self._api.get("/version")["Version"].partition(".")[0])
        self._api.post("/networks/create", {"Name": "first", "Internal": True})
        settings = {"NetworkMode": "first", "SecurityOpt": ["apparmor=unconfined"]}
        container = {"Image": IMAGE, "Cmd": ["sleep", "10000"], "StopSignal": "KILL", "HostConfig": settings}
        self._api.post(f"/containers/create?name={BOX}", container)
        self._api.post(f"/containers/{BOX}/start", {})
        self._api.post("/networks/first/disconnect", {"Container": BOX})
        self.place = f"/proc/{self._api.get(f'/containers/{BOX}/json')['State']['Pid']}/ns/net"

    def create(self, name: str, case: Case, pools: Sequence[Mapping[str, str]]) -> None:
        described = {
            "Name": name,
            "CheckDuplicate": True,
            "Driver": case.driver,
            "Options": case.options,
            "Internal": bool(case.internal),
            "EnableIPv6": len(pools) > 1,
            "IPAM": {"Config": [{key.capitalize(): text for key, text in pool.items()} for pool in pools]},
        }
        self._api.post("/networks/create", described)
        self._networks.append(name)

    def join(self, name: str) -> None:
        self._api.post(f"/networks/{name}/connect", {"Container": BOX})
        self._joined.append(name)

    def clear(self) -> None:
        """Remove the networks."""
        for name in self._joined:
            self._api.post(f"/networks/{name}/disconnect", {"Container": BOX})
        for name in self._networks:
            self._api.delete(f"/networks/{name}")
        self._joined.clear()
        self._networks.clear()

    def close(self) -> None:
        self.clear()
        self._api.delete(f"/containers/{BOX}?force=true")
        self._api.delete("/networks/first")


class Ours:
    """We, and a sandbox on our networks."""

    refusals = CnmError
    place = f"/run/netns/{BOX}"

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._networks: list[str] = []

    def create(self, name: str, case: Case, pools: Sequence[Mapping[str, str]]) -> None:
        more = {} if case.internal is None else {"internal": case.internal}
        self._tasks.network(name, options=case.options, driver=case.driver, ipam_config=pools, **more)

    def join(self, name: str) -> None:
        self._networks.append(name)
        self._tasks.sandbox(BOX, *self._networks)

    def clear(self) -> None:
        """Remove the networks and the sandbox."""
        self._tasks.end()
        self._networks.clear()


def noticed(host: Host, side: Any, case: Case) -> dict[str, Any]:
    """Return what a user notices of the network of CASE on SIDE."""
    before = links(host)
    found: dict[str, Any] = {"refused": NOT_REFUSED}
    try:
        if case.beside:
            side.create("beside", Case(*case.beside), [{"subnet": str(subnet)} for subnet in BESIDE])
            side.join("beside")
        pools = [{"subnet": str(subnet)} for subnet in SUBNETS]
        if case.gateway:
            pools[0]["gateway"] = case.gateway
        stage = WHEN_CREATED
        try:
            side.create("lan", case, pools)
            stage = WHEN_JOINED
            side.join("lan")
        except side.refusals:
            found["refused"] = stage
        else:
            found.update(inside(host, side.place))
            found["on the host"] = [
                " ".join([anonymous(name), *kind(each)]) for name, each in links(host).items() if name not in before
            ]
    finally:
        side.clear()
    found["left"] = [*({*links(host)} ^ {*before})]
    return found


def inside(host: Host, place: str) -> dict[str, Any]:
    """Return the link, the addresses and the routes at PLACE that are about the LAN."""
    (link,) = [each for each in listed(host, "ip", "-details", "address", place=f"../..{place}") if on_lan(each)]
    (parent,) = [each for each in links(host).values() if each["ifindex"] == link["link_index"]]
    routes = [route for version in "46" for route in listed(host, "ip", f"-{version}", "route", place=f"../..{place}")]
    shared = link["address"] == parent["address"]
    return {
        "link": f"{mode_of(link)} on {anonymous(parent['ifname'])}",
        "type": link["linkinfo"]["info_kind"],
        "MAC": "the parent's" if shared else link["address"],
        "MTU": link["mtu"],
        "addresses": sorted(f"{each['local']}/{each['prefixlen']}" for each in on_lan(link)),
        "routes": sorted(
            " via ".join(filter(None, (route["dst"], route.get("gateway"))))
            for route in routes
            if route["dev"] == link["ifname"] and not route["dst"].startswith("fe80:")
        ),
    }


def on_lan(link: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the addresses of LINK that are on the LAN."""
    found = []
    for each in link["addr_info"]:
        address = ipaddress.ip_address(each["local"])
        if any(address in subnet for subnet in SUBNETS):
            found.append(each)
    return found


def links(host: Host) -> dict[str, dict[str, Any]]:
    return {each["ifname"]: each for each in listed(host, "ip", "-details", "link")}


def kind(link: Mapping[str, Any]) -> Iterator[str]:
    """Yield the type of LINK, and of a VLAN also the number and the interface."""
    yield link["linkinfo"]["info_kind"]
    if "id" in link["linkinfo"].get("info_data", {}):
        yield f"{link['linkinfo']['info_data']['id']} on {link['link']}"


def anonymous(name: str) -> str:
    """Return NAME without the beginning of the id of a network."""
    return re.sub("-[0-9a-f]{12}$", "-ID", name)


def compare(tasks: Tasks, cases: Sequence[Case]) -> None:
    """Check that Docker and we do the same in CASES, apart from what is intended."""
    plug(tasks)
    daemon = Dockerd(tasks.host)
    unexpected = {}
    with ExitStack() as stack:
        stack.callback(daemon.end)
        daemon.start()
        daemon.load_image()
        theirs, ours = Theirs(daemon), Ours(tasks)
        stack.callback(theirs.close)
        for number, case in enumerate(cases):
            one, other = (noticed(tasks.host, side, case) for side in (theirs, ours))
            names = one if one.keys() == other.keys() else {"refused", "left"}
            differs = {name: (one[name], other[name]) for name in names if one[name] != other[name]}
            if differs != (case.later if case.until and theirs.version >= case.until else case.differs):
                unexpected[f"{number} {case.driver} {case.options}"] = differs
    assert unexpected == {}


def test_macvlan(tasks: Tasks) -> None:
    compare(tasks, MACVLAN)


@pytest.mark.machine
def test_all(tasks: Tasks) -> None:
    require(tasks.host, "link add probe0 link uplink type ipvlan", "ipvlan")
    command("ip link delete probe0")
    compare(tasks, [*MACVLAN, *IPVLAN, *NEED_MODULES])
