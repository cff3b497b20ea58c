# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that fails leaves everything unchanged; a run that is killed is completed or undone by the next one."""

from __future__ import annotations

import functools
import itertools
import os

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, Collected, KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Address, Parent, Sysctl
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import Link
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.namespace import Namespace
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST

from ..conftest import pretended

FORWARDING = [Sysctl(HOST, "net/ipv4/ip_forward", "0"), Sysctl(HOST, "net/ipv6/conf/all/forwarding", "0")]
WEB = {"name": "web", "networks": [{"name": "lan"}], "published_ports": ["8080:80"]}
ON_LAN = {"networks": [{"name": "lan"}]}
DB = {"name": "db", "networks": [{"name": "back"}]}
KNOWN = {"name": "h2", "address": "192.0.2.2", "endpoints": [{"name": "far", "ipv4_address": "10.8.0.9"}]}
MOVED = {"name": "h3", "address": "192.0.2.3", "endpoints": [{"name": "near", "ipv4_address": "10.8.0.2"}]}
WIDE = {
    "name": "wide",
    "driver": "overlay",
    "driver_options": {"cnm.overlay.learning": False},
    "ipam_config": [{"subnet": "10.8.0.0/24"}],
    "peers": [KNOWN],
}

ADOPTING = {"name": "new", "driver_options": {"com.docker.network.bridge.name": "br9"}}
THEIRS = Namespace("/run/theirs", ours=False)

ON_SWITCH = {"name": "new", "driver": "openvswitch"}
LEASING = {
    "name": "new",
    "driver": "macvlan",
    "driver_options": {"parent": "eth0"},
    "ipam_driver": "dhcp",
    "ipam_config": [{"subnet": "192.168.7.0/24"}],
}
CARD = "02:00:00:00:00:09"
ROUTES = [
    {"destination": "10.7.0.0/16", "type": "blackhole"},
    {"destination": "10.6.0.0/16", "type": "prohibit", "metric": 3},
]
CASES = {
    "create": ("network", {"name": "new", "enable_ipv6": True}),
    "readdress": ("network", {"name": "lan", "ipam_config": [{"subnet": "10.3.0.0/24"}], "force": True}),
    "join": ("endpoint", {"name": "extra", "network": "back", "sandbox": "web"}),
    "leave": ("endpoint", {"name": "db", "network": "back", "state": "left"}),
    "make": ("sandbox", {"name": "new", "networks": [{"name": "lan"}]}),
    "routes": ("sandbox", {"name": "web", "routes": ROUTES}),
    "stop": ("sandbox", {"name": "web", "state": "stopped"}),
    "restart": ("sandbox", {**DB, "state": "restarted"}),
    "remove": ("sandbox", {"name": "web", "state": "absent"}),
    "delete": ("network", {"name": "lan", "state": "absent", "force": True}),
    "the first": ("network", {"name": "first"}),
    "overlay": ("network", WIDE),
    "peers": ("network", {**WIDE, "driver_options": {}, "peers": [MOVED]}),
    "encrypted": ("network", {**WIDE, "driver_options": {"encrypted": True}}),
    "adopt": ("network", ADOPTING),
    "macvlan": ("network", {"name": "new", "driver": "macvlan"}),
    "ipvlan": ("network", {"name": "new", "driver": "ipvlan", "driver_options": {"ipvlan_flag": "private"}}),
    "openvswitch": ("network", {**ON_SWITCH, "driver_options": {"cnm.bridge.uplink": "eth0"}}),
    "join a switch": ("endpoint", {"name": "extra", "network": "new", "sandbox": "web"}),
    "ask a DHCP server": ("endpoint", {"name": "extra", "network": "new", "sandbox": "web", "mac_address": CARD}),
    "vlan": ("network", {"name": "new", "driver": "macvlan", "driver_options": {"parent": "eth0.10"}}),
    "uplink": ("network", {"name": "new", "driver_options": {"cnm.bridge.uplink": "eth0.20"}}),
    "another uplink": ("network", {"name": "new", "driver_options": {"cnm.bridge.uplink": "eth0"}}),
    "no uplink": ("network", {"name": "new", "driver_options": {}}),
}
SPECIAL = {
    "give back": ("network", {"name": "new", "state": "absent"}),
    "join theirs": ("endpoint", {"name": "extra", "network": "lan", "sandbox": "theirs"}),
}


class Killed(BaseException):
    """Acts like SIGKILL: none of our code runs after it."""


def prepared(host, case):
    for theirs in (*FORWARDING, Link(HOST, "br9", "bridge", mtu=1500, group=0), Address(HOST, "br9", "10.9.0.1/24")):
        host.kernel.present[theirs.key] = theirs
    host.kernel.facts.links = {"br9": ["10.9.0.1/24"]}
    host.kernel.facts.wireguard = {"eth0"}
    host.kernel.facts.parents = {"eth0": Parent("", 1500, False, False, True, "")}
    if case == "give back":
        host.ensure("network", ADOPTING)
    elif case != "the first":
        host.network("lan")
        host.network("back", internal=True)
        host.ensure("sandbox", WEB, DB)
    if case in ("another uplink", "no uplink"):
        host.ensure("network", CASES["uplink"][1])
    if case == "join a switch":
        host.ensure("network", ON_SWITCH)
    if case == "ask a DHCP server":
        host.ensure("network", LEASING)
        host.kernel.server[CARD] = "192.168.7.61"
    if case == "join theirs":
        host.kernel.present[THEIRS.key] = THEIRS
        host.kernel.facts.namespaces[THEIRS.path] = 2
        host.sandbox("theirs", netns=THEIRS.path)
    if case == "peers":
        host.ensure("network", WIDE)
        host.sandbox("near", networks=[{"name": "wide"}])


def of_host(host):
    """Return what the host holds, without the settings of sandboxes and links, which stay."""
    return {one for one in host.kernel.present.values() if one.removable or (one.namespace == HOST and not one.link)}


def intent(host):
    return os.path.exists(os.path.join(host.folder, "intent.json"))


def broken_off(error, number, steps, kinds, step):
    """Raise ERROR before the step with NUMBER."""
    kinds.append(step.resource.kind)
    # The firewall is loaded as a whole, so a run cannot stop between two elements.
    if kinds[-2:] != ["element", "element"] and next(steps) == number:
        raise error


def each_step(case, error):
    """Yield a host on which ERROR stopped a run of CASE before its first step, one before its second step, and so on.

    Each comes with what it held and remembered before that run.
    """
    kind, item = {**CASES, **SPECIAL}[case]
    with pretended() as first:
        prepared(first, case)
        before = (first.remembered(), of_host(first))
        for number in itertools.count():
            with pretended() as host:
                host.become(first)
                host.kernel.before_step = functools.partial(broken_off, error, number, itertools.count(), [])
                try:
                    host.ensure(kind, item)
                except type(error):
                    host.kernel.before_step = lambda step: None
                    yield host, before
                else:
                    assert number > 1
                    return


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_leaves_everything_as_it_was(case):
    for host, (objects, present) in each_step(case, KernelRefused("pretended")):
        assert host.remembered() == objects
        assert of_host(host) ^ present == set()
        assert not intent(host)


@pytest.mark.parametrize("case", sorted(set(CASES) - {"readdress"}))
def test_the_run_after_a_killed_one_converges(case):
    kind, item = CASES[case]
    with pretended() as host:
        prepared(host, case)
        host.ensure(kind, item)
        expected = of_host(host)
    for host, _before in each_step(case, Killed()):
        assert intent(host)
        host.ensure(kind, item)
        assert of_host(host) ^ expected == set()
        assert not intent(host)
        assert host.ensure(kind, item).changed == (case == "restart")


@pytest.mark.parametrize("case", ["join", "delete", "adopt", "overlay", "uplink"])
def test_what_a_killed_run_has_left_can_be_removed(case):
    for host, (_objects, present) in each_step(case, Killed()):
        names = [name for name in host.listed("network") if name not in ("bridge", "host", "none")]
        host.ensure("sandbox", *({"name": name, "state": "absent"} for name in host.listed("sandbox")))
        host.ensure("network", *({"name": name, "state": "absent", "force": True} for name in names))
        assert host.left() == {one.key for one in present if "br9" in one.key}
        assert host.kernel.present[("link", HOST, "br9")].group == 0
        assert [host.kernel.present[one.key] for one in FORWARDING] == FORWARDING
        assert not intent(host)


def test_a_bridge_that_was_given_back_does_not_keep_the_host_forwarding():
    kind, item = SPECIAL["give back"]
    for host, _before in each_step("give back", Killed()):
        host.kernel.facts.bridges = ["br9"] if host.kernel.present["link", HOST, "br9"].foreign else []
        host.ensure(kind, item)
        assert [host.kernel.present[one.key] for one in FORWARDING] == FORWARDING


def test_what_a_killed_run_has_left_is_no_interface_of_somebody_else():
    kind, item = SPECIAL["join theirs"]
    for host, _before in each_step("join theirs", Killed()):
        there = {"lo", "eth0"} | {key[2] for key in host.kernel.present if key[:2] == (Link.kind, THEIRS.path)}
        host.kernel.facts.link_names = lambda _path, there=there: there
        host.ensure(kind, item)
        assert host.one("sandbox", "theirs")["Networks"]["lan"]["InterfaceName"] == "eth1"
        del host.kernel.facts.link_names


def test_what_cannot_be_undone_is_left_to_the_next_run(host):
    prepared(host, "create")
    host.kernel.refuse = lambda step: step.after is not None and step.resource.kind == "link"
    with pytest.raises(Collected):
        host.sandbox("web", state="restarted")
    assert intent(host)
    host.kernel.refuse = None
    host.sandbox("web")
    assert not intent(host)
    assert not host.ensure("sandbox", WEB, DB).changed


def test_a_run_that_never_settles_says_what_is_left(host):
    host.kernel.apply = lambda steps: None
    with pytest.raises(CnmError, match="not in the expected state: .*bridge 'br-"):
        host.network("lan")


def test_connections_that_a_killed_run_has_to_end_are_ended_by_the_next():
    move = [{"name": "web", "published_ports": []}, {"name": "other", "published_ports": ["8080:80"], **ON_LAN}]
    entry = "8080 . tcp . 0.0.0.0/0 . 0.0.0.0/0"
    with pretended() as host:
        prepared(host, "move")
        host.kernel.before_step = functools.partial(broken_off, Killed(), 6, itertools.count(), [])
        with pytest.raises(Killed):
            host.ensure("sandbox", *move)
        host.kernel.before_step = lambda step: None
        host.network("lan")
        assert [port for port, _target in host.kernel.ended] == [entry]
        (target,) = [target for _port, target in host.kernel.ended]
        assert target.endswith(".3 . 80"), "that of the sandbox which was not to be"
        host.network("lan")
        assert len(host.kernel.ended) == 1
