# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pairs of opposite runs that together do everything that can be done to each kind of network and sandbox."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, NamedTuple, Union

import dhcp_server
import pytest
import tunnel
import vswitch
from lab import command, sysctl
from stand_in import Host
from trunk import require

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers import overlay_options

BRIDGE = "com.docker.network.bridge"
STORE, MEMORY = "/var/lib/cnm", "/run/cnm"


class Task(NamedTuple):
    """One run."""

    kind: str
    items: Sequence[Mapping[str, Any]] = ()


def network(name: str, *subnets: str, **more: Any) -> Task:
    """Return the run that ensures a network."""
    pools = {"ipam_config": [{"subnet": each} for each in subnets]} if subnets else {}
    return Task("network", [{"name": name, **pools, **more}])


def sandbox(name: str, *networks: str, **more: Any) -> Task:
    """Return the run that ensures a sandbox."""
    listed = {"networks": [{"name": each} for each in networks]} if networks else {}
    return Task("sandbox", [{"name": name, **listed, **more}])


def endpoint(name: str, on: str, **more: Any) -> Task:
    """Return the run that ensures an endpoint."""
    return Task("endpoint", [{"name": name, "network": on, **more}])


RESTORE = Task("restore")
OTHER = network("bridge")
"""A run about something else."""


Act = Union[Task, Callable[[Host], None]]


class Scenario(NamedTuple):
    """The preparation, a run, and the opposite run. The latter may instead be an act that never fails."""

    prepare: Sequence[Act]
    there: Task
    back: Task | Callable[[Host], None] | Sequence[Act]


def _forget(host: Host) -> None:
    """Remove what does not survive a reboot."""
    for name in os.listdir("/run/netns"):
        command(f"ip netns delete {name}")
    for line in command("ip -o link").splitlines():
        name = line.split()[1].rstrip(":").partition("@")[0]
        if name.startswith(("br-", "cnm", "db-", "dm-", "lan0.", "veth", "vx-")):
            # The other end disappears some time after its namespace.
            host.run(["ip", "link", "delete", name])
    command("nft flush ruleset")
    host.kill_name_server()
    for path in Path(MEMORY).iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"):
        sysctl(name, 0)


def _forget_all(host: Host) -> None:
    """Make the host look as if the core had never run on it."""
    _forget(host)
    for name in os.listdir(STORE):
        os.unlink(f"{STORE}/{name}")


def _their_bridge(host: Host) -> None:
    host.ip("link add br0 type bridge\nlink set br0 up\naddress add 10.5.0.1/24 dev br0\n")


def _their_namespace(host: Host) -> None:
    host.ip("netns add theirs\nlink add theirs type veth peer name eth0 netns theirs\nlink set theirs up\n")
    host.ip(
        "link set eth0 up\naddress add 10.9.0.2/24 dev eth0\naddress add fd00:9::2/64 dev eth0 nodad\n"
        "route add default via 10.9.0.1\nroute add default via fd00:9::1\n",
        "/run/netns/theirs",
    )


def _lan0(host: Host) -> None:
    host.ip("link add lan0 type veth peer name lan1\nlink set lan0 up\nlink set lan1 up\n")


def _trunk(host: Host) -> None:
    _lan0(host)
    for module, kind in (("8021q", "vlan id 9"), ("ipvlan", "ipvlan")):
        require(host, f"link add probe0 link lan0 type {kind}", module)
        command("ip link delete probe0")


def _name_server(host: Host) -> None:
    host.have_name_server()


def _their_chain(_host: Host) -> None:
    command("iptables -N DOCKER-USER")
    command("iptables -A DOCKER-USER -s 192.0.2.0/24 -j DROP")


LAN, BACK = network("lan", "10.1.0.0/24", "fd00:1::/64"), network("back", "10.2.0.0/24", internal=True)
WEB = sandbox("web", "lan", published_ports=["8080:80", "53:53/udp"])
DB = sandbox("db", "lan", "back", sysctls={"net.ipv4.ip_default_ttl": 99})
MACVLAN = network("outer", "10.7.0.0/24", "fd00:7::/64", driver="macvlan", driver_options={"parent": "lan0"})
ALONE = network("alone", "10.8.0.0/24", driver="macvlan")
ON_VLANS = Task(
    "network",
    [
        *network("outer", "10.7.0.0/24", "fd00:7::/64", driver="macvlan", driver_options={"parent": "lan0.10"}).items,
        *network("inner", "10.8.0.0/24", "fd00:8::/64", driver="ipvlan", driver_options={"parent": "lan0.20"}).items,
    ],
)
SWITCHED = network(
    "wired",
    "10.6.0.0/24",
    "fd00:6::/64",
    driver="openvswitch",
    driver_options={
        "cnm.openvswitch.datapath": "netdev",
        "cnm.openvswitch.vlan": 6,
        f"{BRIDGE}.name": "br-wired",
        "cnm.bridge.uplink": "lan0",
    },
)
LEASING = network("leasing", "192.168.7.0/24", driver="macvlan", driver_options={"parent": "lan0"}, ipam_driver="dhcp")
LEASED = Task("sandbox", [{"name": "a", "networks": [{"name": "leasing", "mac_address": dhcp_server.MACS["a"]}]}])
CHOSEN_ELSEWHERE = (LEASED,)
"""Runs whose results check mode cannot know, because a server chooses the address."""
ICC = f"{BRIDGE}.enable_icc"
VNI = 77
SECRET = network(
    "secret",
    "10.8.0.0/24",
    driver="overlay",
    driver_options={
        overlay_options.ENCRYPTED: True,
        overlay_options.LEARNING: False,
        overlay_options.VNI: VNI,
        overlay_options.VTEP: tunnel.ADDRESS,
    },
    peers=[{"name": "h2", "address": "10.254.0.2", "endpoints": [{"name": "far", "ipv4_address": "10.8.0.9"}]}],
)


def _gone(task: Task) -> Task:
    return Task(task.kind, [{"name": item["name"], "state": "absent", "force": True} for item in task.items])


SCENARIOS: dict[str, Scenario] = {
    "the first network of a host": Scenario([], LAN, _forget_all),
    "create and delete a network": Scenario([], LAN, _gone(LAN)),
    "create and delete many networks": Scenario(
        [LAN],
        Task("network", [{"name": f"n{number}"} for number in range(4)]),
        Task("network", [{"name": f"n{number}", "state": "absent"} for number in range(4)]),
    ),
    "make and remove a sandbox": Scenario([LAN, BACK, DB], WEB, Task("sandbox", [{"name": "web", "state": "absent"}])),
    "make and remove many sandboxes": Scenario(
        [LAN, BACK],
        Task("sandbox", [{"name": f"s{n}", "networks": [{"name": "lan"}, {"name": "back"}]} for n in range(3)]),
        Task("sandbox", [{"name": f"s{n}", "state": "absent"} for n in range(3)]),
    ),
    "join and leave": Scenario(
        [LAN, BACK, DB, sandbox("web", "back")],
        endpoint("extra", "lan", sandbox="web", aliases=["more"], published_ports=["81:80"]),
        endpoint("extra", "lan", state="left"),
    ),
    "reserve and free an endpoint": Scenario([LAN], endpoint("e", "lan"), endpoint("e", "lan", state="absent")),
    "publish and close ports": Scenario(
        [LAN, sandbox("web", "lan", published_ports=["8080:80"])],
        sandbox("web", published_ports=["8081:80", "127.0.0.1:53:53/udp"]),
        sandbox("web", published_ports=["8080:80"]),
    ),
    "rebuild a network": Scenario(
        [LAN, BACK, WEB, DB],
        network("lan", "10.3.0.0/24", "fd00:3::/64", driver_options={f"{BRIDGE}.name": "br-lan"}, force=True),
        network("lan", "10.1.0.0/24", "fd00:1::/64", driver_options={}, force=True),
    ),
    "change a network in place": Scenario(
        [LAN, WEB, sandbox("db", "lan")],
        network("lan", driver_options={ICC: "false", "com.docker.network.driver.mtu": "1400"}),
        network("lan", driver_options={}),
    ),
    "stop and start": Scenario([LAN, BACK, WEB, DB], sandbox("db", state="stopped"), sandbox("db", state="present")),
    "delete a network in use": Scenario([LAN, BACK, WEB, DB], _gone(LAN), [LAN, WEB, DB]),
    "restore": Scenario([LAN, BACK, WEB, DB], RESTORE, _forget),
    "the first network with DNS": Scenario([_name_server], LAN, _gone(LAN)),
    "make and remove a sandbox with DNS": Scenario([_name_server, LAN, BACK, DB], WEB, sandbox("web", state="absent")),
    "switch DNS off and on": Scenario(
        [_name_server, LAN, WEB, sandbox("db", "lan")], network("lan", dns=False), network("lan", dns=True)
    ),
    "restore DNS": Scenario([_name_server, LAN, BACK, WEB, DB], RESTORE, _forget),
    "the predefined bridge": Scenario([], sandbox("web", "bridge"), sandbox("web", state="absent")),
    "a macvlan network": Scenario([_lan0], MACVLAN, _gone(MACVLAN)),
    "a macvlan network without a parent": Scenario([], ALONE, _gone(ALONE)),
    "a sandbox on macvlan networks": Scenario(
        [_lan0, MACVLAN, ALONE], sandbox("web", "outer", "alone"), sandbox("web", state="absent")
    ),
    "change a macvlan network": Scenario(
        [_lan0, MACVLAN, sandbox("web", "outer")],
        network("outer", driver_options={"parent": "lan0", "macvlan_mode": "private"}),
        network("outer", driver_options={"parent": "lan0"}),
    ),
    "rebuild a macvlan network": Scenario(
        [_lan0, MACVLAN, sandbox("web", "outer")],
        network("outer", driver_options={}, force=True),
        network("outer", driver_options={"parent": "lan0"}, force=True),
    ),
    "restore macvlan networks": Scenario([_lan0, MACVLAN, ALONE, sandbox("web", "outer", "alone")], RESTORE, _forget),
    "a sandbox with an address from a DHCP server": Scenario(
        [dhcp_server.begin, LEASING], LEASED, sandbox("a", state="absent")
    ),
    "a sandbox that gets an uplink": Scenario(
        [_lan0, network("out", "10.7.0.0/24"), sandbox("web", "out")],
        network("out", driver_options={"cnm.bridge.uplink": "lan0"}, force=True),
        network("out", driver_options={}, force=True),
    ),
    "a network of Open vSwitch": Scenario([_lan0, vswitch.begin], SWITCHED, _gone(SWITCHED)),
    "a sandbox on Open vSwitch": Scenario(
        [_lan0, vswitch.begin, SWITCHED], sandbox("web", "wired"), sandbox("web", state="absent")
    ),
    "a port of Open vSwitch moves to another sandbox": Scenario(
        [_lan0, vswitch.begin, SWITCHED, sandbox("web", "wired"), sandbox("db")],
        endpoint("web", "wired", sandbox="db", force=True),
        endpoint("web", "wired", sandbox="web", force=True),
    ),
    "the network host": Scenario([LAN], sandbox("web", "host"), sandbox("web", "lan")),
    "the network none": Scenario([LAN], sandbox("web", "none"), sandbox("web", state="absent")),
    "an adopted bridge": Scenario(
        [_their_bridge],
        network("n", "10.5.0.0/24", "fd00:5::/64", driver_options={f"{BRIDGE}.name": "br0"}),
        network("n", state="absent"),
    ),
    "a sandbox on an adopted bridge": Scenario(
        [_their_bridge, network("n", "10.5.0.0/24", driver_options={f"{BRIDGE}.name": "br0"})],
        sandbox("web", "n", published_ports=["8080:80"]),
        sandbox("web", state="absent"),
    ),
    "an adopted namespace": Scenario(
        [_their_namespace, LAN],
        sandbox("web", "lan", netns="/run/netns/theirs", published_ports=["8080:80"]),
        sandbox("web", state="absent"),
    ),
    "beside Docker": Scenario([_their_chain], LAN, _gone(LAN)),
    "create and delete an encrypted overlay": Scenario([tunnel.begin], SECRET, _gone(SECRET)),
}
VLANS = {
    "networks on VLANs": Scenario([_trunk], ON_VLANS, _gone(ON_VLANS)),
    "a sandbox on VLANs": Scenario(
        [_trunk, ON_VLANS], sandbox("web", "outer", "inner"), sandbox("web", state="absent")
    ),
    "an ipvlan network moves to another VLAN": Scenario(
        [_trunk, ON_VLANS, sandbox("web", "inner")],
        network("inner", driver_options={"parent": "lan0.30", "ipvlan_mode": "l3"}, force=True),
        network("inner", driver_options={"parent": "lan0.20"}, force=True),
    ),
    "restore networks on VLANs": Scenario([_trunk, ON_VLANS, sandbox("web", "outer", "inner")], RESTORE, _forget),
}
"""Not every kernel can make the links of these."""
SCENARIOS.update(VLANS)
each_scenario = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.machine) if name in VLANS else name for name in SCENARIOS]
)
ENCRYPTED = {
    "create and delete": SCENARIOS["create and delete an encrypted overlay"],
    "restore": Scenario([tunnel.begin, SECRET, sandbox("web", "secret")], RESTORE, _forget),
}
