# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options about devices: names, sizes, existing bridges."""

from __future__ import annotations

import itertools
import os

import pytest
from lab import OUTSIDE, UPLINK4, command, sysctl
from stand_in import Host
from tasks import BRIDGE, DRIVER, Tasks, answers, host_end, link, listed, reaches, setting, source_outside

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.ids import make_id

IP_HEADER, IP6_HEADER, ICMP_HEADER = 20, 40, 8


def passes(host: Host, source: str, target: str, size: int, patience: float = 20.0) -> bool:
    """Return whether an IP packet of SIZE bytes passes from SOURCE to TARGET and back without fragmentation."""
    data = size - ICMP_HEADER - (IP6_HEADER if ":" in target else IP_HEADER)
    done = host.run(["ping", "-c1", f"-W{patience}", "-M", "do", "-s", str(data), target], f"/run/netns/{source}")
    return done.returncode == 0


def test_mtu_of_all_parts(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24,fd00:1::/64", {f"{DRIVER}.driver.mtu": 1400})
    tasks.sandbox("a", "n")
    tasks.sandbox("b", "n")
    for mtu in (1400, 1300):
        ends = link(tasks.host, tasks.device("n")), link(tasks.host, "eth0", "a"), host_end(tasks.host, "a")
        assert [each["mtu"] for each in ends] == [mtu] * 3
        for version in (4, 6):
            b = tasks.address("b", "n", version)
            assert passes(tasks.host, "a", b, mtu)
            assert not passes(tasks.host, "a", b, mtu + 1, patience=0.3)
        tasks.network("n", options={f"{DRIVER}.driver.mtu": 1300})


def test_an_mtu_below_that_of_ipv6_leaves_the_device_without_ipv6(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24", {f"{DRIVER}.driver.mtu": 1400})
    router = f"/proc/sys/net/ipv6/conf/{tasks.device('n')}/accept_ra"
    for mtu in (1200, 1400):
        tasks.network("n", options={f"{DRIVER}.driver.mtu": mtu})
        assert link(tasks.host, tasks.device("n"))["mtu"] == mtu
        assert os.path.exists(router) == (mtu >= 1280)
    with open(router, encoding="utf-8") as file:
        assert file.read() == "0\n"


def test_mtu_of_the_way_out(tasks: Tasks) -> None:
    command("ip link set uplink mtu 1450")
    tasks.network("n", "10.1.0.0/24")
    tasks.sandbox("a", "n")
    ends = link(tasks.host, tasks.device("n")), link(tasks.host, "eth0", "a"), host_end(tasks.host, "a")
    assert [each["mtu"] for each in ends] == [1450] * 3
    command("ip link set uplink mtu 1500")
    assert not tasks.network("n").changed


def test_interface_names(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24", {f"{DRIVER}.container_iface_prefix": "lan"})
    tasks.network("other", "10.2.0.0/24")
    tasks.sandbox("a", "n", "other", {"name": "bridge", "interface_name": "out"})
    names = {each["ifname"] for each in listed(tasks.host, "ip", "link", place="a")}
    assert names == {"lo", "lan0", "eth0", "out"}


def test_bridge_of_a_chosen_name(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24", {f"{BRIDGE}.name": "br-mine"})
    tasks.sandbox("a", "n", published_ports=["8080:80"])
    assert host_end(tasks.host, "a")["master"] == "br-mine"
    assert source_outside("a") == UPLINK4 and answers(8080, "a")
    assert tasks.network("n", options={f"{BRIDGE}.name": "br-other"}, force=True).changed
    assert host_end(tasks.host, "a")["master"] == "br-other"
    assert not os.path.exists("/proc/sys/net/ipv4/conf/br-mine")
    assert source_outside("a") == UPLINK4 and answers(8080, "a")


@pytest.mark.parametrize("with_sandbox", (False, True))
def test_a_bridge_that_was_there_stays_as_it_was(tasks: Tasks, with_sandbox: bool) -> None:
    tasks.host.ip("link add br0 type bridge\nlink set br0 mtu 1480 up\naddress add 10.5.0.1/24 dev br0\n")
    names = [f"net/ipv4/conf/br0/{name}" for name in ("route_localnet", "rp_filter", "forwarding")]
    sysctl("net/ipv4/conf/br0/rp_filter", 1)

    def state() -> tuple[object, ...]:
        bridge = link(tasks.host, "br0")
        # The operational state is not compared: it depends on ports, and there are none.
        (addresses,) = listed(tasks.host, "ip", "-4", "address", "show", "br0")
        return (
            "UP" in bridge["flags"],
            bridge["mtu"],
            bridge["address"],
            bridge["group"],
            addresses["addr_info"],
            list(map(setting, names)),
        )

    before = state()
    tasks.network("n", options={f"{BRIDGE}.name": "br0"})
    tasks.sandbox("a", "n", published_ports=["8080:80"])
    assert tasks.address("a", "n") == "10.5.0.2"
    assert [link(tasks.host, "eth0", "a")["mtu"], tasks.shown("network")["n"]["Host"]["Mtu"]] == [1480, 1480]
    assert link(tasks.host, "br0")["address"] == before[2]
    assert not tasks.network("n").changed
    tasks.sandbox("b", "n")
    assert reaches("a", "b", tasks.address("b", "n"))
    assert source_outside("a") == UPLINK4 and answers(8080, "a", OUTSIDE)
    if not with_sandbox:
        tasks.ensure("sandbox", {"name": "a", "state": "absent"}, {"name": "b", "state": "absent"})
    assert tasks.ensure("network", {"name": "n", "state": "absent", "force": True}).changed
    tasks.end()
    assert state() == before


def test_endpoints_whose_ids_begin_alike(tasks: Tasks) -> None:
    """Of a thousand endpoints on a host, two have the same first 28 bits of their ids on one host in five hundred."""
    network, seed = tasks.network("n", "10.1.0.0/24").objects[0]["Id"], tasks.host.kernel.facts.machine_id()
    known: dict[str, str] = {}
    for name in map("s{}".format, itertools.count()):
        other = known.setdefault(make_id(seed, "endpoint", network, name)[:7], name)
        if other != name:
            break
    tasks.sandbox(other, "n")
    tasks.sandbox(name, "n")
    assert reaches(other, name, tasks.address(name, "n"))
    assert not tasks.restore().changed
