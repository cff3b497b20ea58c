# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of driver openvswitch: sandboxes on the ports of a bridge of Open vSwitch, in its userspace datapath."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from handed_over import CONTAINER, Container
from inventory import inventory, nothing_left
from lab import HOST, OUTSIDE, SLICES, command, pinged
from tasks import Tasks, default_route, eventually, link, reaches
from trunk import ROUTER, plug
from vswitch import Vswitch, needs_openvswitch, running

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, InvalidInput

pytestmark = needs_openvswitch
CNM = str(Path(__file__).resolve().parents[3] / "command" / "cnm.py")
NAME, VLAN, DATAPATH = "com.docker.network.bridge.name", "cnm.openvswitch.vlan", "cnm.openvswitch.datapath"


@pytest.fixture()
def switch(tasks: Tasks) -> Iterator[Vswitch]:
    with running(tasks.host) as started:
        yield started


def item(name: str = "lan", subnet: str = "192.168.7.0/24,fd00:7::/64", **options: Any) -> dict[str, Any]:
    pools = [{"subnet": each} for each in subnet.split(",")]
    chosen = {DATAPATH: "netdev", **options}
    return {"name": name, "driver": "openvswitch", "ipam_config": pools, "driver_options": chosen}


def port(tasks: Tasks, sandbox: str, network: str = "lan") -> str:
    return str(tasks.shown("sandbox")[sandbox]["Networks"][network]["InterfaceName"])


def doctor(tasks: Tasks) -> str:
    """Return what ``cnm doctor`` says of the way from sandbox a to b."""
    return tasks.host.run([sys.executable, CNM, "doctor", "a", "b"]).stdout


def test_sandboxes_are_ports_of_a_bridge(tasks: Tasks, switch: Vswitch) -> None:
    untouched = inventory(tasks.host)
    assert tasks.would("network", item()) and switch.names("Bridge") == set()
    assert tasks.ensure("network", item()).changed and not tasks.ensure("network", item()).changed
    bridge = tasks.device("lan")
    assert switch.names("Bridge") == {bridge} and switch.get("Bridge", bridge, "datapath_type") == "netdev"
    for name in "ab":
        assert tasks.sandbox(name, "lan").changed and not tasks.sandbox(name, "lan").changed
    ports = {name: port(tasks, name) for name in "ab"}
    assert switch.names("Port") == {bridge, *ports.values()}
    assert link(tasks.host, ports["a"], "a")["address"] == "02:42:c0:a8:07:02"
    assert reaches("a", "b", "192.168.7.3") and pinged("b", "fd00:7::2") and default_route(tasks.host, "a") == ROUTER
    assert not pinged(HOST, "192.168.7.2", SLICES)

    flow = "priority=7,dl_vlan=99 actions=drop"
    tasks.host.out(["ovs-ofctl", "add-flow", bridge, flow.replace(" ", ",")])

    def damaged(act: Any, *names: str) -> None:
        act()
        for name in names:
            assert tasks.sandbox(name).changed, act
        assert not tasks.restore().changed, act
        assert reaches("a", "b", "192.168.7.3") and pinged("b", "fd00:7::2"), act
        assert switch.names("Port") == {bridge, *ports.values()}

    damaged(lambda: switch.control("del-port", ports["a"]), "a")
    assert "a reaches b." in doctor(tasks)
    damaged(lambda: switch.control("set", "Port", ports["a"], "tag=5"), "a")
    switch.control("set", "Port", ports["b"], "tag=5")
    assert f"wrong  port of b: port '{ports['b']}' of Open vSwitch bridge '{bridge}'" in doctor(tasks)
    tasks.restore()
    damaged(lambda: switch.control("set", "Port", ports["a"], "vlan_mode=trunk"), "a")
    damaged(lambda: command("ip netns delete a"), "a")
    damaged(lambda: tasks.host.ip(f"link delete {ports['b']}\n", "/run/netns/b"), "b")
    damaged(lambda: tasks.host.ip(f"link set {ports['b']} down mtu 1300\n", "/run/netns/b"), "b")
    assert flow in tasks.host.out(["ovs-ofctl", "dump-flows", bridge])
    damaged(lambda: tasks.sandbox("a", state="restarted"))
    damaged(switch.restart, "a", "b")
    damaged(lambda: switch.control("del-br", bridge), "a")
    damaged(lambda: command(f"ip link delete {bridge}"), "a")

    # After a boot, the database still has what it had, and the namespaces are gone.
    before = inventory(tasks.host)
    switch.stop()
    for name in "ab":
        command(f"ip netns delete {name}")
    command("find /run/cnm -mindepth 1 -delete")
    command(f"ip link delete {bridge}")
    switch.start()
    assert tasks.restore().changed and not tasks.restore().changed
    assert inventory(tasks.host) == before and reaches("a", "b", "192.168.7.3")

    moved = {"name": "a", "network": "lan", "sandbox": "b", "force": True}
    tasks.sandbox("c", "lan")
    tasks.ensure("endpoint", {"name": "b", "network": "lan", "state": "left"})
    assert tasks.ensure("endpoint", moved).changed and not tasks.would("endpoint", moved)
    assert reaches("c", "b", "192.168.7.2") and not tasks.restore().changed

    tasks.end()
    assert switch.names("Bridge") == switch.names("Port") == set() and nothing_left(tasks, untouched)


def test_vlans_of_an_adopted_bridge(tasks: Tasks, switch: Vswitch) -> None:
    plug(tasks)
    command("ip address flush dev lan0")
    switch.control("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev", "external_ids:who=me")
    switch.control("add-port", "br0", "lan0", "tag=10")
    tasks.host.out(["ovs-ofctl", "add-flow", "br0", "priority=7,dl_vlan=99,actions=drop"])
    untouched = inventory(tasks.host)
    kept = [switch.control("list", table) for table in ("Bridge", "Port")]
    networks = [
        item("ten", "192.168.7.0/24", **{NAME: "br0", VLAN: "10"}),
        item("twenty", "192.168.8.0/24", **{NAME: "br0", VLAN: "20"}),
    ]
    assert tasks.ensure("network", *networks).changed and not tasks.ensure("network", *networks).changed
    tasks.sandbox("a", "ten")
    tasks.sandbox("b", "ten")
    tasks.sandbox("c", "twenty")
    assert reaches("a", "b", "192.168.7.3") and eventually(lambda: pinged(OUTSIDE, "192.168.7.3"))
    # Another VLAN is another wire, whatever the addresses.
    tasks.host.ip(f"address add 192.168.7.99/24 dev {port(tasks, 'c', 'twenty')}\n", "/run/netns/c")
    assert not pinged("a", "192.168.7.99", SLICES)
    networks[1]["driver_options"][VLAN] = "30"
    assert tasks.ensure("network", networks[1]).changed and not tasks.ensure("network", networks[1]).changed
    assert switch.get("Port", port(tasks, "c", "twenty"), "tag") == "30"
    with pytest.raises(InvalidInput, match="network 'ten' already has VLAN 10 of bridge 'br0'"):
        tasks.ensure("network", item("more", "192.168.9.0/24", **{NAME: "br0", VLAN: "10"}))
    tasks.end()
    assert [switch.control("list", table) for table in ("Bridge", "Port")] == kept
    assert "dl_vlan=99" in tasks.host.out(["ovs-ofctl", "dump-flows", "br0"])
    assert nothing_left(tasks, untouched)


def test_an_uplink_is_the_trunk_of_a_bridge(tasks: Tasks, switch: Vswitch) -> None:
    plug(tasks)
    command("ip address flush dev lan0")
    untouched = inventory(tasks.host)
    options = {NAME: "br-lan", "cnm.bridge.uplink": "lan0"}
    networks = [
        item("ten", "192.168.8.0/24", **options, **{VLAN: "10"}),
        item("lan", "192.168.7.0/24", **options),
    ]
    assert tasks.ensure("network", *networks).changed and not tasks.ensure("network", *networks).changed
    for name, on in (("a", "lan"), ("b", "ten"), ("c", "ten")):
        tasks.sandbox(name, on)
    assert eventually(lambda: pinged("a", ROUTER)) and reaches("b", "c", "192.168.8.3")
    # A sandbox without a VLAN cannot choose one with tags of its own.
    assert switch.get("Port", port(tasks, "a"), "tag") == "0"
    tasks.ensure("sandbox", *({"name": name, "state": "absent"} for name in "bc"))
    tasks.ensure("network", {"name": "ten", "state": "absent"})
    assert switch.names("Port") == {"br-lan", "lan0", port(tasks, "a")} and pinged("a", ROUTER)
    tasks.end()
    assert switch.names("Port") == set() and nothing_left(tasks, untouched)


@pytest.mark.machine
def test_the_datapath_of_the_kernel(tasks: Tasks, switch: Vswitch) -> None:
    if not tasks.host.kernel.facts.has_system_datapath():
        pytest.skip("this kernel has no openvswitch")
    untouched = inventory(tasks.host)
    tasks.ensure("network", item(**{DATAPATH: "system", VLAN: "10"}))
    tasks.sandbox("a", "lan")
    tasks.sandbox("b", {"name": "lan", "interface_name": "eth0"})
    assert port(tasks, "b") == "eth0"
    assert reaches("a", "b", "192.168.7.3") and reaches("b", "a", "192.168.7.2")
    container = Container(tasks, "lan")
    container.start()
    assert reaches("a", CONTAINER, container.address) and reaches(CONTAINER, "a", "192.168.7.2")
    assert not container.again() and container.join("eth0") and not container.again()
    assert reaches("a", CONTAINER, container.address)
    tasks.ensure("sandbox", {"name": CONTAINER, "state": "absent"})
    assert container.links() == set()
    command(f"ip netns delete {CONTAINER}")
    # A restart interrupts nobody: ports and their devices stay in the kernel.
    switch.restart()
    assert eventually(lambda: pinged("a", "192.168.7.3"))
    for name in "ab":
        command(f"ip netns delete {name}")
    assert tasks.restore().changed and not tasks.restore().changed
    assert reaches("a", "b", "192.168.7.3")
    tasks.end()
    assert switch.names("Bridge") == switch.names("Port") == set() and nothing_left(tasks, untouched)


def test_what_cannot_work_is_refused(tasks: Tasks) -> None:
    untouched = inventory(tasks.host)

    def refused(words: str, **options: Any) -> None:
        with pytest.raises(InvalidInput, match=words):
            tasks.ensure("network", item(**options))
        assert inventory(tasks.host) == untouched

    def checked() -> str:
        found = json.loads(tasks.host.out([sys.executable, CNM, "check", "--format", "json"]))["findings"]
        return next(f"{each['state']} {each['found']}" for each in found if each["name"] == "openvswitch")

    refused("Open vSwitch's database does not answer")
    assert checked().startswith("optional Open vSwitch's database does not answer")
    with running(tasks.host) as switch:
        switch.stop()
        refused("ovs-vswitchd does not answer .*Start the service 'openvswitch-switch'")
        switch.start()
        assert checked() in ("ok datapath netdev", "ok datapath system, netdev")
        if not tasks.host.kernel.facts.has_system_datapath():
            refused("this kernel has no datapath for Open vSwitch", **{DATAPATH: "system"})
        refused("'uplink' exists, and is not a bridge of Open vSwitch", **{NAME: "uplink"})
        tasks.ensure("network", item())
        tasks.network("other", "10.1.0.0/24")
        tasks.sandbox("a", "lan")
        before = inventory(tasks.host)
        switch.stop()
        with pytest.raises(CnmError, match="ovs-vswitchd does not answer"):
            tasks.sandbox("b", "lan")
        # All others are restored nevertheless.
        command(f"ip link delete {tasks.device('other')}")
        assert "ovs-vswitchd does not answer" in " ".join(tasks.restore().failures)
        assert link(tasks.host, tasks.device("other"))
        switch.start()
        tasks.restore()
        assert inventory(tasks.host) == before
        tasks.end()
        assert switch.names("Bridge") == set()
