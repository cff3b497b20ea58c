# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driver openvswitch: what its networks and endpoints consist of, what it refuses, and what its programs answer."""

from __future__ import annotations

import json

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers import creatable
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel import openvswitch
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import Conflict, KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Parent
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import GROUP, INTERNAL, HostEnd, Link
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.openvswitch import (
    Bridge,
    Port,
    VethPort,
    Vswitch,
)
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST

NAME, VLAN, DATAPATH = "com.docker.network.bridge.name", "cnm.openvswitch.vlan", "cnm.openvswitch.datapath"
UPLINK = "cnm.bridge.uplink"
PATH = "/run/netns/web"
THEIRS = Bridge("br0", "netdev", foreign=True)


def item(name="lan", subnet="192.168.7.0/24", **options):
    return {"name": name, "driver": "openvswitch", "driver_options": options, "ipam_config": [{"subnet": subnet}]}


@pytest.fixture
def lan(host):
    """A host with a network 'lan', and a bridge 'br0' and network cards of somebody else."""
    host.kernel.facts.parents = {name: Parent("", 1500, False, False, True, "", True) for name in ("eth1", "eth2")}
    host.kernel.facts.switch = Vswitch(
        bridges={"br0": THEIRS}, ports={"eth2": Port(HOST, "eth2", "br0", type="", foreign=True)}
    )
    host.kernel.present[THEIRS.key] = THEIRS
    host.ensure("network", item())
    return host


def bridge(host, name="lan"):
    return host.one("network", name)["Host"]["Device"]


def port(host, sandbox="web", network="lan"):
    return host.one("sandbox", sandbox)["Networks"][network]["InterfaceName"]


def test_a_network_is_a_bridge_and_an_endpoint_a_port_that_moves(lan):
    assert "openvswitch" in creatable()
    assert lan.kernel.present["ovs-bridge", bridge(lan)] == Bridge(bridge(lan), "system")
    lan.sandbox("web", networks=[{"name": "lan"}])
    name = port(lan)
    assert len(name) == 15 and name == f"ovs{lan.one('endpoint', 'web')['Id'][:12]}"
    assert lan.kernel.present["ovs-port", PATH, name] == Port(PATH, name, bridge(lan), 0)
    link = lan.kernel.present["link", PATH, name]
    assert (link.type, link.group, link.address, link.mtu) == (INTERNAL, GROUP, "02:42:c0:a8:07:02", 1500)
    assert lan.default_route("web") == ("192.168.7.1", name)
    assert not lan.sandbox("web", networks=[{"name": "lan"}]).changed
    # Names of ports are unique on a host.
    lan.sandbox("db", networks=[{"name": "lan"}])
    assert port(lan, "db") != name


@pytest.mark.parametrize("key", ["ovs-bridge", "ovs-port", "link", "namespace"])
def test_drift_is_repaired(lan, key):
    lan.sandbox("web", networks=[{"name": "lan"}])
    before = dict(lan.kernel.present)
    for each in [each for each in before if each[0] == key and each != THEIRS.key]:
        lan.kernel.lose(each)
    assert lan.sandbox("web", check=True).changed and lan.sandbox("web").changed
    assert lan.kernel.present == before and not lan.sandbox("web").changed


def test_a_port_without_its_device_is_made_again_with_all_that_is_on_it(lan):
    lan.sandbox("web", networks=[{"name": "lan"}])
    before = dict(lan.kernel.present)
    key = Port.at(PATH, port(lan))
    lan.kernel.present = {each: one for each, one in before.items() if each != Link.at(PATH, port(lan))}
    lan.kernel.present[key] = Port(PATH, port(lan), bridge(lan), 0, type="")
    made = []
    lan.kernel.before_step = made.append
    assert lan.sandbox("web").changed
    assert [(step.before, step.after) for step in made if step.resource.key == key] == [
        (Port(PATH, port(lan), bridge(lan), 0, type=""), None),
        (None, before[key]),
    ]
    assert lan.kernel.present == before


def test_after_a_boot_the_database_still_has_its_bridges_and_ports(lan):
    lan.sandbox("web", networks=[{"name": "lan"}])
    before = dict(lan.kernel.present)
    lan.kernel.present = {key: one for key, one in before.items() if key[0] in ("file", "ovs-bridge", "ovs-port")}
    made = []
    lan.kernel.before_step = made.append
    assert lan.controller().restore().changed
    assert lan.kernel.present == before
    assert not [step for step in made if step.resource.kind.startswith("ovs")]
    lan.sandbox("web", state="absent")
    lan.network("lan", state="absent")
    assert lan.left() == {THEIRS.key}


def test_vlans_share_a_bridge_and_the_last_network_takes_it_away(lan):
    lan.ensure("network", *(item(f"v{tag}", f"10.{tag}.0.0/24", **{NAME: "br-x", VLAN: tag}) for tag in (10, 20)))
    lan.sandbox("web", networks=[{"name": "v20"}])
    assert lan.one("network", "v20")["Host"]["Vlan"] == 20
    assert lan.kernel.present["ovs-port", PATH, port(lan, network="v20")].tag == 20
    lan.network("v10", state="absent")
    assert ("ovs-bridge", "br-x") in lan.kernel.present
    asked = item("v20", "10.20.0.0/24", **{NAME: "br-x", VLAN: 30})
    assert lan.ensure("network", asked, check=True).differences == lan.ensure("network", asked).differences
    assert lan.kernel.present["ovs-port", PATH, port(lan, network="v20")].tag == 30
    lan.network("v20", state="absent", force=True)
    assert ("ovs-bridge", "br-x") not in lan.kernel.present


def test_an_uplink_is_a_port_for_all_vlans(lan):
    lan.ensure("network", item("out", "10.5.0.0/24", **{NAME: "br-x", UPLINK: "eth1"}))
    assert lan.kernel.present["ovs-port", HOST, "eth1"] == Port(HOST, "eth1", "br-x", None, "")
    assert lan.one("network", "out")["Host"]["Uplink"] == "eth1"
    lan.network("out", state="absent")
    assert lan.left() == {THEIRS.key, ("ovs-bridge", bridge(lan))}


def test_a_bridge_of_somebody_else_is_adopted(lan):
    lan.ensure("network", item("far", "10.5.0.0/24", **{NAME: "br0", VLAN: 5, DATAPATH: "netdev"}))
    assert lan.kernel.present[THEIRS.key].foreign and lan.kernel.present[THEIRS.key].datapath == "netdev"
    lan.network("far", state="absent")
    assert lan.kernel.present[THEIRS.key] == THEIRS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({VLAN: "0"}, f"option '{VLAN}': '0' is not a VLAN: its number is from 1 to 4094 (IEEE 802.1Q)."),
        ({VLAN: "4095"}, f"option '{VLAN}': '4095' is not a VLAN"),
        ({VLAN: "ten"}, f"option '{VLAN}': 'ten' is not a VLAN"),
        ({DATAPATH: "dpdk"}, f"option '{DATAPATH}': 'dpdk' is neither system nor netdev."),
        ({"parent": "eth1"}, "driver 'openvswitch' has no option 'parent'"),
        ({NAME: "eth1"}, "the interface 'eth1' exists, and is not a bridge of Open vSwitch. Choose another name."),
        ({NAME: "br0"}, f"option '{DATAPATH}': the bridge 'br0' exists, with datapath netdev. Set this."),
        ({NAME: "br0", UPLINK: "eth1"}, "its ports are not ours to choose: ovs-vsctl add-port br0 eth1, and leave"),
        ({UPLINK: "eth2"}, f"'eth2' is a port of Open vSwitch bridge 'br0'. Give that as '{NAME}' instead."),
        ({UPLINK: "eth9"}, f"driver option '{UPLINK}': this host has no interface 'eth9'."),
        ({NAME: "br-v", VLAN: "7"}, "network 'v7' already has VLAN 7 of bridge 'br-v'. Set 'cnm.openvswitch.vlan'."),
        ({NAME: "br-v", DATAPATH: "netdev"}, "network 'v7' has the bridge 'br-v', too, so both need the same"),
        ({NAME: "br-b"}, "the bridge 'br-b' belongs to network 'b'."),
    ],
)
def test_what_is_refused(lan, options, message):
    lan.ensure("network", item("v7", "10.7.0.0/24", **{NAME: "br-v", VLAN: 7}))
    lan.network("b", driver_options={NAME: "br-b"})
    assert message in lan.refused("network", item("new", "10.9.0.0/24", **options))


def test_an_interface_with_another_name_is_the_end_of_a_veth_pair(lan):
    lan.sandbox("web", networks=[{"name": "lan", "interface_name": "eth7"}])
    device = f"veth{lan.one('endpoint', 'web')['Id'][:11]}"
    link = lan.kernel.present["link", PATH, "eth7"]
    assert (link.type, link.peer) == ("veth", HostEnd(device, "", 1500))
    attached = lan.kernel.present["ovs-veth", HOST, device]
    assert attached == VethPort(HOST, device, bridge(lan), 0, type="")
    before = dict(lan.kernel.present)
    lan.kernel.lose(attached.key)
    assert lan.sandbox("web").changed and lan.kernel.present == before
    # The kind of its port follows from its name.
    lan.sandbox("web", networks=[{"name": "lan", "interface_name": f"ovs{lan.one('endpoint', 'web')['Id'][:12]}"}])
    assert "ovs-port" in lan.kinds() and attached.key not in lan.kernel.present
    lan.network("eth", driver="openvswitch", driver_options={"com.docker.network.container_iface_prefix": "eth"})
    lan.sandbox("db", networks=[{"name": "eth"}])
    assert port(lan, "db", "eth") == "eth0"


def test_with_datapath_netdev_an_interface_has_the_name_of_its_port(lan):
    lan.ensure("network", item("user", "10.8.0.0/24", **{DATAPATH: "netdev"}))
    asked = {"name": "web", "networks": [{"name": "user", "interface_name": "eth7"}]}
    assert "with datapath netdev of network 'user', the interface has the name of its port, 'ovs" in lan.refused(
        "sandbox", asked
    )
    lan.sandbox("web", networks=[{"name": "user"}])
    asked["networks"][0]["interface_name"] = port(lan, network="user")
    assert not lan.ensure("sandbox", asked).changed


def test_addresses_do_not_come_from_a_dhcp_server(lan):
    asked = {**item("new", "10.9.0.0/24", **{UPLINK: "eth1"}), "ipam_driver": "dhcp"}
    assert "driver 'openvswitch' does not have it. Use macvlan with a parent" in lan.refused("network", asked)


def test_ports_are_not_published(lan):
    asked = {"name": "web", "networks": [{"name": "lan"}], "published_ports": ["8080:80"]}
    assert "'lan' is a bridge of Open vSwitch, and the host does not route to it" in lan.refused("sandbox", asked)


def test_a_host_that_lacks_something_is_left_alone(lan):
    asked = item("new", "10.9.0.0/24")
    lan.kernel.facts.system_datapath = False
    assert "this kernel has no datapath for Open vSwitch. Load its module" in lan.refused("network", asked)
    lan.ensure("network", item("user", "10.8.0.0/24", **{DATAPATH: "netdev"}))
    lan.kernel.facts.switch = Vswitch("Open vSwitch is not installed on this host", installed=False)
    assert "Network 'new': Open vSwitch is not installed on this host" in lan.refused("network", asked)


def test_a_bridge_that_is_gone_stops_what_is_on_it(lan):
    lan.ensure("network", item("far", "10.5.0.0/24", **{NAME: "br0", VLAN: 5, DATAPATH: "netdev"}))
    lan.kernel.lose(THEIRS.key)
    asked = {"name": "web", "networks": [{"name": "far"}]}
    assert "Open vSwitch bridge 'br0', which was adopted, is gone" in lan.refused("sandbox", asked, error=Conflict)


def table(*rows):
    return json.dumps({"headings": list(rows[0]), "data": [list(row.values()) for row in rows]})


def row(name, number, tag=(), trunks=(), mode=(), ours=True):
    sets = {"tag": tag, "trunks": trunks, "vlan_mode": mode}
    cells = {key: value if isinstance(value, (int, str)) else ["set", list(value)] for key, value in sets.items()}
    marks = [["cnm", "port"]] if ours else [["who", "me"]]
    return {"_uuid": ["uuid", str(number)], "name": name, **cells, "external_ids": ["map", marks]}


def programs(monkeypatch, answers):
    """Return what runs programs that give ANSWERS, and the list of what was run."""
    asked = []
    monkeypatch.setattr(openvswitch, "find", lambda name: f"/usr/bin/{name}")

    def run(argv, stdin):
        asked.append(argv)
        return answers[argv[0].rpartition("/")[2]]

    return run, asked


def test_the_database_is_read(monkeypatch):
    bridges = table(
        {
            "name": "br0",
            "ports": ["set", [["uuid", "1"], ["uuid", "2"], ["uuid", "3"]]],
            "datapath_type": "",
            "external_ids": ["map", []],
        },
        {
            "name": "br1",
            "ports": ["uuid", "4"],
            "datapath_type": "netdev",
            "external_ids": ["map", [["cnm", "network"]]],
        },
    )
    ports = table(
        row("a", 1, tag=10),
        row("b", 2, tag=10, mode="trunk", ours=False),
        row("c", 3, trunks=(1, 2)),
        row("d", 4, tag=0, mode="access"),
        row("lost", 5),
    )
    types = table({"name": "a", "type": "internal"}, {"name": "d", "type": ""})
    run, _asked = programs(
        monkeypatch, {"ovs-vsctl": (0, "\n".join((bridges, ports, types)), ""), "ovs-appctl": (0, "", "")}
    )
    assert openvswitch.read(run) == Vswitch(
        bridges={"br0": Bridge("br0", "system", foreign=True), "br1": Bridge("br1", "netdev")},
        ports={
            "a": Port(HOST, "a", "br0", 10),
            "b": Port(HOST, "b", "br0", None, "", foreign=True),
            "c": Port(HOST, "c", "br0", None, ""),
            "d": Port(HOST, "d", "br1", 0, ""),
        },
    )


def test_what_does_not_answer_is_said(monkeypatch):
    refused = (1, "", "ovs-vsctl: unix:/run/db.sock: database connection failed (No such file or directory)\n")
    run, _asked = programs(monkeypatch, {"ovs-vsctl": refused})
    assert openvswitch.read(run).problem == (
        "Open vSwitch's database does not answer (unix:/run/db.sock: database connection failed (No such file or "
        "directory)). Start the service 'openvswitch-switch'."
    )
    late = "2026-12-01T01:02:27Z|00001|fatal_signal|WARN|terminating with signal 14 (Alarm clock)\n"
    run, _asked = programs(monkeypatch, {"ovs-vsctl": (0, "", ""), "ovs-appctl": (-14, "", late)})
    assert openvswitch.read(run).problem.startswith("Open vSwitch's ovs-vswitchd does not answer (no answer in time).")
    run, _asked = programs(monkeypatch, {"ovs-vsctl": (0, "what?\n", ""), "ovs-appctl": (0, "", "")})
    with pytest.raises(KernelRefused, match="in an unknown form"):
        openvswitch.read(run)
    monkeypatch.setattr(openvswitch, "find", lambda name: None)
    assert openvswitch.read(run) == Vswitch(
        "Open vSwitch is not installed on this host. Install the package 'openvswitch-switch'.", installed=False
    )


def test_changes_are_one_transaction(monkeypatch):
    said = (
        "ovs-vsctl: Error detected while setting up 'p1': could not open network device p1 (No such device).  "
        "See ovs-vswitchd log for details.\novs-vsctl: Error detected while setting up 'b'.  See ovs-vswitchd log for "
        'details.\novs-vsctl: The default log directory is "/var/log/openvswitch".\n'
    )
    run, asked = programs(monkeypatch, {"ovs-vsctl": (0, "", said)})
    failed = openvswitch.change(run, [["add-br", "b"], ["add-port", "b", "p1"]])
    assert asked == [["/usr/bin/ovs-vsctl", "--timeout=60", "--", "add-br", "b", "--", "add-port", "b", "p1"]]
    assert failed == {
        "p1": "could not open network device p1 (No such device)",
        "b": "see the log of ovs-vswitchd",
    }
    run, _asked = programs(monkeypatch, {"ovs-vsctl": (1, "", "ovs-vsctl: cannot create a port named b\n")})
    with pytest.raises(KernelRefused, match=r"did not carry out a change: cannot create a port named b\."):
        openvswitch.change(run, [["add-br", "b"]])
